// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/architecture/config_file.h"
#include "engine/files/json_file.h"
#include "engine/weights/tensor_view.h"

#include <algorithm>

namespace engine {

namespace {

using Json = nlohmann::json;

constexpr std::size_t kLargestConfig = std::size_t{1} << 20;

/// As the file has it; a long one is cut off.
std::string written(const Json& value) {
    if (value.is_string()) return quote(value.get<std::string>());
    const std::string quoted = quote(value.dump(-1, ' ', false, Json::error_handler_t::replace));
    return quoted.substr(1, quoted.size() - 2);
}

} // namespace

ConfigFile::ConfigFile(const std::filesystem::path& folder) : m_name((folder / "config.json").string()) {
    std::error_code unknown;
    if (!std::filesystem::exists(m_name, unknown))
        throw Error(ErrorCode::NotFound, m_name + " is not there, so this folder holds no model.",
                    "Give a folder with config.json and .safetensors files, or a .gguf file.");
    m_json = readJsonObject(m_name, kLargestConfig);
}

const Json* ConfigFile::find(const std::string& key) const {
    const auto it = m_json.find(key);
    return it == m_json.end() || it->is_null() ? nullptr : &*it;
}

bool ConfigFile::says(const std::string& key) const {
    return m_json.contains(key);
}

std::int64_t ConfigFile::integer(std::initializer_list<const char*> keys, std::optional<std::int64_t> fallback,
                                 const NumberRange& range) const {
    for (const char* key : keys) {
        const Json* value = find(key);
        if (!value) continue;
        if (!value->is_number_integer() || !range.holds(value->get<double>()))
            wrongKind(key, *value, "a whole number " + toString(range));
        return value->get<std::int64_t>();
    }
    if (!fallback) refuse(std::string("the key ") + *keys.begin() + " is missing.");
    return *fallback;
}

double ConfigFile::number(std::initializer_list<const char*> keys, double fallback, const NumberRange& range) const {
    for (const char* key : keys) {
        const Json* value = find(key);
        if (!value) continue;
        if (!value->is_number() || !range.holds(value->get<double>())) wrongKind(key, *value, "a number " + toString(range));
        return value->get<double>();
    }
    return fallback;
}

bool ConfigFile::flag(const char* key, bool fallback) const {
    const Json* value = find(key);
    if (value && !value->is_boolean()) wrongKind(key, *value, "true or false");
    return value ? value->get<bool>() : fallback;
}

std::string ConfigFile::text(const char* key) const {
    const Json* value = find(key);
    if (value && !value->is_string()) wrongKind(key, *value, "a text");
    return value ? value->get<std::string>() : std::string();
}

std::int32_t ConfigFile::token(const char* key, std::int64_t vocabulary) const {
    const Json* value = find(key);
    if (value && value->is_array()) value = value->empty() ? nullptr : &value->front();
    if (!value) return -1;
    if (!value->is_number_integer() || value->get<double>() < -1 || value->get<double>() >= static_cast<double>(vocabulary))
        wrongKind(key, *value, "the number of one of the model's tokens, 0 to " + std::to_string(vocabulary - 1) + ",");
    return value->get<std::int32_t>();
}

void ConfigFile::refuse(const std::string& what, const std::string& hint) const {
    throw Error(ErrorCode::BadInput, m_name + ": " + what, hint);
}

void ConfigFile::wrongKind(const std::string& key, const Json& value, const std::string& needed) const {
    refuse(key + " is " + written(value) + ", but " + needed + " is needed.");
}

void ConfigFile::refuseFeature(const std::string& key, const Json& value, const std::string& what) const {
    refuse(key + " is " + written(value) + ", but " + what + " are not supported.", kWouldChangeNumbers);
}

void readSizes(const ConfigFile& file, DecoderConfig& c, std::int64_t intermediate) {
    const std::filesystem::path folder = std::filesystem::path(file.name()).parent_path();
    c.name = folder.filename().string();
    if (c.name.empty()) c.name = folder.parent_path().filename().string();
    const auto size = [&](std::initializer_list<const char*> keys, std::optional<std::int64_t> fallback = {},
                          const NumberRange& range = ranges::kSize) { return file.integer(keys, fallback, range); };
    c.vocab_size = size({"vocab_size"}, {}, ranges::kVocabulary);
    c.hidden_size = size({"hidden_size", "n_embd"});
    c.layers = size({"num_hidden_layers", "n_layer"}, {}, ranges::kLayers);
    c.heads = size({"num_attention_heads", "n_head"});
    c.intermediate_size =
        size({"intermediate_size", "n_inner"}, intermediate ? std::optional(intermediate * c.hidden_size) : std::nullopt);
    c.kv_heads = size({"num_key_value_heads", "n_head_kv"}, c.heads);
    c.max_positions = size({"max_position_embeddings", "n_positions"}, c.max_positions ? c.max_positions : 2048);
    if (!file.find("head_dim") && c.head_dim == 0 && c.hidden_size % c.heads != 0)
        file.refuse("hidden_size " + std::to_string(c.hidden_size) + " is no multiple of num_attention_heads " +
                    std::to_string(c.heads) + ".");
    c.head_dim = size({"head_dim"}, c.head_dim ? c.head_dim : c.hidden_size / c.heads);
    c.tied_head = file.flag("tie_word_embeddings", c.tied_head);
    c.bos = file.token("bos_token_id", c.vocab_size);
    c.eos = file.token("eos_token_id", c.vocab_size);
}

namespace {

void refuseQuantisation(const ConfigFile& file) {
    const Json* quantised = file.find("quantization_config");
    if (!quantised) return;
    if (!quantised->is_object()) file.wrongKind("quantization_config", *quantised, "an object");
    const Json method = quantised->value("quant_method", Json());
    const bool four = quantised->value("load_in_4bit", Json()) == true || quantised->value("_load_in_4bit", Json()) == true;
    if (method != "bitsandbytes" || !four)
        file.refuse("the weights are quantised by " +
                        (method == "bitsandbytes" ? "bitsandbytes in 8 bits"
                                                  : quote(method.is_string() ? method.get<std::string>() : method.dump())) +
                        ", which is not supported.",
                    "Phibench reads weights of 16 or 32 bits, bitsandbytes' NF4, and GGUF.");
}

} // namespace

void refuseFeatures(const ConfigFile& file, std::initializer_list<const char*> activations,
                    std::initializer_list<const char*> understood) {
    const auto on = [](const Json& value) { return value != false && value != 0 && !(value.is_array() && value.empty()); };
    /// The key's value where it is set and the family does not compute with it.
    const auto unknown = [&](const char* key) -> const Json* {
        const auto is = [&](const char* one) { return std::string(one) == key; };
        const Json* value = std::any_of(understood.begin(), understood.end(), is) ? nullptr : file.find(key);
        return value && on(*value) ? value : nullptr;
    };
    for (const char* key : {"num_local_experts", "num_experts", "n_routed_experts", "moe_intermediate_size"})
        if (const Json* value = unknown(key)) file.refuseFeature(key, *value, "mixtures of experts");
    if (const Json* window = unknown("sliding_window"); window && file.flag("use_sliding_window", true))
        file.refuseFeature("sliding_window", *window, "sliding windows of attention");
    if (const Json* types = unknown("layer_types"); types && types->is_array())
        for (const Json& type : *types)
            if (type != "full_attention") file.refuseFeature("layer_types", *types, "layers other than full_attention");
    for (const char* key : {"qk_layernorm", "use_qk_norm"})
        if (const Json* value = unknown(key)) file.refuseFeature(key, *value, "norms of queries and keys");
    for (const char* key : {"attn_logit_softcapping", "final_logit_softcapping"})
        if (const Json* value = unknown(key)) file.refuseFeature(key, *value, "capped logits");
    for (const char* key : {"attention_bias", "mlp_bias"})
        if (unknown(key) && file.flag(key, false))
            file.refuse(std::string(key) + " is true; a " + file.text("model_type") + " model with biases is not supported.");
    for (const char* key : {"hidden_act", "hidden_activation", "activation_function"}) {
        const std::string found = file.text(key);
        const auto is = [&](const char* one) { return found == one; };
        if (!found.empty() && std::none_of(activations.begin(), activations.end(), is))
            file.refuse(std::string(key) + " \"" + found + "\" is not supported for " + file.text("model_type") + "; " +
                        *activations.begin() + " is.");
    }
    refuseQuantisation(file);
}

std::vector<std::string> layerTypes(const ConfigFile& file, const DecoderConfig& c) {
    std::vector<std::string> types;
    const Json* given = file.find("layer_types");
    if (!given) return types;
    if (!given->is_array()) file.wrongKind("layer_types", *given, "a list");
    for (const Json& type : *given) {
        if (type != "full_attention" && type != "sliding_attention")
            file.refuseFeature("layer_types", *given, "layers other than full_attention and sliding_attention");
        types.push_back(type.get<std::string>());
    }
    if (std::ssize(types) != c.layers)
        file.refuse("layer_types tells of " + std::to_string(types.size()) + " layers, but num_hidden_layers is " +
                    std::to_string(c.layers) + ".");
    return types;
}

void readWindows(const ConfigFile& file, DecoderConfig& c, std::int64_t window, const std::function<bool(std::int64_t)>& slides) {
    if (c.layerKinds.empty()) c.layerKinds.resize(static_cast<std::size_t>(c.layers));
    const std::vector<std::string> types = layerTypes(file, c);
    for (std::int64_t layer = 0; layer < c.layers; ++layer) {
        const auto at = static_cast<std::size_t>(layer);
        if (types.empty() ? slides(layer) : types[at] == "sliding_attention") c.layerKinds[at].window = window;
    }
}

void readBiases(const ConfigFile& file, DecoderConfig& c, bool ofMlp) {
    const bool attention = file.flag("attention_bias", false), mlp = ofMlp && file.flag("mlp_bias", false);
    for (LinearModule& linear : c.linears)
        if (linear.product() == Product::Qkv || linear.product() == Product::Out ? attention : mlp) linear.bias = true;
}

void checkSizes(const std::string& where, const DecoderConfig& c) {
    const auto need = [&](bool ok, const std::string& what) {
        if (!ok) throw Error(ErrorCode::BadInput, where + ": " + what);
    };
    need(c.heads % c.kv_heads == 0, "num_attention_heads " + std::to_string(c.heads) + " is no multiple of num_key_value_heads " +
                                        std::to_string(c.kv_heads) + ".");
    for (const Rotary& rotary : c.rotary)
        need(rotary.dims > 0 && rotary.dims % 2 == 0 && rotary.dims <= c.head_dim,
             "the rotary part of a head is " + std::to_string(rotary.dims) + " of " + std::to_string(c.head_dim) +
                 " dims; an even number up to the head's is needed.");
    const bool placed = c.queryNorm || c.keyNorm || c.attentionBranchNorm || c.mlpBranchNorm;
    need(!placed || c.norm != NormKind::LayerNorm, "a LayerNorm of heads or on a branch is not supported.");
    need(c.layerKinds.empty() || static_cast<std::int64_t>(c.layerKinds.size()) == c.layers,
         "it tells of " + std::to_string(c.layerKinds.size()) + " layers' kinds, but there are " + std::to_string(c.layers) +
             " layers.");
}

} // namespace engine
