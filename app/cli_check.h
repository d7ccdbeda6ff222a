// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once
#include <string>
#include <vector>

namespace app {

/// The `check` command. Exit code: bad input if any path has an error.
int checkAll(bool json, const std::vector<std::string>& paths);

} // namespace app
