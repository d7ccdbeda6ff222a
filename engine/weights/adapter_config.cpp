// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/weights/adapter_config.h"
#include "engine/files/json_file.h"
#include "engine/weights/tensor_view.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <algorithm>
#include <cmath>
#include <memory>
#include <pcre2.h>

namespace engine {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kLargestConfig = std::size_t{256} << 10;
constexpr std::int64_t kLargestRank = 65536;
constexpr double kLargestScaling = 65536; // of alpha over r

/// What a key asks for, where its name does not say it.
struct Feature {
    const char *key, *what;
};
constexpr Feature kFeatures[] = {
    {"use_dora", "DoRA, a magnitude for each row beside LoRA"},
    {"modules_to_save", "whole layers, such as a head, trained and saved beside LoRA"},
    {"trainable_token_indices", "rows of the embedding trained beside LoRA"},
    {"layer_replication", "layers run more than once"},
};

/// Keys that are true or false, and change the numbers.
constexpr const char* kFlags[] = {"lora_bias", "use_dora", "use_qalora", "use_rslora"};

/// Keys that say nothing about how the adapter computes once it is trained, or that are read below.
constexpr const char* kUnderstood[] = {"alpha_pattern",
                                       "auto_mapping",
                                       "base_model_name_or_path",
                                       "bias",
                                       "corda_config",
                                       "ensure_weight_tying",
                                       "eva_config",
                                       "exclude_modules",
                                       "fan_in_fan_out",
                                       "inference_mode",
                                       "init_lora_weights",
                                       "layers_pattern",
                                       "layers_to_transform",
                                       "loftq_config",
                                       "lora_alpha",
                                       "lora_dropout",
                                       "lora_ga_config",
                                       "megatron_core",
                                       "peft_type",
                                       "peft_version",
                                       "qalora_group_size",
                                       "r",
                                       "rank_pattern",
                                       "revision",
                                       "runtime_config",
                                       "target_modules",
                                       "use_rslora"};

bool isOff(const Json& value) {
    return value.is_null() || value == false || value == "" || ((value.is_array() || value.is_object()) && value.empty());
}

class ConfigReader {
public:
    ConfigReader(const std::filesystem::path& file, const std::function<void(const Error&)>& onFeature)
        : m_file(file), m_onFeature(onFeature), m_json(readOrderedJsonObject(file, kLargestConfig)) {}

    AdapterConfig read() const {
        if (m_json.contains("fine_tune_type") && !m_json.contains("peft_type"))
            refuse("this is an adapter of MLX: fine_tune_type is " + m_json["fine_tune_type"].dump() +
                       ", and peft_type is missing.",
                   "Phibench reads adapters in PEFT's format: convert it, or train one here.");
        const std::string type = text("peft_type");
        if (type != "LORA") refuse("peft_type is " + quote(type) + "; only LORA is supported.");
        checkKinds();
        refuseFeatures();
        AdapterConfig config;
        config.baseModel = text("base_model_name_or_path");
        LoraSpec& spec = config.spec;
        spec.r = rank("r", m_json.contains("r") ? m_json["r"] : Json(8));
        spec.alpha = alpha("lora_alpha", m_json.contains("lora_alpha") ? m_json["lora_alpha"] : Json(8), spec.r);
        spec.dropout = m_json.contains("lora_dropout") ? number("lora_dropout", m_json["lora_dropout"]) : 0;
        if (spec.dropout < 0 || spec.dropout >= 1)
            refuse("lora_dropout is " + m_json["lora_dropout"].dump() + "; 0 or more and less than 1 is needed.");
        const std::string bias = m_json.contains("bias") ? text("bias") : wordOf(spec.bias);
        const auto known = valueOf<TrainedBiases>(bias);
        if (!known) refuse("bias is " + quote(bias) + "; none, all and lora_only are known.");
        spec.bias = *known;
        spec.rslora = m_json.contains("use_rslora") && m_json["use_rslora"] == true;
        readTargets(config);
        const Json ranks = patterns("rank_pattern"), alphas = patterns("alpha_pattern");
        for (const auto& [pattern, value] : ranks.items())
            config.rankPattern.emplace_back(pattern, rank("rank_pattern." + pattern, value));
        for (const auto& [pattern, value] : alphas.items())
            config.alphaPattern.emplace_back(pattern, alpha("alpha_pattern." + pattern, value, kLargestRank));
        return config;
    }

private:
    [[noreturn]] void refuse(const std::string& what, const std::string& hint = {}) const {
        throw Error(ErrorCode::BadInput, m_file.string() + ": " + what, hint);
    }

