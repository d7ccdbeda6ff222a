// SPDX-License-Identifier: GPL-3.0-or-later
// Which weights a run used: the SHA-256 of a model's files, computed once.
#pragma once
#include <filesystem>
#include <stop_token>
#include <string>

namespace engine {

/// Of a .gguf file: its own. Of a folder: that of config.json's and its safetensors files' names and sums. Large files' sums are
/// remembered in derivedCache() by path, size and time of change. Throws Error; StopRequested.
std::string modelSha256(const std::filesystem::path& model, std::stop_token stop);

} // namespace engine
