// SPDX-License-Identifier: GPL-3.0-or-later
// A trained adapter to and from PEFT's folder.
#pragma once
#include "engine/model/lora.h"

#include <filesystem>
#include <memory>
#include <string>

namespace engine {

/// `baseModel`: folder or hub id by which PEFT finds the base. Throws Error(Io, BadInput), leaving an older adapter whole.
void saveAdapter(Lora& lora, const std::filesystem::path& folder, const std::string& baseModel);

/// The adapter in `folder`, for a model of this configuration (set it with fresh = false). Layers of older Phi files (Wqkv) are
/// taken apart; where ranks differ, smaller ones are filled up with zeros, which changes nothing. Throws Error(BadInput) naming
/// adapter, layer and model where a layer is not the model's or its shapes do not fit.
std::shared_ptr<Lora> loadAdapter(const std::filesystem::path& folder, const DecoderConfig& config);

/// What the adapter says it was trained on, when that does not look like this model folder or file; else empty.
std::string otherBase(const std::filesystem::path& adapter, const std::filesystem::path& model);

} // namespace engine
