// SPDX-License-Identifier: GPL-3.0-or-later
// Small and capital letters of any script.
#pragma once
#include <string>

namespace engine {

/// UTF-8 in lower case by Unicode's rules, whatever the locale. Bytes that are no UTF-8 become U+FFFD.
std::string lowerCase(const std::string& text);

} // namespace engine
