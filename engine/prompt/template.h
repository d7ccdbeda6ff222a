// SPDX-License-Identifier: GPL-3.0-or-later
// An example as the model reads it.
#pragma once
#include "engine/data/dataset.h"

namespace engine {

/// The pieces of "before {text} after {label}": everything before {label} is the question. Its last space, if it ends in one,
/// goes to the answer, because a word's token holds the space before it. Spaces before {label} that a spelling begins with are
/// not doubled: "is {label}" with "negative" or with " negative" is the question "…is" and the answer " negative".
class PromptTemplate {
public:
    /// Throws Error(BadInput): not one {text}, not one {label}, {label} not at the end, a spelling of an unknown label, a blank
    /// or doubled spelling.
    PromptTemplate(const PromptSpec& spec, std::vector<std::string> labels);
    std::string question(const std::string& text) const;
    const std::string& answer(int label) const;      // what follows the question, its space included; throws std::out_of_range
    const std::vector<std::string>& answers() const; // as labels
    /// What every question begins with (up to {text}).
    const std::string& prefix() const;

private:
    void spell(const PromptSpec& spec, const std::vector<std::string>& labels, std::size_t spaces);

    std::string m_before, m_between;
    std::vector<std::string> m_answers;
};

struct Prompt {
    std::int64_t record = 0;
    std::string question, answer;
    int label = 0;
};
Prompt render(const Example& example, const PromptTemplate& promptTemplate);

} // namespace engine
