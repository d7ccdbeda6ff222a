// SPDX-License-Identifier: GPL-3.0-or-later
// Each line begins with its time of day.
#include "ui/train/log_panel.h"

#include "ui/elided_label.h"
#include "ui/theme/icons.h"

#include <QHBoxLayout>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QTextCursor>
#include <QTime>
#include <QVBoxLayout>

namespace ui {

LogPanel::LogPanel(QWidget* parent) : Card({}, parent) {
    layout()->setContentsMargins(kGrid, 4, kGrid, 4);
    layout()->setSpacing(0);
    auto* line = new QHBoxLayout;
    line->setSpacing(kGrid);
    m_toggle = new QPushButton(icon(QStringLiteral("chevron-right")), tr("Log"));
    m_toggle->setObjectName(QStringLiteral("logToggle"));
    m_toggle->setCheckable(true);
    m_toggle->setIconSize({14, 14});
    setRole(m_toggle, "fold");
    connect(m_toggle, &QPushButton::toggled, this, &LogPanel::setOpen);
    m_last = new ElidedLabel;
    m_last->setObjectName(QStringLiteral("logLast"));
    setRole(m_last, "small");
    line->addWidget(m_toggle);
    line->addWidget(m_last, 1);
    body()->addLayout(line);
    m_lines = new QPlainTextEdit;
    m_lines->setObjectName(QStringLiteral("log"));
    m_lines->setReadOnly(true);
    m_lines->setMaximumBlockCount(5000);
    m_lines->setFixedHeight(17 * kGrid);
    m_lines->setLineWrapMode(QPlainTextEdit::NoWrap);
    setRole(m_lines, "mono");
    m_lines->hide();
    body()->addWidget(m_lines);
    setSizePolicy(QSizePolicy::Preferred, QSizePolicy::Fixed);
}

void LogPanel::add(const QString& text, engine::Severity severity) {
    const QString mark = severity == engine::Severity::Error     ? tr("error: ")
                         : severity == engine::Severity::Warning ? tr("warning: ")
                                                                 : QString();
    const QString line = QTime::currentTime().toString(QStringLiteral("HH:mm:ss  ")) + mark + text;
    m_lines->appendPlainText(line);
    m_last->setFullText(line);
}

void LogPanel::setOpen(bool open) {
    m_toggle->setChecked(open);
    m_toggle->setIcon(icon(open ? QStringLiteral("chevron-down") : QStringLiteral("chevron-right")));
    m_lines->setVisible(open);
    m_last->setVisible(!open);
    if (open) m_lines->moveCursor(QTextCursor::End);
}

bool LogPanel::isOpen() const {
    return m_toggle->isChecked();
}

QString LogPanel::text() const {
    return m_lines->toPlainText();
}

} // namespace ui