    void feature(const std::string& what, const std::string& hint) const {
        const Error error(ErrorCode::BadInput, m_file.string() + ": " + what, hint);
        if (!m_onFeature) throw error;
        m_onFeature(error);
    }

    /// What would be taken for off, though it is not.
    void checkKinds() const {
        for (const char* key : kFlags)
            if (m_json.contains(key) && !m_json[key].is_null() && !m_json[key].is_boolean())
                refuse(std::string(key) + " is " + m_json[key].dump() + " where true or false is needed.");
        const char* saved = "modules_to_save";
        if (m_json.contains(saved) && !m_json[saved].is_null() && !m_json[saved].is_array())
            refuse(std::string(saved) + " is " + m_json[saved].dump() + " where null or a list of names is needed.");
    }
    void refuseFeatures() const {
        if (const std::string task = text("task_type"); !task.empty() && task != "CAUSAL_LM")
            feature("task_type is " + quote(task) + ": the adapter of " +
                        (task == "SEQ_CLS" || task == "TOKEN_CLS" ? "a classifier, which has a head of its own; "
                                                                  : "another kind of model; ") +
                        "only CAUSAL_LM, a language model's, is supported.",
                    "Train an adapter of the language model itself.");
        for (const auto& [key, value] : m_json.items()) {
            if (std::find(std::begin(kUnderstood), std::end(kUnderstood), key) != std::end(kUnderstood)) continue;
            if (isOff(value) || !(value == true || value.is_object() || value.is_array())) continue;
            const auto* known =
                std::find_if(std::begin(kFeatures), std::end(kFeatures), [&](const Feature& f) { return key == f.key; });
            feature(key + " is " + quote(value.dump(-1, ' ', false, Json::error_handler_t::replace)) +
                        (known == std::end(kFeatures) ? std::string(", a feature") : ": " + std::string(known->what)) +
                        " that Phibench does not support.",
                    "It would change the numbers, so the adapter is not loaded.");
        }
        if (!m_json.contains("init_lora_weights")) return;
        const Json& init = m_json["init_lora_weights"];
        const auto harmless = {"gaussian", "eva", "orthogonal"};
        if (init.is_string() && std::find(harmless.begin(), harmless.end(), init.get<std::string>()) == harmless.end())
            feature("this adapter was begun with init_lora_weights " + quote(init.get<std::string>()) +
                        ", which also changes the base model's weights.",
                    "Convert it to a plain LoRA first: PEFT's save_pretrained does so with "
                    "path_initial_model_for_weight_conversion.");
    }
    std::string text(const std::string& key) const {
        if (!m_json.contains(key) || m_json[key].is_null()) return {};
        if (!m_json[key].is_string()) refuse(key + " is " + m_json[key].dump() + " where a text is needed.");
        return m_json[key].get<std::string>();
    }
    std::int64_t rank(const std::string& key, const Json& value) const {
        if (!value.is_number_integer() || value.get<double>() < 1 || value.get<double>() > static_cast<double>(kLargestRank))
            refuse(key + " is " + value.dump() + "; a whole number from 1 to " + std::to_string(kLargestRank) + " is needed.");
        return value.get<std::int64_t>();
    }
    double number(const std::string& key, const Json& value) const {
        if (!value.is_number() || !std::isfinite(value.get<double>()))
            refuse(key + " is " + value.dump() + " where a number is needed.");
        return value.get<double>();
    }
    /// Of a rank: alpha / r is what the adapter is multiplied by.
    double alpha(const std::string& key, const Json& value, std::int64_t r) const {
        const double most = kLargestScaling * static_cast<double>(r), found = number(key, value);
        if (!(found > 0 && found <= most))
            refuse(key + " is " + value.dump() + "; a number above 0 and up to " + Json(most).dump() + " is needed.");
        return found;
    }
    Json patterns(const std::string& key) const {
        if (!m_json.contains(key) || m_json[key].is_null()) return Json::object();
        if (!m_json[key].is_object()) refuse(key + " is no object of patterns.");
        return m_json[key];
    }
    /// Names of layers, or a pattern.
    std::optional<ModuleChoice> choice(const std::string& key) const {
        const Json value = m_json.contains(key) ? m_json[key] : Json();
        if (value.is_null()) return {};
        ModuleChoice choice;
        if (value.is_string()) {
            choice.pattern = value.get<std::string>();
        } else if (value.is_array()) {
            for (const Json& name : value) {
                if (!name.is_string() || name == "") refuse(key + " holds " + name.dump() + " where a layer's name is needed.");
                choice.names.push_back(name.get<std::string>());
            }
            std::sort(choice.names.begin(), choice.names.end());
        } else {
            refuse(key + " is " + value.dump() + "; a list of names or a text is needed.");
        }
        return choice;
    }
    void readLayers(AdapterConfig& config) const {
        const Json layers = m_json.contains("layers_to_transform") ? m_json["layers_to_transform"] : Json();
        if (!layers.is_null() && !layers.is_array() && !layers.is_number_integer())
            refuse("layers_to_transform is " + layers.dump() + "; a layer's number or a list of them is needed.");
        for (const Json& layer : layers.is_array() || layers.is_null() ? layers : Json::array({layers})) {
            if (!layer.is_number_integer())
                refuse("layers_to_transform holds " + layer.dump() + " where a layer's number is needed.");
            config.layers.push_back(layer.get<std::int64_t>());
        }
        const Json patterns = m_json.contains("layers_pattern") ? m_json["layers_pattern"] : Json();
        for (const Json& pattern : patterns.is_string() ? Json::array({patterns}) : patterns) {
            if (!pattern.is_string()) refuse("layers_pattern is " + patterns.dump() + "; a text or a list of them is needed.");
            if (pattern != "") config.layersPatterns.push_back(pattern.get<std::string>());
        }
    }
    void readTargets(AdapterConfig& config) const {
        config.targeted = choice("target_modules");
        if (config.targeted && !config.targeted->pattern && config.targeted->names.empty())
            refuse("target_modules is [], so the adapter sits on no layer.", "Save the adapter again.");
        if (!config.targeted) {
            config.spec.targets.clear();
        } else if (config.targeted->pattern) {
            config.spec.targets = {*config.targeted->pattern};
            config.targetsAreWhole = *config.targeted->pattern == "all-linear";
            if (config.targetsAreWhole) config.targeted.reset();
        } else {
            config.spec.targets = config.targeted->names;
        }
        config.excluded = choice("exclude_modules").value_or(ModuleChoice{});
        readLayers(config);
        if (config.spec.targets.empty()) config.targetsAreWhole = false;
        for (const char* key : {"exclude_modules", "layers_to_transform", "layers_pattern"})
            if (m_json.contains(key) && !isOff(m_json[key])) config.targetsAreWhole = false;
    }

