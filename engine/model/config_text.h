// SPDX-License-Identifier: GPL-3.0-or-later
// config.json of a model folder that is written here.
#pragma once
#include "engine/model/config.h"
#include "engine/weights/tensor_view.h"

#include <filesystem>
#include <string>

namespace engine {

/// For the configuration of a GGUF: read by transformers 4 and 5. `type`: of the weights. Throws Error(BadInput) for what the
/// family's config.json cannot say.
std::string configText(const DecoderConfig& config, DType type);
/// A folder's own config.json for weights of this type that are no longer quantised.
std::string plainConfigText(const std::filesystem::path& folder, DType type);

} // namespace engine
