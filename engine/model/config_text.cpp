// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/config_text.h"
#include "engine/files/json_file.h"

#include <cmath>

namespace engine {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kLargestConfig = std::size_t{1} << 20;

const char* torchName(DType type) {
    switch (type) {
    case DType::F64: return "float64";
    case DType::F16: return "float16";
    case DType::BF16: return "bfloat16";
    default: return "float32";
    }
}

/// The share of a head that turns, such that readers who multiply it by the head's size and cut off find the same number of dims.
double rotaryShare(const DecoderConfig& c) {
    const auto head = static_cast<double>(c.head_dim);
    double share = static_cast<double>(c.rotary_dim) / head;
    if (static_cast<std::int64_t>(share * head) < c.rotary_dim) share = std::nextafter(share, 2.0);
    return share;
}

std::string written(const Json& config) {
    try {
        return config.dump(2) + "\n";
    } catch (const nlohmann::json::exception&) { throw Error(ErrorCode::BadInput, "config.json holds text that is not UTF-8."); }
}

} // namespace

std::string configText(const DecoderConfig& c, DType type) {
    const bool phi = c.family == Family::Phi;
    if (!phi && c.rotary_dim != c.head_dim)
        throw Error(ErrorCode::BadInput, c.name + ": rotary embedding of " + std::to_string(c.rotary_dim) + " of a head's " +
                                             std::to_string(c.head_dim) +
                                             " dims cannot be written as a Hugging Face llama model.");
    if (phi && c.head_dim * c.heads != c.hidden_size)
        throw Error(ErrorCode::BadInput,
                    c.name + ": heads of " + std::to_string(c.head_dim) + " dims cannot be written as a Hugging Face phi model.");
    // rope_parameters is transformers 5's, what is at the top 4's.
    Json rope{{"rope_theta", c.rope_theta}, {"rope_type", "default"}};
    if (phi) rope["partial_rotary_factor"] = rotaryShare(c);
    Json config{{"architectures", {phi ? "PhiForCausalLM" : "LlamaForCausalLM"}},
                {"model_type", toString(c.family)},
                {"vocab_size", c.vocab_size},
                {"hidden_size", c.hidden_size},
                {"intermediate_size", c.intermediate_size},
                {"num_hidden_layers", c.layers},
                {"num_attention_heads", c.heads},
                {"num_key_value_heads", c.kv_heads},
                {"max_position_embeddings", c.max_positions},
                {"hidden_act", phi ? "gelu_new" : "silu"},
                {"attention_dropout", 0.0},
                {"initializer_range", 0.02},
                {"use_cache", true},
                {"bos_token_id", c.bos >= 0 ? Json(c.bos) : Json()},
                {"eos_token_id", c.eos >= 0 ? Json(c.eos) : Json()},
                {"tie_word_embeddings", c.tied_head},
                {"rope_theta", c.rope_theta},
                {"rope_scaling", nullptr},
                {"rope_parameters", rope},
                {"torch_dtype", torchName(type)}};
    if (phi)
        config.update({{"partial_rotary_factor", rotaryShare(c)},
                       {"layer_norm_eps", c.norm_eps},
                       {"qk_layernorm", false},
                       {"embd_pdrop", 0.0},
                       {"resid_pdrop", c.resid_dropout}});
    else
        config.update({{"head_dim", c.head_dim}, {"rms_norm_eps", c.norm_eps}, {"attention_bias", false}, {"mlp_bias", false}});
    return written(config);
}

std::string plainConfigText(const std::filesystem::path& folder, DType type) {
    Json config = readOrderedJsonObject(folder / "config.json", kLargestConfig);
    config.erase("quantization_config");
    const bool newer = config.contains("dtype"); // transformers 5's name for it
    if (newer) config["dtype"] = torchName(type);
    if (!newer || config.contains("torch_dtype")) config["torch_dtype"] = torchName(type);
    return written(config);
}

} // namespace engine