    std::filesystem::path m_file;
    const std::function<void(const Error&)>& m_onFeature;
    Json m_json;
};

} // namespace

AdapterConfig readAdapterConfig(const std::filesystem::path& file, const std::function<void(const Error&)>& onFeature) {
    return ConfigReader(file, onFeature).read();
}

std::string adapterConfigText(const LoraSpec& spec, const std::vector<std::string>& targets, const std::string& baseModel) {
    const bool whole = spec.alpha == std::floor(spec.alpha) && std::abs(spec.alpha) < 1e15;
    const Json alpha = whole ? Json(static_cast<std::int64_t>(spec.alpha)) : Json(spec.alpha);
    const Json config{{"alora_invocation_tokens", nullptr},
                      {"alpha_pattern", Json::object()},
                      {"auto_mapping", nullptr},
                      {"base_model_name_or_path", baseModel.empty() ? Json() : Json(baseModel)},
                      {"bias", wordOf(spec.bias)},
                      {"exclude_modules", nullptr},
                      {"fan_in_fan_out", false},
                      {"inference_mode", true},
                      {"init_lora_weights", true},
                      {"layer_replication", nullptr},
                      {"layers_pattern", nullptr},
                      {"layers_to_transform", nullptr},
                      {"loftq_config", Json::object()},
                      {"lora_alpha", alpha},
                      {"lora_bias", false},
                      {"lora_dropout", spec.dropout},
                      {"megatron_config", nullptr},
                      {"megatron_core", "megatron.core"},
                      {"modules_to_save", nullptr},
                      {"peft_type", "LORA"},
                      {"r", spec.r},
                      {"rank_pattern", Json::object()},
                      {"revision", nullptr},
                      {"target_modules", targets},
                      {"target_parameters", nullptr},
                      {"task_type", "CAUSAL_LM"},
                      {"trainable_token_indices", nullptr},
                      {"use_dora", false},
                      {"use_qalora", false},
                      {"use_rslora", spec.rslora}};
    try {
        return config.dump(2) + "\n";
    } catch (const nlohmann::json::exception&) {
        throw Error(ErrorCode::BadInput, "The name of the base model or of a layer is not UTF-8.");
    }
}

