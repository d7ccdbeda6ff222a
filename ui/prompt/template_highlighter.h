// SPDX-License-Identifier: GPL-3.0-or-later
// Colours of {text}, {label} and of words in braces that mean nothing.
#pragma once
#include <QSyntaxHighlighter>

namespace ui {

class TemplateHighlighter : public QSyntaxHighlighter {
    Q_OBJECT
public:
    explicit TemplateHighlighter(QTextDocument* document);
    /// Words in braces that are sent as they stand, "{sentence}".
    static QStringList unknown(const QString& text);

protected:
    void highlightBlock(const QString& text) override;
};

} // namespace ui
