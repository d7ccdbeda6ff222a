// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/tensors.h"
#include "engine/model/targets.h"

#include <unordered_map>

namespace engine {

std::vector<TensorShape> modelTensors(const DecoderConfig& c) {
    std::unordered_map<std::string, std::int64_t> shifts;
    for (const LinearShape& bias : biases(c)) shifts.emplace(bias.name, bias.out);
    std::vector<TensorShape> all;
    const auto add = [&](const std::string& module, std::vector<std::int64_t> shape) {
        all.push_back({module + ".weight", std::move(shape)});
        if (const auto bias = shifts.find(module + ".bias"); bias != shifts.end()) all.push_back({bias->first, {bias->second}});
    };
    const bool phi = c.family == Family::Phi;
    add("model.embed_tokens", {c.vocab_size, c.hidden_size});
    const std::vector<LinearShape> linears = linearLayers(c);
    const std::size_t perLayer = linears.size() / static_cast<std::size_t>(c.layers);
    for (std::size_t i = 0; i < linears.size(); ++i) {
        const std::string layer = "model.layers." + std::to_string(i / perLayer) + ".";
        if (i % perLayer == 0) add(layer + "input_layernorm", {c.hidden_size});
        if (i % perLayer == 4 && !phi) add(layer + "post_attention_layernorm", {c.hidden_size});
        add(linears[i].name, {linears[i].out, linears[i].in});
    }
    add(phi ? "model.final_layernorm" : "model.norm", {c.hidden_size});
    if (!c.tied_head)
        add("lm_head", {c.vocab_size, c.hidden_size});
    else if (shifts.contains("lm_head.bias"))
        all.push_back({"lm_head.bias", {c.vocab_size}});
    return all;
}

} // namespace engine
