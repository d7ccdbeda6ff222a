// SPDX-License-Identifier: GPL-3.0-or-later
// config.json of the tiny models, as each version of transformers writes it.
#include "tests/support/tiny_family.h"

#include <nlohmann/json.hpp>

namespace testing_support {
namespace {

using Json = nlohmann::ordered_json;

Json phiMsft(const TinyModelOptions& o) {
    return {{"architectures", {"PhiForCausalLM"}},
            {"model_type", "phi-msft"},
            {"activation_function", "gelu_new"},
            {"n_embd", o.hidden},
            {"n_layer", o.layers},
            {"n_head", o.heads},
            {"n_head_kv", nullptr},
            {"n_inner", o.intermediate},
            {"n_positions", o.maxPositions},
            {"rotary_dim", tinyRotaryDim(o)},
            {"layer_norm_epsilon", 1e-05},
            {"embd_pdrop", 0.0},
            {"resid_pdrop", o.residDropout},
            {"attn_pdrop", 0.0},
            {"tie_word_embeddings", false},
            {"vocab_size", tinyVocabulary(o)},
            {"torch_dtype", "float16"}};
}

/// What rope_parameters of transformers 5 and rope_scaling of 4 both hold; empty without scaling.
Json scaling(const TinyModelOptions& o) {
    switch (o.scaling) {
    case RopeScaling::None: return Json::object();
    case RopeScaling::Linear: return {{"factor", o.scalingFactor}};
    case RopeScaling::Llama3:
        return {{"factor", o.scalingFactor},
                {"low_freq_factor", 1.0},
                {"high_freq_factor", 4.0},
                {"original_max_position_embeddings", o.original}};
    case RopeScaling::Longrope:
        return {{"short_factor", tinyLongropeFactors(o, false)}, {"long_factor", tinyLongropeFactors(o, true)}};
    }
    return {};
}

const char* scalingName(RopeScaling scaling) {
    switch (scaling) {
    case RopeScaling::None: return "default";
    case RopeScaling::Linear: return "linear";
    case RopeScaling::Llama3: return "llama3";
    case RopeScaling::Longrope: return "longrope";
    }
    return "";
}

bool partial(const TinyModelOptions& o) {
    return tinyFamily(o.family).parallel || tinyFamily(o.family).fused;
}

/// rope_parameters; Gemma 3 has them a kind of layer.
Json rope5(const TinyModelOptions& o) {
    Json rope{{"rope_theta", o.ropeTheta}, {"rope_type", scalingName(o.scaling)}};
    rope.update(scaling(o));
    if (partial(o)) rope["partial_rotary_factor"] = o.partialRotary;
    if (!tinyFamily(o.family).fourNorms) return rope;
    return {{"full_attention", rope}, {"sliding_attention", {{"rope_theta", o.localTheta}, {"rope_type", "default"}}}};
}

/// rope_scaling; the older "type" where both were written.
Json scaling4(const TinyModelOptions& o) {
    if (o.scaling == RopeScaling::None) return nullptr;
    const bool older = o.scaling != RopeScaling::Llama3 && !tinyFamily(o.family).fourNorms;
    Json json{{older ? "type" : "rope_type", scalingName(o.scaling)}};
    json.update(scaling(o));
    return json;
}

/// Which layers see how far, in the words of each family and version.
void addWindows(Json& json, const TinyModelOptions& o) {
    const TinyFamily& family = tinyFamily(o.family);
    const std::string type = family.type;
    const Json size = o.window > 0 ? Json(o.window) : Json(nullptr);
    if (type == "phi" || type == "llama") return;
    json["sliding_window"] = size;
    if (type == "mistral" || type == "phi3") return;
    const bool old = o.dialect == ConfigDialect::Transformers4;
    if (type != "gemma3_text") json["use_sliding_window"] = o.window > 0;
    if (type == "qwen2" || type == "qwen3") json["max_window_layers"] = o.window > 0 ? o.windowFrom : o.layers;
    if (type == "gemma3_text" && old) json["sliding_window_pattern"] = o.globalEvery;
    if (old) return;
    json["layer_types"] = Json::array();
    for (std::int64_t n = 0; n < o.layers; ++n)
        json["layer_types"].push_back(tinyWindowed(o, n) ? "sliding_attention" : "full_attention");
}

void addFamily(Json& json, const TinyModelOptions& o) {
    const TinyFamily& family = tinyFamily(o.family);
    if (family.parallel) {
        json.update({{"layer_norm_eps", 1e-05}, {"qk_layernorm", false}, {"embd_pdrop", 0.0}, {"resid_pdrop", o.residDropout}});
        return;
    }
    json["rms_norm_eps"] = 1e-05;
    if (family.biasKeys) json["attention_bias"] = o.attentionBias;
    if (family.mlpBiasKey) json["mlp_bias"] = o.mlpBias;
    if (family.headDimKey) json["head_dim"] = tinyHeadDim(o);
    addWindows(json, o);
    const std::string type = family.type;
    if (type == "gemma3_text") {
        json["query_pre_attn_scalar"] = static_cast<std::int64_t>(o.queryScalar > 0 ? o.queryScalar : tinyHeadDim(o));
        json.update({{"final_logit_softcapping", nullptr}, {"attn_logit_softcapping", nullptr}});
    }
    if (type == "smollm3") {
        json["pad_token_id"] = tinyEos();
        json["no_rope_layer_interval"] = o.noRopeEvery;
        json["no_rope_layers"] = Json::array();
        for (std::int64_t n = 0; n < o.layers; ++n) json["no_rope_layers"].push_back((n + 1) % o.noRopeEvery == 0 ? 0 : 1);
    }
    if (type == "phi3") {
        json.update({{"original_max_position_embeddings", o.scaling == RopeScaling::Longrope ? o.original : o.maxPositions},
                     {"embd_pdrop", 0.0},
                     {"resid_pdrop", 0.0},
                     {"pad_token_id", tinyEos()}});
    }
}

} // namespace

std::string tinyConfig(const TinyModelOptions& o) {
    if (o.dialect == ConfigDialect::PhiMsft) return phiMsft(o).dump(2) + '\n';
    const TinyFamily& family = tinyFamily(o.family);
    Json json{{"architectures", {family.architecture}},
              {"model_type", family.type},
              {"vocab_size", tinyVocabulary(o)},
              {"hidden_size", o.hidden},
              {"intermediate_size", o.intermediate},
              {"num_hidden_layers", o.layers},
              {"num_attention_heads", o.heads},
              {"num_key_value_heads", family.parallel ? o.heads : o.kvHeads},
              {"max_position_embeddings", o.maxPositions},
              {o.family == "gemma3_text" ? "hidden_activation" : "hidden_act", family.activation},
              {"attention_dropout", 0.0},
              {"bos_token_id", tinyEos()},
              {"eos_token_id", tinyEos()},
              {"tie_word_embeddings", family.parallel ? false : o.tied},
              {"initializer_range", 0.02},
              {"use_cache", true}};
    addFamily(json, o);
    const char* type = o.type == engine::DType::BF16 ? "bfloat16" : "float32";
    if (o.dialect == ConfigDialect::Transformers5) {
        json.update({{"dtype", type}, {"rope_parameters", rope5(o)}, {"transformers_version", "5.23.0"}});
    } else {
        json.update({{"torch_dtype", type},
                     {"rope_theta", o.ropeTheta},
                     {"rope_scaling", scaling4(o)},
                     {"transformers_version", "4.46.0"}});
        if (family.fourNorms) json["rope_local_base_freq"] = o.localTheta;
        if (partial(o)) json["partial_rotary_factor"] = o.partialRotary;
    }
    return json.dump(2) + '\n';
}

} // namespace testing_support
