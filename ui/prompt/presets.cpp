// SPDX-License-Identifier: GPL-3.0-or-later
// What is the same for every row comes first where possible: the model then reads it once for a whole batch.
#include "ui/prompt/presets.h"

#include <QCoreApplication>

namespace ui {
namespace {

QString tr(const char* text) {
    return QCoreApplication::translate("ui::presets", text);
}

constexpr std::size_t kLabelsNamed = 20; // more would make the question longer than most texts

QString instruction(const std::vector<std::string>& labels) {
    QString choice;
    if (!labels.empty() && labels.size() <= kLabelsNamed) {
        for (const std::string& label : labels)
            choice += (choice.isEmpty() ? QString() : QStringLiteral(", ")) + QString::fromStdString(label);
        choice = QStringLiteral(" Answer with one of: %1.").arg(choice);
    }
    return QStringLiteral("Which label fits the text?%1\n\nText: {text}\nLabel: {label}").arg(choice);
}

// The article's f-string, indents and all.
QString article() {
    const QString gap = QStringLiteral("\n") + QString(12, QLatin1Char(' ')) + QStringLiteral("\n");
    return QStringLiteral("The sentiment of the following phrase: '{text}' is ") + gap + QStringLiteral("\n Positive") + gap +
           QStringLiteral(" Negative") + gap + QStringLiteral(" Neutral") + gap + QStringLiteral(" Cannot be determined") + gap +
           QStringLiteral("\nSolution: The correct option is {label}");
}

} // namespace

std::vector<Preset> presets(const std::vector<std::string>& labels) {
    return {{tr("Instruction first"), tr("The task, then the text. What every row shares is read once, so this is the quickest."),
             instruction(labels)},
            {tr("The article's"), tr("Sentiment as a multiple choice, exactly as in the article about Phi-2."), article()},
            {tr("Bare"), tr("Only the text and its label: the adapter learns the task from the rows alone."),
             QStringLiteral("{text}\nLabel: {label}")}};
}

QString defaultTemplate(const std::vector<std::string>& labels) {
    return instruction(labels);
}

} // namespace ui
