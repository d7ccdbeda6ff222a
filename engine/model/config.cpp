// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/config.h"
#include "engine/weights/gguf.h"

#include <fstream>
#include <optional>
#include <nlohmann/json.hpp>

namespace engine {

namespace {

using Json = nlohmann::json;

[[noreturn]] void refuse(const std::string& where, const std::string& what, const std::string& hint = {}) {
    throw Error(ErrorCode::BadInput, where + ": " + what, hint);
}

/// config.json with the checks that a wrong one would otherwise turn into wrong numbers.
class ConfigFile {
public:
    explicit ConfigFile(const std::filesystem::path& folder) : m_name((folder / "config.json").string()) {
        std::ifstream in(m_name, std::ios::binary);
        if (!in) throw Error(ErrorCode::NotFound, m_name + " is not there, so this folder holds no model.", "Give a folder with config.json and .safetensors files, or a .gguf file.");
        m_json = Json::parse(in, nullptr, false);
        if (!m_json.is_object()) refuse(m_name, "this is not JSON.", "The download may be incomplete: fetch it again.");
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
            refuse(m_name, std::string(*keys.begin()) + " is " + value->dump() + ", but a whole number is needed.");
        return value->get<std::int64_t>();
    }
    double number(std::initializer_list<const char*> keys, double fallback) const {
        const Json* value = any(keys);
        if (!value) return fallback;
        if (!value->is_number()) refuse(m_name, std::string(*keys.begin()) + " is " + value->dump() + ", but a number is needed.");
        return value->get<double>();
    }
    bool flag(const char* key, bool fallback) const {
        const Json* value = find(key);
        return value && value->is_boolean() ? value->get<bool>() : fallback;
    }
    std::string text(const char* key) const {
        const Json* value = find(key);
        return value && value->is_string() ? value->get<std::string>() : std::string();
    }
    std::int32_t token(const char* key) const {
        const Json* value = find(key);
        if (value && value->is_array() && !value->empty()) value = &value->front();
        return value && value->is_number_integer() ? value->get<std::int32_t>() : -1;
    }

private:
    std::string m_name;
    Json m_json;
};

/// rope_theta and partial_rotary_factor lie at the top (transformers 4) or under rope_parameters (5).
void readRope(const ConfigFile& file, DecoderConfig& config, double fraction) {
    const Json* nested = file.find("rope_parameters");
    const Json* scaling = file.find("rope_scaling");
    for (const Json* rope : {nested, scaling}) {
        if (!rope || !rope->is_object()) continue;
        for (const char* key : {"rope_type", "type"}) {
            const std::string type = rope->value(key, std::string("default"));
            if (type != "default") refuse(file.name(), "rope scaling of kind \"" + type + "\" is not supported.", "It would change the numbers, so the model is not loaded.");
        }
    }
    const auto read = [&](const char* key, double fallback) {
        if (nested && nested->is_object() && nested->contains(key) && (*nested)[key].is_number()) return (*nested)[key].get<double>();
        return file.number({key}, fallback);
    };
    config.rope_theta = read("rope_theta", 10000);
    fraction = read("partial_rotary_factor", fraction);
    config.rotary_dim = file.find("rotary_dim") ? file.integer({"rotary_dim"}) : static_cast<std::int64_t>(fraction * static_cast<double>(config.head_dim));
}

void check(const std::string& where, const DecoderConfig& c) {
    const auto need = [&](bool ok, const std::string& what) {
        if (!ok) refuse(where, what);
    };
    need(c.vocab_size > 0 && c.hidden_size > 0 && c.intermediate_size > 0 && c.layers > 0 && c.heads > 0 && c.kv_heads > 0 && c.head_dim > 0,
         "a size is zero.");
    need(c.heads % c.kv_heads == 0, "num_attention_heads " + std::to_string(c.heads) + " is no multiple of num_key_value_heads " + std::to_string(c.kv_heads) + ".");
    need(c.rotary_dim > 0 && c.rotary_dim % 2 == 0 && c.rotary_dim <= c.head_dim, "the rotary part of a head is " + std::to_string(c.rotary_dim) + " of " + std::to_string(c.head_dim) + " dims; an even number up to the head's is needed.");
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
    if (type == "phi" || type == "phi-msft") c.family = Family::Phi;
    else if (type == "llama") c.family = Family::Llama;
    else refuse(file.name(), type.empty() ? "model_type is missing." : "model_type \"" + type + "\" is not supported.", "Phibench runs the phi and llama families.");
    c.name = folder.filename().string();
    if (c.name.empty()) c.name = folder.parent_path().filename().string();

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
        refuse(file.name(), "hidden_size " + std::to_string(c.hidden_size) + " is no multiple of num_attention_heads " + std::to_string(c.heads) + ".");
    c.head_dim = file.integer({"head_dim"}, c.hidden_size / c.heads);
    c.norm_eps = phi ? file.number({"layer_norm_eps", "layer_norm_epsilon"}, 1e-5) : file.number({"rms_norm_eps"}, 1e-6);
    c.tied_head = file.flag("tie_word_embeddings", false);
    c.bos = file.token("bos_token_id");
    c.eos = file.token("eos_token_id");
    readRope(file, c, phi ? 0.5 : 1.0);
    if (phi) {
        c.resid_dropout = file.number({"resid_pdrop"}, 0);
        c.attention_bias = c.mlp_bias = c.head_bias = true;
        if (file.flag("qk_layernorm", false)) refuse(file.name(), "qk_layernorm is not supported.");
        const std::string act = file.text(file.find("hidden_act") ? "hidden_act" : "activation_function");
        if (!act.empty() && act != "gelu_new" && act != "gelu_pytorch_tanh") refuse(file.name(), "hidden_act \"" + act + "\" is not supported for phi; gelu_new is.");
    } else {
        if (file.flag("attention_bias", false) || file.flag("mlp_bias", false)) refuse(file.name(), "a llama model with attention_bias or mlp_bias is not supported.");
        const std::string act = file.text("hidden_act");
        if (!act.empty() && act != "silu") refuse(file.name(), "hidden_act \"" + act + "\" is not supported for llama; silu is.");
    }
    for (const char* key : {"num_local_experts", "num_experts"})
        if (file.find(key)) refuse(file.name(), std::string(key) + ": mixtures of experts are not supported.");
    check(file.name(), c);
    return c;
}

DecoderConfig configFromGguf(const GgufFile& file) {
    const std::string where = file.path().string();
    DecoderConfig c;
    const std::string arch = file.text("general.architecture");
    if (arch == "phi2") c.family = Family::Phi;
    else if (arch == "llama") c.family = Family::Llama;
    else refuse(where, "general.architecture \"" + arch + "\" is not supported.", "Phibench runs llama and phi2.");
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
    for (const char* name : {"rope.scaling.type", "expert_count"})
        if (const auto* value = file.value(key(name)); value && !(std::holds_alternative<std::string>(*value) && std::get<std::string>(*value) == "none"))
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
