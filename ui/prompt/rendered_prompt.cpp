// SPDX-License-Identifier: GPL-3.0-or-later
// Read-only text in three formats.
#include "ui/prompt/rendered_prompt.h"

#include "ui/theme/theme.h"

#include <QTextCursor>

namespace ui {

QTextCharFormat promptFormat(PromptPart part) {
    const Theme& theme = Theme::instance();
    QTextCharFormat format;
    if (part == PromptPart::Question) {
        format.setForeground(theme.color(Token::Text));
        return format;
    }
    QColor color = theme.color(part == PromptPart::Text ? Token::Accent : Token::Good);
    format.setForeground(color);
    color.setAlphaF(theme.isDark() ? 0.16f : 0.10f);
    format.setBackground(color);
    if (part == PromptPart::Answer) format.setFontWeight(QFont::DemiBold);
    return format;
}

RenderedPrompt::RenderedPrompt(QWidget* parent) : QTextEdit(parent) {
    setReadOnly(true);
    setAcceptRichText(false);
    setRole(this, "mono");
    setTabChangesFocus(true);
    connect(&Theme::instance(), &Theme::changed, this, &RenderedPrompt::render);
}

void RenderedPrompt::setParts(const QString& before, const QString& text, const QString& after, const QString& answer) {
    m_parts[0] = before;
    m_parts[1] = text;
    m_parts[2] = after;
    m_parts[3] = answer;
    render();
}

void RenderedPrompt::render() {
    clear();
    QTextCursor cursor(document());
    constexpr PromptPart kParts[]{PromptPart::Question, PromptPart::Text, PromptPart::Question, PromptPart::Answer};
    for (int i = 0; i < 4; ++i) cursor.insertText(m_parts[i], promptFormat(kParts[i]));
    moveCursor(QTextCursor::Start);
}

} // namespace ui
