// SPDX-License-Identifier: GPL-3.0-or-later
// Llama and what was made like it (SmolLM2, TinyLlama): RMSNorm before attention and MLP, a gated MLP, no biases (FORMATS §A1).
#include "engine/architecture/families/llama_like.h"
#include "engine/architecture/family.h"

namespace engine::families_list {

namespace {

class Llama : public Family {
public:
    std::string name() const override { return "llama"; }
    std::string architecture() const override { return "LlamaForCausalLM"; }
    std::string ggufArchitecture() const override { return "llama"; }

    DecoderConfig common() const override {
        DecoderConfig c = llamaLike();
        c.ggufTurnsHeads = true;
        return c;
    }

    void read(const ConfigFile& file, DecoderConfig& c) const override {
        refuseFeatures(file, {"silu"});
        readSizes(file, c);
        c.norm_eps = file.number({"rms_norm_eps"}, 1e-6);
        c.rotary = {readRotary(file, c, {})};
    }

    void read(const GgufKeys& keys, DecoderConfig& c) const override {
        keys.refuse({"rope.scaling.type", "expert_count", "attention.sliding_window"});
        if (keys.file().find("rope_freqs.weight")) keys.refuse("rope_freqs.weight (rope scaling) is not supported.");
        readSizes(keys, c, kRmsEpsilon);
    }

    void write(const DecoderConfig& c, Json& json) const override {
        requireWholeHeadsTurn(c);
        json.update({{"hidden_act", "silu"},
                     {"head_dim", c.head_dim},
                     {"rms_norm_eps", c.norm_eps},
                     {"attention_bias", false},
                     {"mlp_bias", false}});
    }

    GgufMetadata ggufMetadata(const DecoderConfig& c) const override { return sizesOf(c, ggufArchitecture(), kRmsEpsilon); }
};

} // namespace

const Family& llama() {
    static const Llama family;
    return family;
}

} // namespace engine::families_list
