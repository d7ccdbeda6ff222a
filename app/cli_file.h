// SPDX-License-Identifier: GPL-3.0-or-later
// Whole files into phibench-cli.
#pragma once
#include <filesystem>
#include <string>

namespace app {

/// The bytes of a file, or of standard input for "-". Throws Error(NotFound, Io).
std::string readWhole(const std::filesystem::path& file);

} // namespace app
