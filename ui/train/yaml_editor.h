// SPDX-License-Identifier: GPL-3.0-or-later
// The experiment as YAML, edited both ways: what is written here is what the form shows, and the other way round.
#pragma once
#include "ui/document.h"

#include <QWidget>

class QLabel;
class QPlainTextEdit;
class QTimer;

namespace ui {

class YamlEditor : public QWidget {
    Q_OBJECT
public:
    explicit YamlEditor(Document& document, QWidget* parent = nullptr);
    /// Why the text is no experiment; empty: it is one, and the document holds it.
    QString problem() const { return m_problem; }
    /// Takes what is being typed now rather than when the typing pauses.
    void flush();
    QString text() const;

Q_SIGNALS:
    void problemChanged();

private:
    void refresh();
    void take();
    void setProblem(const QString& text, int line);

    Document& m_document;
    QPlainTextEdit* m_edit = nullptr;
    QLabel* m_label = nullptr;
    QTimer* m_pause = nullptr;
    QString m_problem;
    bool m_taking = false;
};

} // namespace ui
