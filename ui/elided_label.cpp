// SPDX-License-Identifier: GPL-3.0-or-later
// Cuts its text whenever its width or font changes.
#include "ui/elided_label.h"

#include <QEvent>

namespace ui {

ElidedLabel::ElidedLabel(const QString& text, Qt::TextElideMode mode, QWidget* parent) : QLabel(parent), m_mode(mode) {
    setTextFormat(Qt::PlainText);
    setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Fixed);
    setFullText(text);
}

void ElidedLabel::setFullText(const QString& text) {
    m_full = text;
    elide();
}

QSize ElidedLabel::minimumSizeHint() const {
    return {fontMetrics().averageCharWidth() * 4, QLabel::minimumSizeHint().height()};
}

void ElidedLabel::resizeEvent(QResizeEvent* event) {
    QLabel::resizeEvent(event);
    elide();
}

void ElidedLabel::changeEvent(QEvent* event) {
    QLabel::changeEvent(event);
    if (event->type() == QEvent::FontChange || event->type() == QEvent::StyleChange) elide();
}

void ElidedLabel::elide() {
    const QString line = QString(m_full).replace(QLatin1Char('\n'), QLatin1Char(' '));
    const QString cut = fontMetrics().elidedText(line, m_mode, contentsRect().width());
    if (cut != text()) setText(cut);
    setToolTip(cut == line ? QString() : m_full);
}

} // namespace ui
