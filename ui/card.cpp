// SPDX-License-Identifier: GPL-3.0-or-later
// Margins and spacing on the grid.
#include "ui/card.h"

#include "ui/theme/theme.h"

#include <QComboBox>
#include <QEvent>
#include <QHBoxLayout>
#include <QLabel>
#include <QScrollBar>
#include <QVBoxLayout>

namespace ui {

Card::Card(const QString& title, QWidget* parent) : QFrame(parent) {
    setRole(this, "card");
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(2 * kGrid, kGrid, 2 * kGrid, 12);
    column->setSpacing(kGrid);
    m_headerBox = new QWidget;
    m_headerBox->setFixedHeight(4 * kGrid);
    m_header = new QHBoxLayout(m_headerBox);
    m_header->setContentsMargins(0, 0, 0, 0);
    m_header->setSpacing(kGrid);
    m_title = new QLabel;
    setRole(m_title, "heading");
    m_detail = new QLabel;
    m_detail->setTextFormat(Qt::PlainText);
    setRole(m_detail, "small");
    m_header->addWidget(m_title);
    m_header->addWidget(m_detail);
    m_header->addStretch(1);
    column->addWidget(m_headerBox);
    m_body = new QVBoxLayout;
    m_body->setSpacing(kGrid);
    column->addLayout(m_body, 1);
    setTitle(title);
}

void Card::addToHeader(QWidget* widget, int stretch) {
    m_header->addWidget(widget, stretch);
    m_headerBox->show();
}

void Card::setTitle(const QString& title) {
    m_title->setText(title);
    m_title->setVisible(!title.isEmpty());
    m_headerBox->setVisible(!title.isEmpty() || m_header->count() > 3);
}

void Card::setDetail(const QString& text) {
    m_detail->setText(text);
}

ScrollColumn::ScrollColumn(int width, QWidget* parent) : QScrollArea(parent) {
    setWidgetResizable(true);
    setFrameShape(QFrame::NoFrame);
    setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    setFixedWidth(width + 10); // the bar lies in the gap beside the column
    auto* inside = new QWidget;
    setRole(inside, "scrolled");
    inside->setAutoFillBackground(false);
    viewport()->setAutoFillBackground(false);
    inside->setFixedWidth(width);
    m_column = new QVBoxLayout(inside);
    m_column->setContentsMargins(0, 0, 0, 0);
    m_column->setSpacing(2 * kGrid);
    setWidget(inside);
    inside->installEventFilter(this);
}

bool ScrollColumn::eventFilter(QObject* watched, QEvent* event) {
    if (event->type() == QEvent::ChildPolished) {
        QObject* child = static_cast<QChildEvent*>(event)->child();
        for (QComboBox* box : child->findChildren<QComboBox*>()) {
            box->setFocusPolicy(Qt::StrongFocus);
            box->installEventFilter(this);
        }
        if (auto* box = qobject_cast<QComboBox*>(child)) {
            box->setFocusPolicy(Qt::StrongFocus);
            box->installEventFilter(this);
        }
    } else if (event->type() == QEvent::Wheel) {
        if (const auto* box = qobject_cast<QComboBox*>(watched); box && !box->hasFocus()) {
            event->ignore();
            return true;
        }
    }
    return QScrollArea::eventFilter(watched, event);
}

} // namespace ui
