// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once
#include "engine/store/runs.h"

#include <string>

namespace app {

/// A self-contained page about a run, with its baseline beside it if there is one. All that comes from data is escaped.
std::string htmlReport(const engine::Runs& runs, const engine::RunDetail& run);

} // namespace app
