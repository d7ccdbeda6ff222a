// SPDX-License-Identifier: GPL-3.0-or-later
// Where models are: one of a name of its own, a path, or a hub id in the standard Hugging Face cache (FORMATS §A1).
#pragma once
#include "engine/error.h"

#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace engine {

/// A model that goes by a name of its own once resources/setup.sh has fetched it.
struct NamedModel {
    const char* name;  // as in model.path; a folder of that name is "./name"
    const char* title; // what it is, and its licence
    const char* file;  // in the folder of installed models
    const char* fetch; // the command that fetches it
};
/// All of them, "default" first.
std::span<const NamedModel> namedModels();
/// nullptr: no model goes by that name.
const NamedModel* findNamedModel(const std::string& name);
/// "default (SmolLM2-135M-Instruct, …), …": for help.
std::string namedModelsText();

/// The folder or .gguf file of a model. Throws Error(NotFound) saying where it looked and how to get it.
std::filesystem::path resolveModel(const std::string& model);
/// The model that a folder holds: itself when it has a config.json, else its only .gguf file. Throws Error, with the hint `getIt`
/// where there is none.
std::filesystem::path modelIn(const std::filesystem::path& folder, const std::string& getIt);
/// Where the default model is, or would be: the first .gguf file of $PHIBENCH_HOME/models, else of the source tree's
/// .deps/models, that is no other named model's.
std::filesystem::path defaultModelPath();
/// Where Phibench keeps what it derives from models: "phibench" beside the hub's cache.
std::filesystem::path derivedCache();
/// Models that can be loaded now: the named ones that are there, and those of the hub cache whose model_type `runs`.
std::vector<std::string> installedModels(const std::function<bool(const std::string& modelType)>& runs);

} // namespace engine
