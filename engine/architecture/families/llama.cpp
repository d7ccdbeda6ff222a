// SPDX-License-Identifier: GPL-3.0-or-later
// Llama 1 to 3.2 and what was made like it (SmolLM2, TinyLlama).
#include "engine/architecture/families/llama_like.h"

namespace engine::families_list {

namespace {

class Llama : public LlamaLike {
public:
    std::string name() const override { return "llama"; }
    std::string architecture() const override { return "LlamaForCausalLM"; }
    std::string ggufArchitecture() const override { return "llama"; }

    DecoderConfig common() const override {
        DecoderConfig c = LlamaLike::common();
        c.ggufTurnsHeads = true;
        return c;
    }
    void read(const ConfigFile& file, DecoderConfig& c) const override {
        refuseFeatures(file, {"silu"}, {"attention_bias", "mlp_bias"});
        LlamaLike::read(file, c);
        readBiases(file, c, true);
        c.rotary = {readRotary(file, c, {.scalings = {"linear", "llama3"}})};
    }
    void read(const GgufKeys& keys, DecoderConfig& c) const override {
        keys.refuse({"attention.sliding_window"});
        LlamaLike::read(keys, c);
        readScaling(keys, c);
    }
};

} // namespace

const Family& llama() {
    static const Llama family;
    return family;
}

} // namespace engine::families_list
