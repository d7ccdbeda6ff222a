// SPDX-License-Identifier: GPL-3.0-or-later
// Qwen 2 and 2.5: Llama with biases of queries, keys and values.
#include "engine/architecture/families/llama_like.h"

namespace engine::families_list {

namespace {

class Qwen2 : public LlamaLike {
public:
    std::string name() const override { return "qwen2"; }
    std::string architecture() const override { return "Qwen2ForCausalLM"; }
    std::string ggufArchitecture() const override { return "qwen2"; }

    DecoderConfig common() const override {
        DecoderConfig c = LlamaLike::common();
        for (LinearModule& linear : c.linears) linear.bias = linear.product() == Product::Qkv;
        c.max_positions = 32768;
        return c;
    }
    void read(const ConfigFile& file, DecoderConfig& c) const override {
        refuseFeatures(file, {"silu"}, {"sliding_window", "layer_types"});
        LlamaLike::read(file, c);
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
        if (c.head_dim * c.heads != c.hidden_size)
            cannotWrite(c, "heads of " + std::to_string(c.head_dim) + " dims", "a Hugging Face qwen2 model");
        for (const char* key : {"attention_bias", "mlp_bias", "head_dim"}) json.erase(key);
        writeUsedWindow(c, json);
    }
    GgufMetadata ggufMetadata(const DecoderConfig& c) const override {
        requireNoWindows(c, "a GGUF file of architecture qwen2");
        return LlamaLike::ggufMetadata(c);
    }
};

} // namespace

const Family& qwen2() {
    static const Qwen2 family;
    return family;
}

} // namespace engine::families_list
