// SPDX-License-Identifier: GPL-3.0-or-later
// Numbers as people write and read them.
#pragma once
#include <string_view>

namespace engine {

/// "12", "-3.5e2", " 40 %": a number and nothing else.
bool isNumber(std::string_view text);

} // namespace engine
