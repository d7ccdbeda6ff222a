// SPDX-License-Identifier: GPL-3.0-or-later
// SmolLM 3: Llama without rotary embedding in every fourth layer.
#include "engine/architecture/families/llama_like.h"

#include <functional>

namespace engine::families_list {

namespace {

class SmolLm3 : public LlamaLike {
public:
    std::string name() const override { return "smollm3"; }
    std::string architecture() const override { return "SmolLM3ForCausalLM"; }
    std::string ggufArchitecture() const override { return "smollm3"; }

    DecoderConfig common() const override {
        DecoderConfig c = LlamaLike::common();
        c.ggufTurnsHeads = true;
        c.tied_head = true;
        c.max_positions = 32768;
        return c;
    }
    void read(const ConfigFile& file, DecoderConfig& c) const override {
        refuseFeatures(file, {"silu"}, {"sliding_window", "layer_types", "attention_bias", "mlp_bias"});
        LlamaLike::read(file, c);
        readBiases(file, c, true);
        c.rotary = {readRotary(file, c, {.scalings = {"linear", "llama3"}, .theta = 2e6})};
        const std::vector<bool> turns = turningLayers(file, c);
        setTurning(c, [&](std::int64_t layer) { return turns[static_cast<std::size_t>(layer)]; });
        const bool slides = file.flag("use_sliding_window", false) && file.find("sliding_window");
        readWindows(file, c, slides ? file.integer({"sliding_window"}) : 0,
                    [&](std::int64_t layer) { return slides && c.kind(layer).rotary < 0; });
    }
    void read(const GgufKeys& keys, DecoderConfig& c) const override {
        keys.refuse({"attention.sliding_window"});
        LlamaLike::read(keys, c);
        readScaling(keys, c);
        setTurning(c, turnsByDefault);
    }
    void write(const DecoderConfig& c, Json& json) const override {
        LlamaLike::write(c, json);
        if (c.head_dim * c.heads != c.hidden_size)
            cannotWrite(c, "heads of " + std::to_string(c.head_dim) + " dims", "a Hugging Face smollm3 model");
        writeUsedWindow(c, json);
        json["no_rope_layers"] = Json::array();
        for (std::int64_t layer = 0; layer < c.layers; ++layer)
            json["no_rope_layers"].push_back(c.kind(layer).rotary < 0 ? 0 : 1);
    }
    GgufMetadata ggufMetadata(const DecoderConfig& c) const override {
        requireNoWindows(c, "a GGUF file of architecture smollm3");
        for (std::int64_t layer = 0; layer < c.layers; ++layer)
            if ((c.kind(layer).rotary >= 0) != turnsByDefault(layer))
                cannotWrite(c, "rotary embedding left out of other layers than every fourth",
                            "a GGUF file of architecture smollm3");
        return LlamaLike::ggufMetadata(c);
    }

private:
    static bool turnsByDefault(std::int64_t layer) { return (layer + 1) % 4 != 0; }

    static void setTurning(DecoderConfig& c, const std::function<bool(std::int64_t)>& turns) {
        c.layerKinds.resize(static_cast<std::size_t>(c.layers));
        for (std::int64_t layer = 0; layer < c.layers; ++layer)
            c.layerKinds[static_cast<std::size_t>(layer)].rotary = turns(layer) ? 0 : -1;
    }
    /// no_rope_layers, where 1 means that the layer turns; else every no_rope_layer_interval-th does not.
    static std::vector<bool> turningLayers(const ConfigFile& file, const DecoderConfig& c) {
        std::vector<bool> turns;
        if (const ConfigFile::Json* list = file.find("no_rope_layers")) {
            if (!list->is_array() || std::ssize(*list) != c.layers)
                file.wrongKind("no_rope_layers", *list, "a list with a number for each layer");
            for (const ConfigFile::Json& one : *list) {
                if (one != 0 && one != 1) file.wrongKind("no_rope_layers", *list, "a list of 0 and 1");
                turns.push_back(one == 1);
            }
            return turns;
        }
        const std::int64_t every = file.integer({"no_rope_layer_interval"}, 4);
        if (every == 0) file.refuse("no_rope_layer_interval is 0.");
        for (std::int64_t layer = 0; layer < c.layers; ++layer) turns.push_back((layer + 1) % every != 0);
        return turns;
    }
};

} // namespace

const Family& smollm3() {
    static const SmolLm3 family;
    return family;
}

} // namespace engine::families_list
