// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/flow_layout.h"

#include <QEvent>

namespace ui {

FlowLayout::FlowLayout(int spacing, QWidget* parent) : QLayout(parent) {
    setContentsMargins(0, 0, 0, 0);
    setSpacing(spacing);
}

FlowLayout::~FlowLayout() {
    qDeleteAll(m_items);
}

QSize FlowLayout::minimumSize() const {
    QSize size;
    for (const QLayoutItem* item : m_items) size = size.expandedTo(item->minimumSize());
    return size;
}

void FlowLayout::setGeometry(const QRect& rect) {
    QLayout::setGeometry(rect);
    arrange(rect, true);
}

int FlowLayout::arrange(const QRect& rect, bool apply) const {
    int x = rect.x(), y = rect.y(), line = 0;
    for (QLayoutItem* item : m_items) {
        if (const QWidget* widget = item->widget();
            widget && widget->isHidden() && widget->testAttribute(Qt::WA_WState_ExplicitShowHide))
            continue; // new ones are shown later
        const QSize size = item->sizeHint().boundedTo(QSize(std::max(rect.width(), 1), QWIDGETSIZE_MAX));
        if (x > rect.x() && x + size.width() > rect.right() + 1) {
            x = rect.x();
            y += line + spacing();
            line = 0;
        }
        if (apply) item->setGeometry(QRect(QPoint(x, y), size));
        x += size.width() + spacing();
        line = std::max(line, size.height());
    }
    return y + line - rect.y();
}

FlowBox::FlowBox(int spacing, QWidget* parent) : QWidget(parent), m_flow(new FlowLayout(spacing, this)) {}

void FlowBox::fit() {
    m_flow->invalidate();
    setFixedHeight(std::max(1, m_flow->heightOf(width())));
    m_flow->setGeometry(rect());
}

void FlowBox::resizeEvent(QResizeEvent*) {
    fit();
}

bool FlowBox::event(QEvent* event) {
    if (event->type() == QEvent::LayoutRequest || event->type() == QEvent::Show) fit(); // items have no size until they are shown
    return QWidget::event(event);
}

} // namespace ui
