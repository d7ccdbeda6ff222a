// SPDX-License-Identifier: GPL-3.0-or-later
// Phi-1 to Phi-2: attention and MLP in parallel on one LayerNorm, biases everywhere (FORMATS §A1).
#include "engine/architecture/config_rotary.h"
#include "engine/architecture/family.h"

namespace engine::families_list {

namespace {

constexpr const char* kEpsilon = "attention.layer_norm_epsilon";

class Phi : public Family {
public:
    std::string name() const override { return "phi"; }
    std::vector<std::string> modelTypes() const override { return {"phi", "phi-msft"}; }
    std::string architecture() const override { return "PhiForCausalLM"; }
    std::string ggufArchitecture() const override { return "phi2"; }

    DecoderConfig common() const override {
        DecoderConfig c;
        c.norm = NormKind::LayerNorm;
        c.parallel = true;
        c.activation = Activation::GeluTanh;
        c.head_bias = true;
        c.finalNorm = {"model.final_layernorm", "output_norm"};
        c.attentionNorm = {"input_layernorm", "attn_norm"};
        c.linears = {{{"self_attn.q_proj", "attn_q"}, {Piece::Query}, true},
                     {{"self_attn.k_proj", "attn_k"}, {Piece::Key}, true},
                     {{"self_attn.v_proj", "attn_v"}, {Piece::Value}, true},
                     {{"self_attn.dense", "attn_output"}, {Piece::Output}, true},
                     {{"mlp.fc1", "ffn_up"}, {Piece::Up}, true},
                     {{"mlp.fc2", "ffn_down"}, {Piece::Down}, true}};
        c.olderFolderNames = {{"model.embed_tokens", "transformer.embd.wte"},
                              {"model.final_layernorm", "lm_head.ln"},
                              {"lm_head", "lm_head.linear"},
                              {"model.layers.*.input_layernorm", "transformer.h.*.ln"},
                              {"model.layers.*.self_attn.dense", "transformer.h.*.mixer.out_proj"},
                              {"model.layers.*.mlp.fc1", "transformer.h.*.mlp.fc1"},
                              {"model.layers.*.mlp.fc2", "transformer.h.*.mlp.fc2"}};
        const char* parts[] = {"q_proj", "k_proj", "v_proj"};
        for (std::int64_t part = 0; part < 3; ++part) {
            const std::string module = std::string("model.layers.*.self_attn.") + parts[part];
            c.olderFolderNames.push_back({module, "transformer.h.*.mixer.Wqkv", part, 3});
            c.olderFolderNames.push_back({module, "model.layers.*.self_attn.query_key_value", part, 3, true});
            c.olderGgufNames.push_back({module, "blk.*.attn_qkv", part, 3});
        }
        return c;
    }

    void read(const ConfigFile& file, DecoderConfig& c) const override {
        refuseFeatures(file, {"gelu_new", "gelu_pytorch_tanh"}, {"attention_bias", "mlp_bias"});
        readSizes(file, c, 4);
        c.norm_eps = file.number({"layer_norm_eps", "layer_norm_epsilon"}, 1e-5, ranges::kNormEps);
        c.resid_dropout = file.number({"resid_pdrop"}, 0, ranges::kDropout);
        c.rotary = {readRotary(file, c, {.share = 0.5})};
    }

    void read(const GgufKeys& keys, DecoderConfig& c) const override {
        keys.refuse({"rope.scaling.type", "expert_count", "attention.sliding_window"});
        readSizes(keys, c, kEpsilon);
        c.resid_dropout = 0.1;
    }

    void write(const DecoderConfig& c, Json& json) const override {
        if (c.head_dim * c.heads != c.hidden_size)
            throw Error(ErrorCode::BadInput, c.name + ": heads of " + std::to_string(c.head_dim) +
                                                 " dims cannot be written as a Hugging Face phi model.");
        json["rope_parameters"]["partial_rotary_factor"] = rotaryShare(c);
        json.update({{"hidden_act", "gelu_new"},
                     {"partial_rotary_factor", rotaryShare(c)},
                     {"layer_norm_eps", c.norm_eps},
                     {"qk_layernorm", false},
                     {"embd_pdrop", 0.0},
                     {"resid_pdrop", c.resid_dropout}});
    }

    GgufMetadata ggufMetadata(const DecoderConfig& c) const override { return sizesOf(c, ggufArchitecture(), kEpsilon); }
};

} // namespace

const Family& phi() {
    static const Phi family;
    return family;
}

} // namespace engine::families_list
