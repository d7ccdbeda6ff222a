// SPDX-License-Identifier: GPL-3.0-or-later
// The two boxes pages are made of: a card, and the column at the left that scrolls when it must.
#pragma once
#include <QFrame>
#include <QScrollArea>

class QHBoxLayout;
class QLabel;
class QVBoxLayout;

namespace ui {

class Card : public QFrame {
    Q_OBJECT
public:
    explicit Card(const QString& title = {}, QWidget* parent = nullptr);
    QVBoxLayout* body() const { return m_body; }
    /// Beside the title, at the right.
    void addToHeader(QWidget* widget, int stretch = 0);
    void setTitle(const QString& title);
    /// A muted word behind the title.
    void setDetail(const QString& text);

private:
    QVBoxLayout* m_body = nullptr;
    QWidget* m_headerBox = nullptr; // as tall with buttons as without; hidden while it says nothing
    QHBoxLayout* m_header = nullptr;
    QLabel *m_title = nullptr, *m_detail = nullptr;
};

/// Of fixed width; a wheel over a combo box scrolls the column unless the box has the focus.
class ScrollColumn : public QScrollArea {
    Q_OBJECT
public:
    static constexpr int kWidth = 320;
    explicit ScrollColumn(int width = kWidth, QWidget* parent = nullptr);
    QVBoxLayout* column() const { return m_column; }
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    QVBoxLayout* m_column = nullptr;
};

} // namespace ui
