// SPDX-License-Identifier: GPL-3.0-or-later
// Every tensor that a decoder reads, by its Hugging Face name.
#pragma once
#include "engine/architecture/architecture.h"

#include <string>
#include <vector>

namespace engine {

struct TensorShape {
    std::string name; // "model.layers.0.self_attn.q_proj.weight"
    std::vector<std::int64_t> shape;
};

/// In the order of the model: embedding, layers, final norm, head (none when it is tied).
std::vector<TensorShape> modelTensors(const DecoderConfig& config);

/// Norms of a layer that are there, in the model's order, by their paths; `size`: elements of each.
struct NormShape {
    std::string name;
    std::int64_t size = 0;
};
std::vector<NormShape> norms(const DecoderConfig& config);

/// "model.layers.3.input_layernorm"; empty where the module is not.
std::string layerPath(std::int64_t layer, const ModuleName& module);

} // namespace engine
