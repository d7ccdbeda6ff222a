// SPDX-License-Identifier: GPL-3.0-or-later
// Ctrl-C and a terminal that closes as a stop_token.
#pragma once
#include <stop_token>

namespace app {

/// From now on SIGINT, SIGTERM, SIGQUIT and SIGHUP (unless nohup has it ignored) request a stop; a second one of the first three
/// ends the program at once with 130. Call it once, before the engine starts threads of its own.
std::stop_token stopOnSignals();

} // namespace app
