// SPDX-License-Identifier: GPL-3.0-or-later
// What happened, line by line; folded, it shows the last line.
#pragma once
#include "engine/error.h"
#include "ui/card.h"

class QPlainTextEdit;
class QPushButton;

namespace ui {

class ElidedLabel;

class LogPanel : public Card {
    Q_OBJECT
public:
    explicit LogPanel(QWidget* parent = nullptr);
    void add(const QString& text, engine::Severity severity = engine::Severity::Note);
    void setOpen(bool open);
    bool isOpen() const;
    QString text() const;

private:
    QPushButton* m_toggle = nullptr;
    ElidedLabel* m_last = nullptr;
    QPlainTextEdit* m_lines = nullptr;
};

} // namespace ui
