// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/runs/undo_bar.h"

#include "ui/theme/theme.h"

#include <QEvent>
#include <QGraphicsDropShadowEffect>
#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>
#include <QTimer>

#include <utility>

namespace ui {
namespace {

constexpr int kStaysMs = 8'000;

} // namespace

UndoBar::UndoBar(QWidget* parent) : QFrame(parent) {
    setRole(this, "card");
    auto* shadow = new QGraphicsDropShadowEffect(this);
    shadow->setBlurRadius(3 * kGrid);
    shadow->setOffset(0, 4);
    shadow->setColor(QColor(0, 0, 0, 90));
    setGraphicsEffect(shadow);
    auto* row = new QHBoxLayout(this);
    row->setContentsMargins(2 * kGrid, kGrid, kGrid, kGrid);
    row->setSpacing(2 * kGrid);
    m_text = new QLabel;
    m_text->setTextFormat(Qt::PlainText);
    auto* button = new QPushButton(tr("Undo"));
    button->setObjectName(QStringLiteral("undo"));
    button->setToolTip(tr("Ctrl+Z"));
    connect(button, &QPushButton::clicked, this, &UndoBar::undo);
    row->addWidget(m_text);
    row->addWidget(button);
    m_timer = new QTimer(this);
    m_timer->setSingleShot(true);
    m_timer->setInterval(kStaysMs);
    connect(m_timer, &QTimer::timeout, this, &UndoBar::expire);
    parent->installEventFilter(this);
    hide();
}

void UndoBar::offer(const QString& text) {
    expire();
    m_text->setText(text);
    m_pending = true;
    m_timer->start();
    show();
    raise();
    place();
}

void UndoBar::expire() {
    m_timer->stop();
    hide();
    if (std::exchange(m_pending, false)) Q_EMIT expired();
}

void UndoBar::undo() {
    m_timer->stop();
    hide();
    if (std::exchange(m_pending, false)) Q_EMIT undone();
}

bool UndoBar::eventFilter(QObject* watched, QEvent* event) {
    if (event->type() == QEvent::Resize && isVisible()) place();
    return QFrame::eventFilter(watched, event);
}

void UndoBar::place() {
    adjustSize();
    move((parentWidget()->width() - width()) / 2, parentWidget()->height() - height() - 3 * kGrid);
}

} // namespace ui
