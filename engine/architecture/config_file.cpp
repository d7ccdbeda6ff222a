// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/architecture/config_file.h"
#include "engine/files/json_file.h"
#include "engine/weights/tensor_view.h"

#include <algorithm>

namespace engine {

namespace {

using Json = nlohmann::json;

constexpr std::size_t kLargestConfig = std::size_t{1} << 20;
constexpr const char* kWouldChange = "It would change the numbers, so the model is not loaded.";

std::string written(const Json& value) {
    return value.dump(-1, ' ', false, Json::error_handler_t::replace);
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

std::int64_t ConfigFile::integer(std::initializer_list<const char*> keys, std::optional<std::int64_t> fallback) const {
    for (const char* key : keys) {
        const Json* value = find(key);
        if (!value) continue;
        if (!value->is_number_integer() || value->get<double>() < 0 || value->get<double>() > 1e9)
            wrongKind(key, *value, "a whole number");
        return value->get<std::int64_t>();
    }
    if (!fallback) refuse(std::string("the key ") + *keys.begin() + " is missing.");
    return *fallback;
}

double ConfigFile::number(std::initializer_list<const char*> keys, double fallback) const {
    for (const char* key : keys) {
        const Json* value = find(key);
        if (!value) continue;
        if (!value->is_number()) wrongKind(key, *value, "a number");
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

std::int32_t ConfigFile::token(const char* key) const {
    const Json* value = find(key);
    if (value && value->is_array()) value = value->empty() ? nullptr : &value->front();
    if (!value) return -1;
    if (!value->is_number_integer() || value->get<double>() < -1 || value->get<double>() > 1e9)
        wrongKind(key, *value, "a token's number");
    return value->get<std::int32_t>();
}

void ConfigFile::refuse(const std::string& what, const std::string& hint) const {
    throw Error(ErrorCode::BadInput, m_name + ": " + what, hint);
}

void ConfigFile::wrongKind(const std::string& key, const Json& value, const char* needed) const {
    refuse(key + " is " + quote(written(value)) + ", but " + needed + " is needed.");
}

void ConfigFile::refuseFeature(const std::string& key, const Json& value, const std::string& what) const {
    refuse(key + " is " + quote(written(value)) + ", but " + what + " are not supported.", kWouldChange);
}

void readSizes(const ConfigFile& file, DecoderConfig& c, std::int64_t intermediate) {
    const std::filesystem::path folder = std::filesystem::path(file.name()).parent_path();
    c.name = folder.filename().string();
    if (c.name.empty()) c.name = folder.parent_path().filename().string();
    c.vocab_size = file.integer({"vocab_size"});
    c.hidden_size = file.integer({"hidden_size", "n_embd"});
    c.layers = file.integer({"num_hidden_layers", "n_layer"});
    c.heads = file.integer({"num_attention_heads", "n_head"});
    c.intermediate_size =
        file.integer({"intermediate_size", "n_inner"}, intermediate ? std::optional(intermediate * c.hidden_size) : std::nullopt);
    c.kv_heads = file.integer({"num_key_value_heads", "n_head_kv"}, c.heads);
    c.max_positions = file.integer({"max_position_embeddings", "n_positions"}, 2048);
    if (c.heads == 0) file.refuse("num_attention_heads is 0.");
    if (!file.find("head_dim") && c.hidden_size % c.heads != 0)
        file.refuse("hidden_size " + std::to_string(c.hidden_size) + " is no multiple of num_attention_heads " +
                    std::to_string(c.heads) + ".");
    c.head_dim = file.integer({"head_dim"}, c.hidden_size / c.heads);
    c.tied_head = file.flag("tie_word_embeddings", c.tied_head);
    c.bos = file.token("bos_token_id");
    c.eos = file.token("eos_token_id");
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

namespace {

/// The object that rope's keys lie in, beside the top; nullptr: none.
const Json* ropeObject(const ConfigFile& file, const char* key) {
    const Json* rope = file.find(key);
    if (rope && !rope->is_object()) file.wrongKind(key, *rope, "an object");
    return rope;
}

/// The scaling's type; "default": none.
std::string scalingType(const ConfigFile& file, const char* key, const Json& rope, std::initializer_list<const char*> scalings) {
    std::string known = "\"default\"";
    for (const char* scaling : scalings) known += std::string(", \"") + scaling + "\"";
    std::string found = "default";
    for (const char* name : {"rope_type", "type"}) {
        const auto type = rope.find(name);
        if (type == rope.end() || type->is_null() || *type == "default") continue;
        const auto is = [&](const char* one) { return *type == one; };
        if (std::none_of(scalings.begin(), scalings.end(), is))
            file.refuse(std::string(key) + "." + name + " is " + written(*type) + "; only " + known +
                            (scalings.size() ? " are" : ", rotary embedding without scaling, is") + " supported.",
                        kWouldChange);
        found = type->get<std::string>();
    }
    if (found != "default") return found;
    for (const auto& [name, value] : rope.items())
        if (value.is_object() || name == "factor")
            file.refuse(std::string(key) + "." + name +
                            " is set: rotary embedding that is scaled, or differs from layer to layer, is not supported.",
                        kWouldChange);
    return found;
}

} // namespace

Rotary readRotary(const ConfigFile& file, const DecoderConfig& config, std::initializer_list<const char*> scalings,
                  double share) {
    for (const char* key : {"rope_parameters", "rope_scaling"})
        if (const Json* rope = ropeObject(file, key)) static_cast<void>(scalingType(file, key, *rope, scalings));
    const Json* nested = ropeObject(file, "rope_parameters");
    const auto read = [&](const char* key, double fallback) {
        if (!nested || !nested->contains(key) || (*nested)[key].is_null()) return file.number({key}, fallback);
        if (!(*nested)[key].is_number()) file.wrongKind(std::string("rope_parameters.") + key, (*nested)[key], "a number");
        return (*nested)[key].get<double>();
    };
    Rotary rotary;
    rotary.theta = read("rope_theta", 10000);
    share = read("partial_rotary_factor", share);
    if (!(rotary.theta > 0)) file.refuse("rope_theta is " + Json(rotary.theta).dump() + ", but must be above 0.");
    if (!(share > 0 && share <= 1))
        file.refuse("partial_rotary_factor is " + Json(share).dump() + ", but must be above 0 and at most 1.");
    rotary.dims = file.find("rotary_dim") ? file.integer({"rotary_dim"})
                                          : static_cast<std::int64_t>(share * static_cast<double>(config.head_dim));
    return rotary;
}

void checkSizes(const std::string& where, const DecoderConfig& c) {
    const auto need = [&](bool ok, const std::string& what) {
        if (!ok) throw Error(ErrorCode::BadInput, where + ": " + what);
    };
    need(c.vocab_size > 0 && c.hidden_size > 0 && c.intermediate_size > 0 && c.layers > 0 && c.heads > 0 && c.kv_heads > 0 &&
             c.head_dim > 0,
         "a size is zero.");
    need(c.heads % c.kv_heads == 0, "num_attention_heads " + std::to_string(c.heads) + " is no multiple of num_key_value_heads " +
                                        std::to_string(c.kv_heads) + ".");
    for (const Rotary& rotary : c.rotary)
        need(rotary.dims > 0 && rotary.dims % 2 == 0 && rotary.dims <= c.head_dim,
             "the rotary part of a head is " + std::to_string(rotary.dims) + " of " + std::to_string(c.head_dim) +
                 " dims; an even number up to the head's is needed.");
    need(c.layers <= 1000 && c.vocab_size <= 10'000'000, "the sizes are beyond reason.");
    need(c.layerKinds.empty() || static_cast<std::int64_t>(c.layerKinds.size()) == c.layers,
         "it tells of " + std::to_string(c.layerKinds.size()) + " layers' kinds, but there are " + std::to_string(c.layers) +
             " layers.");
}

} // namespace engine
