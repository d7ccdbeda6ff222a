// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/notice.h"

#include "ui/theme/icons.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>
#include <QShortcut>
#include <QToolButton>
#include <utility>

namespace ui {

Notice::Notice(QWidget* parent) : QFrame(parent) {
    setObjectName(QStringLiteral("notice"));
    setRole(this, "notice");
    auto* row = new QHBoxLayout(this);
    row->setContentsMargins(3 * kGrid, 2, 2 * kGrid, 2);
    row->setSpacing(kGrid);
    m_picture = new QLabel;
    row->addWidget(m_picture);
    m_text = new QLabel;
    m_text->setObjectName(QStringLiteral("noticeText"));
    m_text->setTextFormat(Qt::PlainText);
    m_text->setTextInteractionFlags(Qt::TextSelectableByMouse);
    m_text->setWordWrap(true);
    row->addWidget(m_text, 1);
    m_action = new QPushButton;
    m_action->setObjectName(QStringLiteral("noticeAction"));
    setRole(m_action, "quiet");
    connect(m_action, &QPushButton::clicked, this, [this] {
        const auto run = std::exchange(m_run, nullptr);
        dismiss();
        if (run) run();
    });
    row->addWidget(m_action);
    auto* close = new QToolButton;
    close->setObjectName(QStringLiteral("noticeClose"));
    close->setIcon(icon(QStringLiteral("close")));
    close->setToolTip(tr("Close (Esc)"));
    close->setAccessibleName(tr("Close"));
    connect(close, &QToolButton::clicked, this, &Notice::dismiss);
    row->addWidget(close);
    connect(&Theme::instance(), &Theme::changed, this, &Notice::paint);
    m_escape = new QShortcut(QKeySequence(Qt::Key_Escape), this, this, &Notice::dismiss, Qt::WindowShortcut);
    dismiss();
}

void Notice::say(const QString& problem) {
    show(problem, true, {}, {});
}

void Notice::tell(const QString& news, const QString& action, std::function<void()> run) {
    show(news, false, action, std::move(run));
}

void Notice::show(const QString& text, bool bad, const QString& action, std::function<void()> run) {
    m_bad = bad;
    m_run = std::move(run);
    m_text->setText(text);
    m_action->setText(action);
    m_action->setVisible(!action.isEmpty());
    paint();
    setRole(this, bad ? "notice" : "news");
    m_escape->setEnabled(true);
    setVisible(true);
}

void Notice::paint() {
    const QIcon picture = m_bad ? icon(QStringLiteral("error"), Token::Bad) : icon(QStringLiteral("note"), Token::Accent);
    m_picture->setPixmap(picture.pixmap(16, 16));
}

void Notice::dismiss() {
    m_escape->setEnabled(false);
    hide();
}

Notice* Notice::of(const QWidget* widget) {
    return widget->window()->findChild<Notice*>();
}

} // namespace ui
