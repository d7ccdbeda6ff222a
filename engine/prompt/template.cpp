// SPDX-License-Identifier: GPL-3.0-or-later
// Cuts a template into question and answers once, so that rendering is joining strings.
#include "engine/prompt/template.h"

#include <algorithm>
#include <fmt/core.h>

namespace engine {
namespace {

constexpr std::string_view kText = "{text}";
constexpr std::string_view kLabel = "{label}";

[[noreturn]] void refuse(const std::string& message, const std::string& hint) {
    throw Error(ErrorCode::BadInput, message, hint);
}

// Where the placeholder stands; it must stand once.
std::size_t placeOf(std::string_view placeholder, const std::string& text) {
    const std::size_t at = text.find(placeholder);
    if (at == std::string::npos)
        refuse(fmt::format("prompt.template has no {}.", placeholder), "Write for example \"Text: {text}\\nLabel: {label}\".");
    if (text.find(placeholder, at + placeholder.size()) != std::string::npos)
        refuse(fmt::format("prompt.template has {} more than once.", placeholder), "Leave one.");
    return at;
}

} // namespace

PromptTemplate::PromptTemplate(const PromptSpec& spec, std::vector<std::string> labels) {
    const std::string& text = spec.text_template;
    const std::size_t textAt = placeOf(kText, text), labelAt = placeOf(kLabel, text);
    if (labelAt + kLabel.size() != text.size())
        refuse("prompt.template goes on after {label}.", "Let {label} be its end, without blanks or a line end after it.");
    m_before = text.substr(0, textAt);
    m_between = text.substr(textAt + kText.size(), labelAt - textAt - kText.size());
    const std::size_t spaces = m_between.size() - (m_between.find_last_not_of(' ') + 1);
    if (spaces > 0) m_between.pop_back();
    spell(spec, labels, spaces);
}

void PromptTemplate::spell(const PromptSpec& spec, const std::vector<std::string>& labels, std::size_t spaces) {
    m_answers = labels;
    std::vector<bool> spelled(labels.size());
    for (const auto& [label, spelling] : spec.labels) {
        const auto found = std::find(labels.begin(), labels.end(), label);
        if (found == labels.end())
            refuse(fmt::format("prompt.labels spells '{}', which is no label of the data.", label),
                   "Spell only labels that data.labels has.");
        const auto index = static_cast<std::size_t>(found - labels.begin());
        if (spelled[index]) refuse(fmt::format("prompt.labels spells '{}' twice.", label), "Leave one spelling.");
        spelled[index] = true;
        m_answers[index] = spelling;
    }
    for (std::size_t i = 0; i < m_answers.size(); ++i) {
        std::string& answer = m_answers[i];
        if (answer.find_first_not_of(" \t\r\n") == std::string::npos)
            refuse(fmt::format("The label '{}' is spelled with nothing but blanks.", labels[i]),
                   "Give it a spelling in prompt.labels.");
        if (spaces == 0) continue;
        if (answer.find_first_not_of(' ') >= spaces) answer.erase(0, spaces);
        answer.insert(0, 1, ' ');
    }
    for (std::size_t i = 0; i < m_answers.size(); ++i) {
        const auto same = std::find(m_answers.begin(), m_answers.begin() + static_cast<std::ptrdiff_t>(i), m_answers[i]);
        if (same == m_answers.begin() + static_cast<std::ptrdiff_t>(i)) continue;
        refuse(fmt::format("The labels '{}' and '{}' are both spelled \"{}\".",
                           labels[static_cast<std::size_t>(same - m_answers.begin())], labels[i], *same),
               "Give each its own spelling in prompt.labels.");
    }
}

std::string PromptTemplate::question(const std::string& text) const {
    std::string question;
    question.reserve(m_before.size() + text.size() + m_between.size());
    return question.append(m_before).append(text).append(m_between);
}

const std::string& PromptTemplate::answer(int label) const {
    return m_answers.at(static_cast<std::size_t>(label));
}
const std::vector<std::string>& PromptTemplate::answers() const {
    return m_answers;
}
const std::string& PromptTemplate::prefix() const {
    return m_before;
}

Prompt render(const Example& example, const PromptTemplate& promptTemplate) {
    return {example.record, promptTemplate.question(example.text), promptTemplate.answer(example.label), example.label};
}

} // namespace engine
