// SPDX-License-Identifier: GPL-3.0-or-later
// What a CSV does not say of itself: its delimiter, whether it has a header, and whether it is one at all.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace engine {

/// The one of , ; TAB | under which the first records have equally many fields; a comma when none separates anything.
char sniffDelimiter(std::string_view text);

/// Whether the first record names the columns of the others: no value of it recurs below, and it is shorter, not a number where
/// numbers follow, outside a column's few values, or a usual name. `records` are the first ones of a file.
bool looksLikeHeader(const std::vector<std::vector<std::string>>& records);

/// What a file that is no text is, by its first bytes ("a zip archive or Excel workbook"); nullptr: it may be a CSV.
const char* foreignFormat(std::string_view bytes);

} // namespace engine
