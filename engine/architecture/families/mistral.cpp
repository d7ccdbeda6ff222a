// SPDX-License-Identifier: GPL-3.0-or-later
// Mistral: Llama with a window of attention in every layer. Its GGUF files are Llama's, without the window.
#include "engine/architecture/families/llama_like.h"

namespace engine::families_list {

namespace {

class Mistral : public LlamaLike {
public:
    std::string name() const override { return "mistral"; }
    std::string architecture() const override { return "MistralForCausalLM"; }
    std::string ggufArchitecture() const override { return "llama"; }

    DecoderConfig common() const override {
        DecoderConfig c = LlamaLike::common();
        c.ggufTurnsHeads = true;
        c.max_positions = 131072;
        return c;
    }
    void read(const ConfigFile& file, DecoderConfig& c) const override {
        refuseFeatures(file, {"silu"}, {"sliding_window", "layer_types"});
        LlamaLike::read(file, c);
        c.rotary = {readRotary(file, c, {.scalings = {"linear", "llama3"}})};
        const bool slides = !file.says("sliding_window") || file.find("sliding_window");
        readWindows(file, c, slides ? file.integer({"sliding_window"}, 4096) : 0, [&](std::int64_t) { return slides; });
    }
    using LlamaLike::read;
    void write(const DecoderConfig& c, Json& json) const override {
        LlamaLike::write(c, json);
        for (const char* key : {"attention_bias", "mlp_bias"}) json.erase(key);
        const std::int64_t window = c.kind(0).window;
        json["sliding_window"] = window ? Json(window) : Json();
    }
    GgufMetadata ggufMetadata(const DecoderConfig& c) const override {
        requireNoWindows(c, "a GGUF file of architecture llama");
        return LlamaLike::ggufMetadata(c);
    }
};

} // namespace

const Family& mistral() {
    static const Mistral family;
    return family;
}

} // namespace engine::families_list
