// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/notice.h"

#include "ui/theme/icons.h"

#include <QAction>
#include <QHBoxLayout>
#include <QLabel>
#include <QShortcut>
#include <QToolButton>

namespace ui {

Notice::Notice(QWidget* parent) : QFrame(parent) {
    setObjectName(QStringLiteral("notice"));
    setRole(this, "notice");
    auto* row = new QHBoxLayout(this);
    row->setContentsMargins(3 * kGrid, 2, 2 * kGrid, 2);
    row->setSpacing(kGrid);
    auto* picture = new QLabel;
    const auto paint = [picture] { picture->setPixmap(icon(QStringLiteral("error"), Token::Bad).pixmap(16, 16)); };
    paint();
    connect(&Theme::instance(), &Theme::changed, picture, paint);
    row->addWidget(picture);
    m_text = new QLabel;
    m_text->setObjectName(QStringLiteral("noticeText"));
    m_text->setTextFormat(Qt::PlainText);
    m_text->setTextInteractionFlags(Qt::TextSelectableByMouse);
    m_text->setWordWrap(true);
    row->addWidget(m_text, 1);
    auto* close = new QToolButton;
    close->setObjectName(QStringLiteral("noticeClose"));
    close->setIcon(icon(QStringLiteral("close")));
    close->setToolTip(tr("Close (Esc)"));
    close->setAccessibleName(tr("Close"));
    connect(close, &QToolButton::clicked, this, &Notice::dismiss);
    row->addWidget(close);
    m_escape = new QShortcut(QKeySequence(Qt::Key_Escape), this, this, &Notice::dismiss, Qt::WindowShortcut);
    dismiss();
}

void Notice::say(const QString& problem) {
    m_text->setText(problem);
    takeEscape(true);
    show();
}

void Notice::dismiss() {
    takeEscape(false);
    hide();
}

void Notice::goBefore(QAction* other) {
    m_other = other;
    takeEscape(isVisible());
}

void Notice::takeEscape(bool take) {
    const QKeySequence escape(Qt::Key_Escape);
    m_escape->setEnabled(take);
    if (!m_other) return;
    QList<QKeySequence> keys = m_other->shortcuts();
    keys.removeAll(escape);
    if (!take) keys.prepend(escape);
    m_other->setShortcuts(keys);
}

Notice* Notice::of(const QWidget* widget) {
    return widget->window()->findChild<Notice*>();
}

} // namespace ui
