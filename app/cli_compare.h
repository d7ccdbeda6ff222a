// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once
#include "app/cli.h"

namespace app {

/// `runs compare`: figures side by side, differences to the first run, matrices, and the settings that differ.
int compareRuns(const Session& session, const std::vector<engine::RunId>& ids);

} // namespace app
