// SPDX-License-Identifier: GPL-3.0-or-later
// Ctrl-C as a stop_token.
#pragma once
#include <stop_token>

namespace app {

/// From now on SIGINT and SIGTERM request a stop; a second one ends the program at once with 130. Call it once, before the engine
/// starts threads of its own.
std::stop_token stopOnSignals();

} // namespace app
