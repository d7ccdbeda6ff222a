// SPDX-License-Identifier: GPL-3.0-or-later
// Gemma 3's text models: norms of 1 + w before and after each branch and of heads, a GELU-gated MLP, an embedding that is scaled,
// and five local layers with a rotary base of their own to a global one.
#include "engine/architecture/families/llama_like.h"

#include <algorithm>
#include <cmath>

namespace engine::families_list {

namespace {

class Gemma3 : public LlamaLike {
public:
    std::string name() const override { return "gemma3_text"; }
    std::string architecture() const override { return "Gemma3ForCausalLM"; }
    std::string ggufArchitecture() const override { return "gemma3"; }

    DecoderConfig common() const override {
        DecoderConfig c = LlamaLike::common();
        c.norm = NormKind::RmsNormOfOnePlus;
        c.ggufAddsOneToNorms = true;
        c.activation = Activation::GeluTanh;
        c.tied_head = true;
        c.head_dim = 256;
        c.max_positions = 131072;
        c.attentionBranchNorm = {"post_attention_layernorm", "post_attention_norm"};
        c.mlpNorm = {"pre_feedforward_layernorm", "ffn_norm"};
        c.mlpBranchNorm = {"post_feedforward_layernorm", "post_ffw_norm"};
        c.queryNorm = {"self_attn.q_norm", "attn_q_norm"};
        c.keyNorm = {"self_attn.k_norm", "attn_k_norm"};
        return c;
    }
    void read(const ConfigFile& file, DecoderConfig& c) const override {
        refuseFeatures(file, {"gelu_pytorch_tanh"}, {"sliding_window", "layer_types", "attention_bias"});
        if (file.flag("use_bidirectional_attention", false))
            file.refuseFeature("use_bidirectional_attention", true, "texts read in both directions");
        LlamaLike::read(file, c);
        readBiases(file, c, false);
        finish(c);
        c.attention_scale = 1 / std::sqrt(file.number({"query_pre_attn_scalar"}, 256, ranges::kFactor));
        c.rotary = {
            readRotary(file, c, {.scalings = {"linear"}, .theta = 1e6, .layers = "full_attention"}),
            readRotary(
                file, c,
                {.scalings = {"linear"}, .thetaKey = "rope_local_base_freq", .layers = "sliding_attention", .isScaled = false})};
        const std::int64_t every = file.integer({"sliding_window_pattern", "_sliding_window_pattern"}, 6);
        if (every == 0) file.refuse("sliding_window_pattern is 0.");
        const std::int64_t window =
            file.says("sliding_window") && !file.find("sliding_window") ? 0 : file.integer({"sliding_window"}, 4096);
        setLocal(c, window, layerTypes(file, c), every);
    }
    void read(const GgufKeys& keys, DecoderConfig& c) const override {
        keys.refuse({"final_logit_softcapping", "attn_logit_softcapping"});
        LlamaLike::read(keys, c);
        finish(c);
        readScaling(keys, c);
        // The largest alone scales by its width for each head (llama.cpp).
        c.attention_scale =
            keys.number("attention.scale", ranges::kFactor,
                        1 / std::sqrt(static_cast<double>(c.layers == 62 ? c.hidden_size / c.heads : c.head_dim)));
        c.rotary.push_back({c.head_dim, keys.number("rope.freq_base_swa", ranges::kFactor, 10000.0), {}});
        setLocal(c, keys.integer("attention.sliding_window", 0), {}, keys.integer("attention.sliding_window_pattern", 6));
    }
    void write(const DecoderConfig& c, Json& json) const override {
        LlamaLike::write(c, json);
        for (const char* key : {"mlp_bias", "hidden_act"}) json.erase(key);
        json["rope_local_base_freq"] = c.rotary[1].theta;
        json["rope_parameters"] = {{"full_attention", rotaryJson(c, c.rotary[0])},
                                   {"sliding_attention", rotaryJson(c, c.rotary[1])}};
        json["hidden_activation"] = "gelu_pytorch_tanh";
        // Of a scale that passed through a root; transformers takes whole numbers alone.
        json["query_pre_attn_scalar"] = std::llround(1 / (c.attentionScale() * c.attentionScale()));
        writeWindows(c, json);
        for (std::int64_t layer = 0; layer < c.layers; ++layer) // local ones differ by their table, too
            json["layer_types"][static_cast<std::size_t>(layer)] =
                c.kind(layer).rotary == 1 ? "sliding_attention" : "full_attention";
    }
    GgufMetadata ggufMetadata(const DecoderConfig& c) const override {
        GgufMetadata metadata = LlamaLike::ggufMetadata(c);
        std::int64_t window = 0;
        for (std::int64_t layer = 0; layer < c.layers; ++layer) {
            window = std::max(window, c.kind(layer).window);
            if ((c.kind(layer).rotary == 1) != isLocal(layer, 6))
                cannotWrite(c, "another order of local and global layers than five to one", "a GGUF file of architecture gemma3");
        }
        if (c.rotary[1] != Rotary{c.head_dim, 10000, {}})
            cannotWrite(c, "a rotary base of local layers other than 10000", "a GGUF file of architecture gemma3");
        metadata.emplace_back("gemma3.attention.sliding_window", window);
        return metadata;
    }

private:
    static bool isLocal(std::int64_t layer, std::int64_t every) { return every == 0 || (layer + 1) % every != 0; }
    static void finish(DecoderConfig& c) {
        c.embedding_multiplier = static_cast<float>(std::sqrt(static_cast<double>(c.hidden_size)));
    }
    /// Local layers have the second table and the window: those that `types` says, or by default.
    static void setLocal(DecoderConfig& c, std::int64_t window, const std::vector<std::string>& types, std::int64_t every) {
        c.layerKinds.resize(static_cast<std::size_t>(c.layers));
        for (std::int64_t layer = 0; layer < c.layers; ++layer) {
            const auto at = static_cast<std::size_t>(layer);
            if (types.empty() ? isLocal(layer, every) : types[at] == "sliding_attention") c.layerKinds[at] = {1, window};
        }
    }
};

} // namespace

const Family& gemma3() {
    static const Gemma3 family;
    return family;
}

} // namespace engine::families_list
