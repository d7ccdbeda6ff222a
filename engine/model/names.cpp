// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/names.h"

#include <array>
#include <utility>

namespace engine {

namespace {

/// A layer's tensor in its pieces: "model.layers.3." and "self_attn.q_proj" and ".weight"; layer is empty outside layers.
struct Parts {
    std::string layer, module, suffix;
};

Parts take(const std::string& name) {
    Parts parts;
    std::string rest = name;
    const std::string layers = "model.layers.";
    if (rest.starts_with(layers)) {
        const std::size_t dot = rest.find('.', layers.size());
        parts.layer = rest.substr(layers.size(), dot - layers.size());
        rest = rest.substr(dot + 1);
    }
    const std::size_t dot = rest.rfind('.');
    parts.module = rest.substr(0, dot);
    parts.suffix = rest.substr(dot);
    return parts;
}

int attentionPart(const std::string& module) {
    if (module == "self_attn.q_proj") return 0;
    if (module == "self_attn.k_proj") return 1;
    if (module == "self_attn.v_proj") return 2;
    return -1;
}

template <std::size_t N>
std::string lookUp(const std::array<std::pair<const char*, const char*>, N>& table, const std::string& module) {
    for (const auto& [from, to] : table)
        if (module == from) return to;
    return {};
}

constexpr std::array<std::pair<const char*, const char*>, 7> kMixer{{{"model.embed_tokens", "transformer.embd.wte"},
                                                                     {"model.final_layernorm", "lm_head.ln"},
                                                                     {"lm_head", "lm_head.linear"},
                                                                     {"input_layernorm", "ln"},
                                                                     {"self_attn.dense", "mixer.out_proj"},
                                                                     {"mlp.fc1", "mlp.fc1"},
                                                                     {"mlp.fc2", "mlp.fc2"}}};

constexpr std::array<std::pair<const char*, const char*>, 16> kGguf{{{"model.embed_tokens", "token_embd"},
                                                                     {"model.final_layernorm", "output_norm"},
                                                                     {"model.norm", "output_norm"},
                                                                     {"lm_head", "output"},
                                                                     {"input_layernorm", "attn_norm"},
                                                                     {"post_attention_layernorm", "ffn_norm"},
                                                                     {"self_attn.q_proj", "attn_q"},
                                                                     {"self_attn.k_proj", "attn_k"},
                                                                     {"self_attn.v_proj", "attn_v"},
                                                                     {"self_attn.o_proj", "attn_output"},
                                                                     {"self_attn.dense", "attn_output"},
                                                                     {"mlp.fc1", "ffn_up"},
                                                                     {"mlp.fc2", "ffn_down"},
                                                                     {"mlp.gate_proj", "ffn_gate"},
                                                                     {"mlp.up_proj", "ffn_up"},
                                                                     {"mlp.down_proj", "ffn_down"}}};

} // namespace

std::vector<FileName> folderNames(const std::string& name) {
    std::vector<FileName> names{{name}};
    const Parts p = take(name);
    const int part = attentionPart(p.module);
    if (part >= 0) {
        names.push_back({"transformer.h." + p.layer + ".mixer.Wqkv" + p.suffix, part, 3});
        names.push_back({"model.layers." + p.layer + ".self_attn.query_key_value" + p.suffix, part, 3, true});
    } else if (const std::string old = lookUp(kMixer, p.module); !old.empty()) {
        names.push_back({(p.layer.empty() ? "" : "transformer.h." + p.layer + ".") + old + p.suffix});
    }
    return names;
}

std::vector<FileName> ggufNames(const std::string& name) {
    const Parts p = take(name);
    const int part = attentionPart(p.module);
    const std::string block = p.layer.empty() ? "" : "blk." + p.layer + ".";
    std::vector<FileName> names{{block + lookUp(kGguf, p.module) + p.suffix, 0, 1, false, part == 0 || part == 1}};
    if (part >= 0) names.push_back({block + "attn_qkv" + p.suffix, part, 3});
    return names;
}

} // namespace engine
