// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/targets.h"

#include <algorithm>
#include <regex>

namespace engine {

namespace {

std::string layerPath(std::int64_t layer) {
    return "model.layers." + std::to_string(layer) + ".";
}

std::string lastPart(const std::string& path) {
    return path.substr(path.rfind('.') + 1);
}

/// Layer names that a name in an older file stands for.
std::vector<std::string> modernNames(const DecoderConfig& config, const std::string& target) {
    if (target == "Wqkv" || target == "query_key_value" || target == "qkv_proj") return {"q_proj", "k_proj", "v_proj"};
    if (target == "out_proj") return {config.family == Family::Phi ? "dense" : "o_proj"};
    return {target};
}

bool isPattern(const std::string& target) {
    return target.find_first_of(".*+?()[]|^$\\") != std::string::npos;
}

} // namespace

std::vector<LinearShape> linearLayers(const DecoderConfig& c) {
    std::vector<LinearShape> all;
    const std::int64_t q = c.heads * c.head_dim, kv = c.kv_heads * c.head_dim, h = c.hidden_size, m = c.intermediate_size;
    for (std::int64_t layer = 0; layer < c.layers; ++layer) {
        const std::string attn = layerPath(layer) + "self_attn.", mlp = layerPath(layer) + "mlp.";
        all.push_back({attn + "q_proj", h, q});
        all.push_back({attn + "k_proj", h, kv});
        all.push_back({attn + "v_proj", h, kv});
        if (c.family == Family::Phi) {
            all.push_back({attn + "dense", q, h});
            all.push_back({mlp + "fc1", h, m});
            all.push_back({mlp + "fc2", m, h});
        } else {
            all.push_back({attn + "o_proj", q, h});
            all.push_back({mlp + "gate_proj", h, m});
            all.push_back({mlp + "up_proj", h, m});
            all.push_back({mlp + "down_proj", m, h});
        }
    }
    return all;
}

std::vector<LinearShape> biases(const DecoderConfig& c) {
    std::vector<LinearShape> all;
    for (const LinearShape& layer : linearLayers(c)) {
        const std::string name = lastPart(layer.name);
        const bool mlp = layer.name.find(".mlp.") != std::string::npos;
        if (mlp ? c.mlp_bias : c.attention_bias) all.push_back({layer.name + ".bias", 0, layer.out});
    }
    if (c.family == Family::Phi) {
        for (std::int64_t layer = 0; layer < c.layers; ++layer)
            all.push_back({layerPath(layer) + "input_layernorm.bias", 0, c.hidden_size});
        all.push_back({"model.final_layernorm.bias", 0, c.hidden_size});
    }
    if (c.head_bias) all.push_back({"lm_head.bias", 0, c.vocab_size});
    return all;
}

std::vector<LinearShape> chooseTargets(const DecoderConfig& config, const std::vector<std::string>& targets) {
    const std::vector<LinearShape> all = linearLayers(config);
    std::vector<char> chosen(all.size(), 0);
    for (const std::string& target : targets) {
        bool fits = false;
        const auto choose = [&](const auto& matches) {
            for (std::size_t i = 0; i < all.size(); ++i)
                if (matches(all[i].name)) chosen[i] = 1, fits = true;
        };
        if (target == "all-linear") {
            choose([](const std::string&) { return true; });
        } else if (isPattern(target)) {
            try {
                const std::regex pattern(target, std::regex::ECMAScript);
                choose([&](const std::string& path) {
                    return std::regex_match(path, pattern) || (path.size() > target.size() && path.ends_with("." + target));
                });
            } catch (const std::regex_error&) {
                throw Error(ErrorCode::BadInput, "lora.targets: \"" + target + "\" is not a regular expression.",
                            "Use all-linear or layer names such as q_proj.");
            }
        } else {
            for (const std::string& name : modernNames(config, target))
                choose([&](const std::string& path) { return lastPart(path) == name; });
        }
        if (!fits) {
            std::string known;
            for (std::size_t i = 0; i < all.size() / static_cast<std::size_t>(config.layers); ++i)
                known += (i ? ", " : "") + lastPart(all[i].name);
            throw Error(ErrorCode::BadInput, "lora.targets: no layer of this model is called \"" + target + "\".",
                        "It has " + known + "; all-linear means all of them.");
        }
    }
    std::vector<LinearShape> result;
    for (std::size_t i = 0; i < all.size(); ++i)
        if (chosen[i]) result.push_back(all[i]);
    if (result.empty())
        throw Error(ErrorCode::BadInput, "lora.targets is empty, so there is nothing to train.", "Use all-linear.");
    return result;
}

} // namespace engine
