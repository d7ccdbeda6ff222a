// SPDX-License-Identifier: GPL-3.0-or-later
// Phi-3, 3.5 and 4-mini: Llama with fused layers, of which a part of a head may turn, and LongRope beyond the context that they
// were first trained with.
#include "engine/architecture/families/llama_like.h"

namespace engine::families_list {

namespace {

class Phi3 : public LlamaLike {
public:
    std::string name() const override { return "phi3"; }
    std::string architecture() const override { return "Phi3ForCausalLM"; }
    std::string ggufArchitecture() const override { return "phi3"; }

    DecoderConfig common() const override {
        DecoderConfig c = LlamaLike::common();
        c.linears = {{{"self_attn.qkv_proj", "attn_qkv"}, {Piece::Query, Piece::Key, Piece::Value}},
                     {{"self_attn.o_proj", "attn_output"}, {Piece::Output}},
                     {{"mlp.gate_up_proj", "ffn_up"}, {Piece::Gate, Piece::Up}},
                     {{"mlp.down_proj", "ffn_down"}, {Piece::Down}}};
        c.norm_eps = 1e-5;
        c.max_positions = 4096;
        return c;
    }
    void read(const ConfigFile& file, DecoderConfig& c) const override {
        refuseFeatures(file, {"silu"}, {"sliding_window"});
        readSizes(file, c);
        c.norm_eps = file.number({"rms_norm_eps"}, c.norm_eps, ranges::kNormEps);
        c.resid_dropout = file.number({"resid_pdrop"}, 0, ranges::kDropout);
        c.rotary = {readRotary(file, c, {.scalings = {"longrope", "su", "yarn"}})};
        const std::int64_t window = file.integer({"sliding_window"}, 0);
        readWindows(file, c, window, [](std::int64_t) { return true; });
    }
    void read(const GgufKeys& keys, DecoderConfig& c) const override {
        if (const std::string type = keys.text("rope.scaling.type", "none"); type != "none" && type != "longrope")
            keys.refuse("phi3.rope.scaling.type \"" + type + "\" is not supported.", kWouldChangeNumbers);
        LlamaLike::read(keys, c);
        Rotary& rotary = c.rotary.front();
        if (keys.file().find("rope_factors_long.weight")) {
            RotaryScaling& s = rotary.scaling;
            s.kind = RotaryScaling::Kind::LongRope;
            s.longFactors = keys.values("rope_factors_long.weight", rotary.dims / 2);
            s.shortFactors = keys.values("rope_factors_short.weight", rotary.dims / 2);
            s.originalContext = keys.integer("rope.scaling.original_context_length", {}, ranges::kSize);
            s.attentionFactor = keys.number("rope.scaling.attn_factor", ranges::kFactor, 1.0);
        }
        c.layerKinds.assign(static_cast<std::size_t>(c.layers), {0, keys.integer("attention.sliding_window", 0)});
    }
    void write(const DecoderConfig& c, Json& json) const override {
        if (c.head_dim * c.heads != c.hidden_size)
            cannotWrite(c, "heads of " + std::to_string(c.head_dim) + " dims", "a Hugging Face phi3 model");
        const double share = rotaryShare(c);
        json["partial_rotary_factor"] = json["rope_parameters"]["partial_rotary_factor"] = share;
        const RotaryScaling& s = c.rotary.front().scaling;
        const std::int64_t window = c.kind(0).window;
        json.update(
            {{"hidden_act", "silu"},
             {"rms_norm_eps", c.norm_eps},
             {"embd_pdrop", 0.0},
             {"resid_pdrop", c.resid_dropout},
             {"original_max_position_embeddings", s.kind == RotaryScaling::Kind::LongRope ? s.originalContext : c.max_positions},
             {"sliding_window", window ? Json(window) : Json()}});
    }
    GgufMetadata ggufMetadata(const DecoderConfig& c) const override {
        GgufMetadata metadata = LlamaLike::ggufMetadata(c);
        metadata.emplace_back("phi3.attention.sliding_window", c.kind(0).window);
        if (c.rotary.front().scaling.kind != RotaryScaling::Kind::LongRope)
            metadata.emplace_back("phi3.rope.scaling.original_context_length", c.max_positions);
        return metadata;
    }
};

} // namespace

const Family& phi3() {
    static const Phi3 family;
    return family;
}

} // namespace engine::families_list
