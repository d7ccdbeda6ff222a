// SPDX-License-Identifier: GPL-3.0-or-later
// Which linear layers a model has and which of them an adapter sits on.
#pragma once
#include "engine/architecture/architecture.h"

#include <string>
#include <vector>

namespace engine {

/// A linear layer that LoRA can sit on, by its Hugging Face path: "model.layers.0.self_attn.q_proj".
struct LinearShape {
    std::string name;
    std::int64_t in = 0, out = 0;
};
/// Every linear layer of a model but lm_head, in the model's order.
std::vector<LinearShape> linearLayers(const DecoderConfig& config);
/// Every bias of a model by its path ("model.layers.0.self_attn.q_proj.bias") with its size; norms' and lm_head's as well.
std::vector<LinearShape> biases(const DecoderConfig& config);
/// Those of linearLayers that targets choose: "all-linear", last parts of paths ("q_proj"), names of older files ("Wqkv",
/// "out_proj"), or a regular expression for the whole path. Throws Error(BadInput) naming a target that fits nothing.
std::vector<LinearShape> chooseTargets(const DecoderConfig& config, const std::vector<std::string>& targets);

} // namespace engine
