// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/architecture/families/llama_like.h"

#include <algorithm>

namespace engine {

DecoderConfig LlamaLike::common() const {
    DecoderConfig c;
    c.attentionNorm = {"input_layernorm", "attn_norm"};
    c.mlpNorm = {"post_attention_layernorm", "ffn_norm"};
    c.linears = {{{"self_attn.q_proj", "attn_q"}, {Piece::Query}}, {{"self_attn.k_proj", "attn_k"}, {Piece::Key}},
                 {{"self_attn.v_proj", "attn_v"}, {Piece::Value}}, {{"self_attn.o_proj", "attn_output"}, {Piece::Output}},
                 {{"mlp.gate_proj", "ffn_gate"}, {Piece::Gate}},   {{"mlp.up_proj", "ffn_up"}, {Piece::Up}},
                 {{"mlp.down_proj", "ffn_down"}, {Piece::Down}}};
    return c;
}

void LlamaLike::read(const ConfigFile& file, DecoderConfig& c) const {
    readSizes(file, c);
    c.norm_eps = file.number({"rms_norm_eps"}, 1e-6, ranges::kNormEps);
}

void LlamaLike::read(const GgufKeys& keys, DecoderConfig& c) const {
    keys.refuse({"expert_count"});
    readSizes(keys, c, kEpsilon);
    readBiases(keys, c);
}

namespace {

const char* hiddenAct(Activation activation) {
    switch (activation) {
    case Activation::GeluTanh: return "gelu_pytorch_tanh";
    case Activation::Silu: break;
    }
    return "silu";
}

} // namespace

void LlamaLike::write(const DecoderConfig& c, Json& json) const {
    for (const Rotary& rotary : c.rotary)
        if (rotary.dims != c.head_dim)
            cannotWrite(
                c, "rotary embedding of " + std::to_string(rotary.dims) + " of a head's " + std::to_string(c.head_dim) + " dims",
                "a Hugging Face " + c.family + " model");
    const auto has = [&](Product product) {
        return std::any_of(c.linears.begin(), c.linears.end(),
                           [&](const LinearModule& linear) { return linear.product() == product && linear.bias; });
    };
    json.update({{"hidden_act", hiddenAct(c.activation)},
                 {"head_dim", c.head_dim},
                 {"rms_norm_eps", c.norm_eps},
                 {"attention_bias", has(Product::Out)},
                 {"mlp_bias", has(Product::Down)}});
}

GgufMetadata LlamaLike::ggufMetadata(const DecoderConfig& c) const {
    GgufMetadata metadata = sizesOf(c, ggufArchitecture(), kEpsilon);
    addScaling(c, ggufArchitecture(), metadata);
    return metadata;
}

void LlamaLike::cannotWrite(const DecoderConfig& c, const std::string& what, const std::string& file) {
    throw Error(ErrorCode::BadInput, c.name + ": " + what + " cannot be written as " + file + ".");
}

void LlamaLike::requireNoWindows(const DecoderConfig& c, const std::string& file) {
    for (const LayerKind& kind : c.layerKinds)
        if (kind.window > 0) cannotWrite(c, "a window of attention of " + std::to_string(kind.window) + " tokens", file);
}

void readUsedWindow(const ConfigFile& file, DecoderConfig& c) {
    if (!file.flag("use_sliding_window", false)) return readWindows(file, c, 0, [](std::int64_t) { return false; });
    const std::int64_t window = file.integer({"sliding_window"}, 4096), first = file.integer({"max_window_layers"}, 28);
    readWindows(file, c, window, [&](std::int64_t layer) { return layer >= first; });
}

void writeWindows(const DecoderConfig& c, Family::Json& json) {
    std::int64_t window = 0;
    Family::Json types = Family::Json::array();
    for (std::int64_t layer = 0; layer < c.layers; ++layer) {
        window = std::max(window, c.kind(layer).window);
        types.push_back(c.kind(layer).window > 0 ? "sliding_attention" : "full_attention");
    }
    json["sliding_window"] = window ? Family::Json(window) : Family::Json();
    json["layer_types"] = types;
}

void writeUsedWindow(const DecoderConfig& c, Family::Json& json) {
    writeWindows(c, json);
    json["use_sliding_window"] = !json["sliding_window"].is_null();
}

} // namespace engine
