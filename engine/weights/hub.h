// SPDX-License-Identifier: GPL-3.0-or-later
// Where models are: "default", a path, or a hub id in the standard Hugging Face cache (FORMATS §A1).
#pragma once
#include "engine/error.h"

#include <filesystem>
#include <string>
#include <vector>

namespace engine {

/// The folder or .gguf file of a model. Throws Error(NotFound) saying where it looked and how to get it.
std::filesystem::path resolveModel(const std::string& model);
/// Where resources/setup.sh puts the default model: $PHIBENCH_HOME/models, else .deps/models of the source tree.
std::filesystem::path defaultModelPath();
/// Where Phibench keeps what it derives from models: "phibench" beside the hub's cache.
std::filesystem::path derivedCache();
/// Models that can be loaded now: the default one and the hub cache's.
std::vector<std::string> installedModels();

} // namespace engine
