// SPDX-License-Identifier: GPL-3.0-or-later
// A comparison as phibench-cli tells it.
#pragma once
#include "app/cli.h"
#include "app/cli_output.h"
#include "engine/compare.h"

namespace app {

/// runs, differences and, of runs that were tested on the same rows, verdict.
Json comparisonJson(const engine::Comparison& comparison);
/// Figures side by side, differences to the first run, rows, matrices, and the settings that differ.
std::string comparisonText(const engine::Comparison& comparison);

/// `runs compare`.
int compareRuns(const Session& session, const std::vector<engine::RunId>& ids);

} // namespace app
