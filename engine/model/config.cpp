// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/config.h"
#include "engine/files/json_file.h"
#include "engine/weights/gguf.h"

#include <nlohmann/json.hpp>
#include <optional>

namespace engine {

namespace {

using Json = nlohmann::json;

constexpr std::size_t kLargestConfig = std::size_t{1} << 20;

[[noreturn]] void refuse(const std::string& where, const std::string& what, const std::string& hint = {}) {
    throw Error(ErrorCode::BadInput, where + ": " + what, hint);
}

/// config.json with the checks that a wrong one would otherwise turn into wrong numbers.
class ConfigFile {
public:
    explicit ConfigFile(const std::filesystem::path& folder) : m_name((folder / "config.json").string()) {
        std::error_code unknown;
        if (!std::filesystem::exists(m_name, unknown))
            throw Error(ErrorCode::NotFound, m_name + " is not there, so this folder holds no model.",
                        "Give a folder with config.json and .safetensors files, or a .gguf file.");
        m_json = readJsonObject(m_name, kLargestConfig);
    }
    const std::string& name() const { return m_name; }
    const Json* find(const char* key) const {
        const auto it = m_json.find(key);
        return it == m_json.end() || it->is_null() ? nullptr : &*it;
    }
    /// The first of these keys that is there.
    const Json* any(std::initializer_list<const char*> keys) const {
        for (const char* key : keys)
            if (const Json* value = find(key)) return value;
        return nullptr;
    }
    std::int64_t integer(std::initializer_list<const char*> keys, std::optional<std::int64_t> fallback = {}) const {
        const Json* value = any(keys);
        if (!value) {
            if (fallback) return *fallback;
            refuse(m_name, std::string("the key ") + *keys.begin() + " is missing.");
        }
        if (!value->is_number_integer() || value->get<double>() < 0 || value->get<double>() > 1e9)
            wrongKind(*keys.begin(), *value, "a whole number");
        return value->get<std::int64_t>();
    }
    double number(std::initializer_list<const char*> keys, double fallback) const {
        const Json* value = any(keys);
        if (!value) return fallback;
        if (!value->is_number()) wrongKind(*keys.begin(), *value, "a number");
        return value->get<double>();
    }
    bool flag(const char* key, bool fallback) const {
        const Json* value = find(key);
        if (value && !value->is_boolean()) wrongKind(key, *value, "true or false");
        return value ? value->get<bool>() : fallback;
    }
    std::string text(const char* key) const {
        const Json* value = find(key);
        if (value && !value->is_string()) wrongKind(key, *value, "a text");
        return value ? value->get<std::string>() : std::string();
    }
    /// The first of several; -1: none.
    std::int32_t token(const char* key) const {
        const Json* value = find(key);
        if (value && value->is_array()) value = value->empty() ? nullptr : &value->front();
        if (!value) return -1;
        if (!value->is_number_integer() || value->get<double>() < -1 || value->get<double>() > 1e9)
            wrongKind(key, *value, "a token's number");
        return value->get<std::int32_t>();
    }
    [[noreturn]] void wrongKind(const std::string& key, const Json& value, const char* needed) const {
        refuse(m_name, key + " is " + quote(value.dump(-1, ' ', false, Json::error_handler_t::replace)) + ", but " + needed +
                           " is needed.");
    }

private:
    std::string m_name;
    Json m_json;
};

/// rope_theta and partial_rotary_factor lie at the top (transformers 4) or under rope_parameters (5).
void readRope(const ConfigFile& file, DecoderConfig& config, double fraction) {
    const Json* nested = file.find("rope_parameters");
    for (const char* key : {"rope_parameters", "rope_scaling"}) {
        const Json* rope = file.find(key);
        if (!rope) continue;
        if (!rope->is_object()) file.wrongKind(key, *rope, "an object");
        for (const char* name : {"rope_type", "type"}) {
            const auto type = rope->find(name);
            if (type == rope->end() || type->is_null() || *type == "default") continue;
            refuse(file.name(),
                   std::string(key) + "." + name + " is " + type->dump() +
                       "; only \"default\", rotary embedding without scaling, is supported.",
                   "It would change the numbers, so the model is not loaded.");
        }
        for (const auto& [name, value] : rope->items())
            if (value.is_object() || name == "factor")
                refuse(file.name(),
                       std::string(key) + "." + name +
                           " is set: rotary embedding that is scaled, or differs from layer to layer, is not supported.",
                       "It would change the numbers, so the model is not loaded.");
    }
    const auto read = [&](const char* key, double fallback) {
        if (!nested || !nested->contains(key) || (*nested)[key].is_null()) return file.number({key}, fallback);
        if (!(*nested)[key].is_number()) file.wrongKind(std::string("rope_parameters.") + key, (*nested)[key], "a number");
        return (*nested)[key].get<double>();
    };
    config.rope_theta = read("rope_theta", 10000);
    fraction = read("partial_rotary_factor", fraction);
    if (!(config.rope_theta > 0))
        refuse(file.name(), "rope_theta is " + Json(config.rope_theta).dump() + ", but must be above 0.");
    if (!(fraction > 0 && fraction <= 1))
        refuse(file.name(), "partial_rotary_factor is " + Json(fraction).dump() + ", but must be above 0 and at most 1.");
    config.rotary_dim = file.find("rotary_dim") ? file.integer({"rotary_dim"})
                                                : static_cast<std::int64_t>(fraction * static_cast<double>(config.head_dim));
}

/// What neither family computes here, so that a model with it would give wrong numbers.
void refuseFeatures(const ConfigFile& file) {
    const auto on = [](const Json& value) { return value != false && value != 0 && !(value.is_array() && value.empty()); };
    const auto refuseOf = [&](const char* key, const char* what) {
        refuse(file.name(),
               std::string(key) + " is " + quote(file.find(key)->dump(-1, ' ', false, Json::error_handler_t::replace)) +
                   ", but " + what + " are not supported.",
               "It would change the numbers, so the model is not loaded.");
    };
    for (const char* key : {"num_local_experts", "num_experts", "n_routed_experts", "moe_intermediate_size"})
        if (const Json* value = file.find(key); value && on(*value)) refuseOf(key, "mixtures of experts");
    const Json* windowed = file.find("use_sliding_window");
    if (const Json* window = file.find("sliding_window"); window && on(*window) && !(windowed && *windowed == false))
        refuseOf("sliding_window", "sliding windows of attention");
    if (const Json* types = file.find("layer_types"); types && types->is_array())
        for (const Json& type : *types)
            if (type != "full_attention") refuseOf("layer_types", "layers other than full_attention");
    for (const char* key : {"qk_layernorm", "use_qk_norm"})
        if (file.flag(key, false)) refuseOf(key, "norms of queries and keys");
    const Json* quantised = file.find("quantization_config");
    if (!quantised) return;
    if (!quantised->is_object()) file.wrongKind("quantization_config", *quantised, "an object");
    const Json method = quantised->value("quant_method", Json());
    const bool four = quantised->value("load_in_4bit", Json()) == true || quantised->value("_load_in_4bit", Json()) == true;
    if (method != "bitsandbytes" || !four)
        refuse(file.name(),
               "the weights are quantised by " +
                   (method == "bitsandbytes" ? "bitsandbytes in 8 bits"
                                             : quote(method.is_string() ? method.get<std::string>() : method.dump())) +
                   ", which is not supported.",
               "Phibench reads weights of 16 or 32 bits, bitsandbytes' NF4, and GGUF.");
}

void check(const std::string& where, const DecoderConfig& c) {
    const auto need = [&](bool ok, const std::string& what) {
        if (!ok) refuse(where, what);
    };
    need(c.vocab_size > 0 && c.hidden_size > 0 && c.intermediate_size > 0 && c.layers > 0 && c.heads > 0 && c.kv_heads > 0 &&
             c.head_dim > 0,
         "a size is zero.");
    need(c.heads % c.kv_heads == 0, "num_attention_heads " + std::to_string(c.heads) + " is no multiple of num_key_value_heads " +
                                        std::to_string(c.kv_heads) + ".");
    need(c.rotary_dim > 0 && c.rotary_dim % 2 == 0 && c.rotary_dim <= c.head_dim,
         "the rotary part of a head is " + std::to_string(c.rotary_dim) + " of " + std::to_string(c.head_dim) +
             " dims; an even number up to the head's is needed.");
    need(c.layers <= 1000 && c.vocab_size <= 10'000'000, "the sizes are beyond reason.");
}

} // namespace

std::string toString(Family family) {
    return family == Family::Phi ? "phi" : "llama";
}

DecoderConfig configFromFolder(const std::filesystem::path& folder) {
    const ConfigFile file(folder);
    DecoderConfig c;
    const std::string type = file.text("model_type");
    if (type == "phi" || type == "phi-msft")
        c.family = Family::Phi;
    else if (type == "llama")
        c.family = Family::Llama;
    else
        refuse(file.name(), type.empty() ? "model_type is missing." : "model_type \"" + type + "\" is not supported.",
               "Phibench runs the phi and llama families.");
    c.name = folder.filename().string();
    if (c.name.empty()) c.name = folder.parent_path().filename().string();

    refuseFeatures(file);

    const bool phi = c.family == Family::Phi;
    c.vocab_size = file.integer({"vocab_size"});
    c.hidden_size = file.integer({"hidden_size", "n_embd"});
    c.layers = file.integer({"num_hidden_layers", "n_layer"});
    c.heads = file.integer({"num_attention_heads", "n_head"});
    c.intermediate_size = file.integer({"intermediate_size", "n_inner"}, phi ? std::optional(4 * c.hidden_size) : std::nullopt);
    c.kv_heads = file.integer({"num_key_value_heads", "n_head_kv"}, c.heads);
    c.max_positions = file.integer({"max_position_embeddings", "n_positions"}, 2048);
    if (c.heads == 0) refuse(file.name(), "num_attention_heads is 0.");
    if (!file.find("head_dim") && c.hidden_size % c.heads != 0)
        refuse(file.name(), "hidden_size " + std::to_string(c.hidden_size) + " is no multiple of num_attention_heads " +
                                std::to_string(c.heads) + ".");
    c.head_dim = file.integer({"head_dim"}, c.hidden_size / c.heads);
    c.norm_eps = phi ? file.number({"layer_norm_eps", "layer_norm_epsilon"}, 1e-5) : file.number({"rms_norm_eps"}, 1e-6);
    c.tied_head = file.flag("tie_word_embeddings", false);
    c.bos = file.token("bos_token_id");
    c.eos = file.token("eos_token_id");
    readRope(file, c, phi ? 0.5 : 1.0);
    if (phi) {
        c.resid_dropout = file.number({"resid_pdrop"}, 0);
        c.attention_bias = c.mlp_bias = c.head_bias = true;
        const std::string act = file.text(file.find("hidden_act") ? "hidden_act" : "activation_function");
        if (!act.empty() && act != "gelu_new" && act != "gelu_pytorch_tanh")
            refuse(file.name(), "hidden_act \"" + act + "\" is not supported for phi; gelu_new is.");
    } else {
        for (const char* key : {"attention_bias", "mlp_bias"})
            if (file.flag(key, false))
                refuse(file.name(), std::string(key) + " is true; a llama model with biases is not supported.");
        const std::string act = file.text("hidden_act");
        if (!act.empty() && act != "silu") refuse(file.name(), "hidden_act \"" + act + "\" is not supported for llama; silu is.");
    }
    check(file.name(), c);
    return c;
}

DecoderConfig configFromGguf(const GgufFile& file) {
    const std::string where = file.path().string();
    DecoderConfig c;
    const std::string arch = file.text("general.architecture");
    if (arch == "phi2")
        c.family = Family::Phi;
    else if (arch == "llama")
        c.family = Family::Llama;
    else
        refuse(where, "general.architecture \"" + arch + "\" is not supported.", "Phibench runs llama and phi2.");
    const bool phi = c.family == Family::Phi;
    const auto key = [&](const char* name) { return arch + "." + name; };
    c.name = file.value("general.name") ? file.text("general.name") : file.path().stem().string();
    c.hidden_size = file.integer(key("embedding_length"));
    c.layers = file.integer(key("block_count"));
    c.heads = file.integer(key("attention.head_count"));
    c.kv_heads = file.value(key("attention.head_count_kv")) ? file.integer(key("attention.head_count_kv")) : c.heads;
    c.intermediate_size = file.integer(key("feed_forward_length"));
    c.max_positions = file.integer(key("context_length"));
    if (c.heads <= 0) refuse(where, "attention.head_count is 0.");
    c.head_dim = file.value(key("attention.key_length")) ? file.integer(key("attention.key_length")) : c.hidden_size / c.heads;
    c.rotary_dim = file.value(key("rope.dimension_count")) ? file.integer(key("rope.dimension_count")) : c.head_dim;
    c.rope_theta = file.value(key("rope.freq_base")) ? file.number(key("rope.freq_base")) : 10000;
    c.norm_eps = file.number(key(phi ? "attention.layer_norm_epsilon" : "attention.layer_norm_rms_epsilon"));
    c.attention_bias = c.mlp_bias = c.head_bias = phi;
    c.resid_dropout = phi ? 0.1 : 0;
    for (const char* name : {"rope.scaling.type", "expert_count", "attention.sliding_window"})
        if (const auto* value = file.value(key(name));
            value && !(std::holds_alternative<std::string>(*value) && std::get<std::string>(*value) == "none"))
            if (!(std::holds_alternative<std::int64_t>(*value) && std::get<std::int64_t>(*value) == 0))
                refuse(where, key(name) + " is not supported.", "It would change the numbers, so the model is not loaded.");
    if (file.find("rope_freqs.weight")) refuse(where, "rope_freqs.weight (rope scaling) is not supported.");
    const TensorView* embedding = file.find("token_embd.weight");
    if (!embedding || embedding->shape.size() != 2) refuse(where, "the tensor token_embd.weight is missing.");
    c.vocab_size = embedding->shape[0];
    c.tied_head = !file.find("output.weight");
    const auto token = [&](const char* name) { return file.value(name) ? static_cast<std::int32_t>(file.integer(name)) : -1; };
    c.bos = token("tokenizer.ggml.bos_token_id");
    c.eos = token("tokenizer.ggml.eos_token_id");
    check(where, c);
    return c;
}

std::int64_t parameterCount(const DecoderConfig& c) {
    const std::int64_t q = c.heads * c.head_dim, kv = c.kv_heads * c.head_dim, h = c.hidden_size, m = c.intermediate_size;
    std::int64_t layer = h * (q + 2 * kv) + q * h + (c.family == Family::Phi ? 2 : 3) * h * m;
    if (c.attention_bias) layer += q + 2 * kv + h;
    if (c.mlp_bias) layer += m + h;
    layer += 2 * h;
    std::int64_t total = c.layers * layer + c.vocab_size * h + (c.family == Family::Phi ? 2 * h : h);
    if (!c.tied_head) total += c.vocab_size * h;
    if (c.head_bias) total += c.vocab_size;
    return total;
}

} // namespace engine
