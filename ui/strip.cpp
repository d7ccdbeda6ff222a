// SPDX-License-Identifier: GPL-3.0-or-later
// Every figure has a place of fixed width, so that nothing moves as it counts.
#include "ui/strip.h"

#include "ui/elided_label.h"
#include "ui/figures.h"
#include "ui/run_watch.h"
#include "ui/theme/icons.h"

#include <QHBoxLayout>
#include <QKeyEvent>
#include <QMouseEvent>
#include <QPainter>
#include <QPushButton>

namespace ui {

Strip::Strip(RunWatch& watch, QWidget* parent) : QFrame(parent), m_watch(watch) {
    setObjectName(QStringLiteral("strip"));
    setRole(this, "strip");
    setFixedHeight(6 * kGrid);
    setCursor(Qt::PointingHandCursor);
    setFocusPolicy(Qt::TabFocus);
    setToolTip(tr("Show the run"));
    auto* row = new QHBoxLayout(this);
    row->setContentsMargins(3 * kGrid, 4, 3 * kGrid, 0);
    row->setSpacing(3 * kGrid);
    m_run = new ElidedLabel;
    m_run->setObjectName(QStringLiteral("stripRun"));
    setRole(m_run, "heading");
    row->addWidget(m_run, 1);
    const auto place = [&](const char* name, int width) {
        auto* label = new QLabel;
        label->setObjectName(QLatin1String(name));
        label->setFixedWidth(width);
        setRole(label, "muted");
        row->addWidget(label);
        return label;
    };
    m_stage = place("stripStage", 34 * kGrid);
    m_left = place("stripLeft", 16 * kGrid);
    m_speed = place("stripSpeed", 15 * kGrid);
    m_memory = place("stripMemory", 9 * kGrid);
    m_stop = new QPushButton(icon(QStringLiteral("stop"), Token::Bad), tr("Stop"));
    m_stop->setObjectName(QStringLiteral("stripStop"));
    m_stop->setCursor(Qt::ArrowCursor);
    m_stop->setToolTip(tr("Stops after the rows being computed and keeps a checkpoint (Ctrl+.)"));
    m_stop->setIconSize({14, 14});
    setRole(m_stop, "danger");
    row->addWidget(m_stop);
    connect(m_stop, &QPushButton::clicked, this, &Strip::stopRequested);
    connect(&m_watch, &RunWatch::changed, this, &Strip::refresh);
    refresh();
}

void Strip::refresh() {
    setVisible(m_watch.isRunning());
    if (!m_watch.isRunning()) return;
    m_run->setFullText(m_watch.run() ? tr("Run %1 · %2").arg(count(*m_watch.run()), m_watch.name()) : tr("Starting…"));
    m_stage->setText(m_watch.position().isEmpty() ? m_watch.stage() + QStringLiteral("…")
                                                  : m_watch.stage() + QStringLiteral(" · ") + m_watch.position());
    m_left->setText(m_watch.etaSeconds() >= 0 ? tr("%1 left").arg(duration(m_watch.etaSeconds())) : QString());
    m_speed->setText(m_watch.examplesPerSecond() > 0 ? tr("%1 examples/s").arg(figure(m_watch.examplesPerSecond(), 3))
                                                     : QString());
    m_memory->setText(m_watch.rssBytes() > 0 ? byteSize(m_watch.rssBytes()) : QString());
    m_stop->setEnabled(!m_watch.isStopping());
    update();
}

void Strip::mouseReleaseEvent(QMouseEvent* event) {
    if (event->button() == Qt::LeftButton && rect().contains(event->pos())) Q_EMIT clicked();
}

void Strip::keyPressEvent(QKeyEvent* event) {
    if (event->key() == Qt::Key_Return || event->key() == Qt::Key_Space)
        Q_EMIT clicked();
    else
        QFrame::keyPressEvent(event);
}

void Strip::paintEvent(QPaintEvent* event) {
    QFrame::paintEvent(event);
    QPainter painter(this);
    painter.fillRect(QRectF(0, 0, width(), 3), Theme::instance().color(Token::Border));
    painter.fillRect(QRectF(0, 0, width() * m_watch.progress(), 3), Theme::instance().color(Token::Accent));
}

} // namespace ui
