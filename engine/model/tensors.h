// SPDX-License-Identifier: GPL-3.0-or-later
// Every tensor that a decoder reads, by its Hugging Face name. No torch here.
#pragma once
#include "engine/model/config.h"

#include <string>
#include <vector>

namespace engine {

struct TensorShape {
    std::string name; // "model.layers.0.self_attn.q_proj.weight"
    std::vector<std::int64_t> shape;
};

/// In the order of the model: embedding, layers, final norm, head (none when it is tied).
std::vector<TensorShape> modelTensors(const DecoderConfig& config);

} // namespace engine
