// SPDX-License-Identifier: GPL-3.0-or-later
// Whole files in and out of phibench-cli.
#pragma once
#include <filesystem>
#include <string>

namespace app {

/// The bytes of a file, or of standard input for "-". Throws Error(NotFound, Io).
std::string readWhole(const std::filesystem::path& file);
/// Written beside and renamed, so that there is the whole file or none. Throws Error(Io).
void writeWhole(const std::filesystem::path& file, const std::string& bytes);

} // namespace app
