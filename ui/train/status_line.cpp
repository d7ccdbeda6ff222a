// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/train/status_line.h"

#include "ui/theme/icons.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QProgressBar>
#include <QPushButton>

#include <array>
#include <cmath>
#include <cstring>

namespace ui {
namespace {

struct Look {
    const char *role, *icon;
    Token color;
};
constexpr std::array<Look, 5> kLooks{{{"error", "error", Token::Bad},
                                      {"warning", "warning", Token::Warn},
                                      {"good", "good", Token::Good},
                                      {"running", "train", Token::Accent},
                                      {"muted", "note", Token::Muted}}};

} // namespace

StatusLine::StatusLine(QWidget* parent) : QWidget(parent) {
    setFixedHeight(5 * kGrid);
    auto* row = new QHBoxLayout(this);
    row->setContentsMargins(0, 0, 0, 0);
    row->setSpacing(kGrid);
    m_icon = new QLabel;
    m_icon->setFixedSize(20, 20);
    auto* lines = new QVBoxLayout;
    lines->setSpacing(4);
    m_text = new QLabel;
    m_text->setObjectName(QStringLiteral("trainLine"));
    m_text->setTextFormat(Qt::PlainText);
    m_text->setWordWrap(true);
    m_text->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Expanding);
    m_text->setTextInteractionFlags(Qt::TextSelectableByMouse);
    m_progress = new QProgressBar;
    m_progress->setObjectName(QStringLiteral("trainProgress"));
    m_progress->setRange(0, 1000);
    m_progress->setTextVisible(false);
    lines->addWidget(m_text, 1);
    lines->addWidget(m_progress);
    m_action = new QPushButton;
    m_action->setObjectName(QStringLiteral("lineAction"));
    connect(m_action, &QPushButton::clicked, this, [this] {
        if (const auto run = m_run) run();
    });
    row->addWidget(m_icon);
    row->addLayout(lines, 1);
    row->addWidget(m_action);
}

void StatusLine::say(const QString& text, const char* role, const QString& action, std::function<void()> run) {
    m_text->setText(text);
    if (m_text->property("role").toByteArray() != role) setRole(m_text, role);
    for (const Look& look : kLooks)
        if (std::strcmp(look.role, role) == 0) m_icon->setPixmap(icon(QLatin1String(look.icon), look.color).pixmap(18, 18));
    m_action->setText(action);
    m_action->setVisible(!action.isEmpty());
    m_run = std::move(run);
}

void StatusLine::setProgress(double share) {
    m_progress->setVisible(share >= 0);
    if (share >= 0) m_progress->setValue(int(std::floor(share * 1000)));
}

} // namespace ui