namespace {

/// Whether `path` begins with what `whole`, made of somebody's pattern, describes.
bool fits(const std::string& pattern, const std::string& whole, const std::string& path) {
    constexpr std::size_t kLongest = 4096;
    const auto refuse = [&](const std::string& why) {
        throw Error(ErrorCode::BadInput, "The pattern " + quote(pattern) + " " + why);
    };
    if (pattern.size() > kLongest) refuse("is too long.");
    int code = 0;
    PCRE2_SIZE where = 0;
    const std::unique_ptr<pcre2_code, decltype(&pcre2_code_free)> regex(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(whole.data()),
                                                                                      whole.size(), PCRE2_UTF | PCRE2_ANCHORED,
                                                                                      &code, &where, nullptr),
                                                                        pcre2_code_free);
    if (!regex) refuse("is not a regular expression.");
    const std::unique_ptr<pcre2_match_data, decltype(&pcre2_match_data_free)> data(pcre2_match_data_create(1, nullptr),
                                                                                   pcre2_match_data_free);
    const std::unique_ptr<pcre2_match_context, decltype(&pcre2_match_context_free)> limits(pcre2_match_context_create(nullptr),
                                                                                           pcre2_match_context_free);
    pcre2_set_match_limit(limits.get(), 100'000); // a stranger's pattern must not keep us busy
    pcre2_set_depth_limit(limits.get(), 10'000);
    pcre2_set_heap_limit(limits.get(), 16 << 10);
    const int result =
        pcre2_match(regex.get(), reinterpret_cast<PCRE2_SPTR>(path.data()), path.size(), 0, 0, data.get(), limits.get());
    if (result < 0 && result != PCRE2_ERROR_NOMATCH) refuse("cannot be matched against " + quote(path) + ".");
    return result != PCRE2_ERROR_NOMATCH;
}

} // namespace

bool patternFits(const std::string& pattern, const std::string& path) {
    return fits(pattern, "(.*\\.)?(" + pattern + ")$", path);
}

bool ModuleChoice::holds(const std::string& path) const {
    if (pattern) return fits(*pattern, "(?:" + *pattern + ")\\z", path);
    return std::ranges::any_of(names, [&](const std::string& name) { return path == name || path.ends_with("." + name); });
}

bool AdapterConfig::adapts(const std::string& path) const {
    if (excluded.holds(path) || (targeted && !targeted->holds(path))) return false;
    // PEFT numbers no layers beside a pattern or a whole path.
    if (layers.empty() || (targeted && (targeted->pattern || std::ranges::count(targeted->names, path) > 0))) return true;
    const std::vector<std::string> any{"[^.]*"};
    return std::ranges::any_of(layersPatterns.empty() ? any : layersPatterns, [&](const std::string& pattern) {
        return std::ranges::any_of(layers, [&](std::int64_t layer) {
            return fits(pattern, ".*\\.(?:" + pattern + ")\\." + std::to_string(layer) + "\\.", path);
        });
    });
}

} // namespace engine
