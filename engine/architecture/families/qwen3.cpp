// SPDX-License-Identifier: GPL-3.0-or-later
// Qwen 3: Llama with a norm of each head's queries and keys, and heads of a size of their own.
#include "engine/architecture/families/llama_like.h"

namespace engine::families_list {

namespace {

class Qwen3 : public LlamaLike {
public:
    std::string name() const override { return "qwen3"; }
    std::string architecture() const override { return "Qwen3ForCausalLM"; }
    std::string ggufArchitecture() const override { return "qwen3"; }

    DecoderConfig common() const override {
        DecoderConfig c = LlamaLike::common();
        c.queryNorm = {"self_attn.q_norm", "attn_q_norm"};
        c.keyNorm = {"self_attn.k_norm", "attn_k_norm"};
        c.max_positions = 32768;
        c.head_dim = 128;
        return c;
    }
    void read(const ConfigFile& file, DecoderConfig& c) const override {
        refuseFeatures(file, {"silu"}, {"sliding_window", "layer_types", "attention_bias"});
        LlamaLike::read(file, c);
        readBiases(file, c, false);
        c.rotary = {readRotary(file, c, {.scalings = {"linear", "llama3"}})};
        readUsedWindow(file, c);
    }
    void read(const GgufKeys& keys, DecoderConfig& c) const override {
        keys.refuse({"attention.sliding_window"});
        LlamaLike::read(keys, c);
        readScaling(keys, c);
    }
    void write(const DecoderConfig& c, Json& json) const override {
        LlamaLike::write(c, json);
        json.erase("mlp_bias");
        writeUsedWindow(c, json);
    }
    GgufMetadata ggufMetadata(const DecoderConfig& c) const override {
        requireNoWindows(c, "a GGUF file of architecture qwen3");
        return LlamaLike::ggufMetadata(c);
    }
};

} // namespace

const Family& qwen3() {
    static const Qwen3 family;
    return family;
}

} // namespace engine::families_list
