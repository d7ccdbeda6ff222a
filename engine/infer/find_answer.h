// SPDX-License-Identifier: GPL-3.0-or-later
// Which label a generated text names.
#pragma once
#include <optional>
#include <string>
#include <vector>

namespace engine {

/// The first label found in the text, whatever the case; the last label is looked for first, then the others in their order, as
/// the article's notebook looks for positive, negative, neutral. A label inside a longer one ("likely" in "unlikely") is not
/// found.
std::optional<int> findAnswer(const std::string& text, const std::vector<std::string>& spellings);

} // namespace engine
