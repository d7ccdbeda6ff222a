// SPDX-License-Identifier: GPL-3.0-or-later
// The sample data that resources/setup.sh fetches.
#pragma once
#include <filesystem>

namespace engine {

/// Opinion sentences with their sentiment (DESIGN §4), CSV; empty when it was not fetched.
std::filesystem::path defaultDataFile();

} // namespace engine
