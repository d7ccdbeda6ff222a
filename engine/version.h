// SPDX-License-Identifier: GPL-3.0-or-later
// Which Phibench this is.
#pragma once

namespace engine {

const char* version(); // "0.1.0"

} // namespace engine
