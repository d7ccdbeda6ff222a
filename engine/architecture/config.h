// SPDX-License-Identifier: GPL-3.0-or-later
// What a model's files say of its decoder, and the same said again in files that are written here.
#pragma once
#include "engine/architecture/architecture.h"
#include "engine/weights/gguf_writer.h"
#include "engine/weights/tensor_view.h"

#include <filesystem>
#include <string>
#include <vector>

namespace engine {

/// Reads both config dialects of transformers (4 and 5; FORMATS §A1). Throws Error(BadInput) naming file and key for what is
/// missing, contradictory, or a feature that would change the numbers, and for a classifier's folder or an adapter's GGUF.
DecoderConfig configFromFolder(const std::filesystem::path& folder);
DecoderConfig configFromGguf(const GgufFile& file);
/// Of either.
DecoderConfig configOf(const std::filesystem::path& model);

/// Whether a family reads models of this model_type of config.json.
bool readsModelType(const std::string& type);

/// What all models of a family (see families/list.h) have in common; sizes are still to be said. Throws Error(Internal) for
/// another name.
DecoderConfig commonConfig(const std::string& family);

/// config.json: read by transformers 4 and 5. `type`: of the weights. Throws Error(BadInput) for what the family's config.json
/// cannot say.
std::string configText(const DecoderConfig& config, DType type);
/// A folder's own config.json for weights of this type that are no longer quantised.
std::string plainConfigText(const std::filesystem::path& folder, DType type);
/// Tensors of a GGUF that are no weights: rotary factors [dims / 2], float.
struct GgufTable {
    std::string name;
    std::vector<double> values;
};
std::vector<GgufTable> ggufTables(const DecoderConfig& config);
/// A GGUF's keys but those of its tokenizer, general.architecture first. Throws Error(BadInput) for what the architecture's keys
/// cannot say.
GgufMetadata ggufMetadata(const DecoderConfig& config);

} // namespace engine
