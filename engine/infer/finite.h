// SPDX-License-Identifier: GPL-3.0-or-later
// Numbers that are none: what no result may be made of.
#pragma once
#include <string>

namespace engine {

/// Throws Error(BadInput): the model computes numbers that are not finite. `where`: "for record 7".
[[noreturn]] void refuseNotFinite(const std::string& where);

} // namespace engine
