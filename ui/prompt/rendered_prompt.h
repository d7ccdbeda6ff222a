// SPDX-License-Identifier: GPL-3.0-or-later
// One row as the model reads it: the question, in it the row's text, and the answer it learns to give.
#pragma once
#include <QTextCharFormat>
#include <QTextEdit>

namespace ui {

enum class PromptPart { Question, Text, Answer };
QTextCharFormat promptFormat(PromptPart part);

class RenderedPrompt : public QTextEdit {
    Q_OBJECT
public:
    explicit RenderedPrompt(QWidget* parent = nullptr);
    /// `before` + `text` + `after` is the question.
    void setParts(const QString& before, const QString& text, const QString& after, const QString& answer);
    QString question() const { return m_parts[0] + m_parts[1] + m_parts[2]; }
    QString answer() const { return m_parts[3]; }

private:
    void render();
    QString m_parts[4];
};

} // namespace ui
