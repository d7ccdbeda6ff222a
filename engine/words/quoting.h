// SPDX-License-Identifier: GPL-3.0-or-later
// Somebody's text within a message.
#pragma once
#include <string>
#include <string_view>

namespace engine {

/// The characters of its first 60 bytes, up to what is no UTF-8, then "…" where that is not all.
std::string excerpt(std::string_view text);
/// An excerpt 'in quotes'.
std::string inQuotes(std::string_view text);
/// A name out of a file, "in quotes": its first 120 bytes, with "?" for controls.
std::string quote(std::string_view name);

} // namespace engine
