// SPDX-License-Identifier: GPL-3.0-or-later
// Items one after another, wrapped like words.
#pragma once
#include <QLayout>
#include <QList>
#include <QWidget>

namespace ui {

class FlowLayout : public QLayout {
public:
    explicit FlowLayout(int spacing, QWidget* parent = nullptr);
    ~FlowLayout() override;

    void addItem(QLayoutItem* item) override { m_items.append(item); }
    int count() const override { return int(m_items.size()); }
    QLayoutItem* itemAt(int index) const override { return m_items.value(index); }
    QLayoutItem* takeAt(int index) override { return index >= 0 && index < m_items.size() ? m_items.takeAt(index) : nullptr; }
    Qt::Orientations expandingDirections() const override { return {}; }
    bool hasHeightForWidth() const override { return false; } // of a page's column it would ask the height at the least width
    int heightOf(int width) const { return arrange(QRect(0, 0, width, 0), false); }
    QSize sizeHint() const override { return minimumSize(); }
    QSize minimumSize() const override;
    void setGeometry(const QRect& rect) override;

private:
    int arrange(const QRect& rect, bool apply) const;
    QList<QLayoutItem*> m_items;
};

/// As tall as its items need at the width it has.
class FlowBox : public QWidget {
public:
    explicit FlowBox(int spacing, QWidget* parent = nullptr);
    FlowLayout* flow() const { return m_flow; }
    /// After items came, went or changed.
    void fit();

protected:
    void resizeEvent(QResizeEvent* event) override;
    bool event(QEvent* event) override;

private:
    FlowLayout* m_flow;
};

} // namespace ui
