// SPDX-License-Identifier: GPL-3.0-or-later
// An example as the model reads it.
#pragma once
#include "engine/data/dataset.h"

namespace engine {

/// The pieces of "before {text} after {label}": everything before {label} is the question; trailing blanks of the question go
/// to the answer when the label's spelling begins with them, so that tokens do not straddle the border.
class PromptTemplate {
public:
    /// Throws Error(BadInput): no {text}, no {label}, {label} not at the end.
    PromptTemplate(const PromptSpec& spec, std::vector<std::string> labels);
    std::string question(const std::string& text) const;
    const std::string& answer(int label) const;      // the label's spelling
    const std::vector<std::string>& answers() const; // as labels
    /// What every question begins with (up to {text}).
    const std::string& prefix() const;

private:
    std::string m_before, m_between;
    std::vector<std::string> m_answers;
};

struct Prompt { std::int64_t record = 0; std::string question, answer; int label = 0; };
Prompt render(const Example& example, const PromptTemplate& promptTemplate);

} // namespace engine
