// SPDX-License-Identifier: GPL-3.0-or-later
// The colours are those of the rendered example beside it.
#include "ui/prompt/template_highlighter.h"

#include "ui/prompt/rendered_prompt.h"
#include "ui/theme/theme.h"

#include <QRegularExpression>

namespace ui {
namespace {

const QRegularExpression& braces() {
    static const QRegularExpression expression(QStringLiteral("\\{[A-Za-z_][A-Za-z0-9_]*\\}"));
    return expression;
}

bool known(const QString& word) {
    return word == QLatin1String("{text}") || word == QLatin1String("{label}");
}

} // namespace

TemplateHighlighter::TemplateHighlighter(QTextDocument* document) : QSyntaxHighlighter(document) {
    connect(&Theme::instance(), &Theme::changed, this, &QSyntaxHighlighter::rehighlight);
}

QStringList TemplateHighlighter::unknown(const QString& text) {
    QStringList words;
    for (auto match = braces().globalMatch(text); match.hasNext();) {
        const QString word = match.next().captured();
        if (!known(word) && !words.contains(word)) words << word;
    }
    return words;
}

void TemplateHighlighter::highlightBlock(const QString& text) {
    for (auto match = braces().globalMatch(text); match.hasNext();) {
        const auto found = match.next();
        const QString word = found.captured();
        QTextCharFormat format;
        if (known(word)) {
            format = promptFormat(word == QLatin1String("{text}") ? PromptPart::Text : PromptPart::Answer);
        } else {
            format.setUnderlineStyle(QTextCharFormat::WaveUnderline);
            format.setUnderlineColor(Theme::instance().color(Token::Warn));
        }
        setFormat(int(found.capturedStart()), int(found.capturedLength()), format);
    }
}

} // namespace ui
