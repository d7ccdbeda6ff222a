// SPDX-License-Identifier: GPL-3.0-or-later
// Whether a prompt was made for the data that it is used with.
#pragma once
#include "engine/data/dataset.h"

namespace engine {

/// Warnings, each with the setting that it is about and a text that goes on from its title: {names} of other columns and of none,
/// lists of words that are not the labels, labels that the template leaves out, an answer that sticks to what stands before it.
/// `columns`: the table's. A prompt that is refused altogether gives none: PromptTemplate says why.
std::vector<Issue> promptDoubts(const PromptSpec& prompt, const Dataset& dataset, const std::vector<std::string>& columns);

} // namespace engine
