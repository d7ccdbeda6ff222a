// SPDX-License-Identifier: GPL-3.0-or-later
// The word somebody probably meant.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace engine {

/// Letters to insert, drop, replace or swap with their neighbour to come from one word to the other (optimal string alignment),
/// case aside.
std::size_t editDistance(std::string_view left, std::string_view right);

/// Of `known` dotted keys the one nearest to `key`: in what follows the last dot first, then in the whole. Empty where none is
/// near: a third of its letters or more are others, and neither begins or ends with the other's words.
std::string nearestKey(const std::string& key, const std::vector<std::string>& known);

} // namespace engine
