// SPDX-License-Identifier: GPL-3.0-or-later
// config.json of a model folder, with the checks that a wrong one would otherwise turn into wrong numbers. For families only.
#pragma once
#include "engine/architecture/architecture.h"
#include "engine/architecture/ranges.h"
#include "engine/error.h"

#include <filesystem>
#include <functional>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace engine {

inline constexpr const char* kWouldChangeNumbers = "It would change the numbers, so the model is not loaded.";

/// A reader of keys. What is missing, of a wrong kind or not supported throws Error(BadInput) naming file and key.
class ConfigFile {
public:
    using Json = nlohmann::json;

    /// Throws Error(NotFound) where there is none.
    explicit ConfigFile(const std::filesystem::path& folder);
    const std::string& name() const { return m_name; }
    /// Whether the key is there, null or not.
    bool says(const std::string& key) const;
    /// nullptr: missing or null.
    const Json* find(const std::string& key) const;
    /// The first of these keys that is there, within its range.
    std::int64_t integer(std::initializer_list<const char*> keys, std::optional<std::int64_t> fallback = {},
                         const NumberRange& range = ranges::kCount) const;
    double number(std::initializer_list<const char*> keys, double fallback, const NumberRange& range) const;
    bool flag(const char* key, bool fallback) const;
    /// "": missing.
    std::string text(const char* key) const;
    /// The first of several, one of `vocabulary`; -1: none.
    std::int32_t token(const char* key, std::int64_t vocabulary) const;

    [[noreturn]] void refuse(const std::string& what, const std::string& hint = {}) const;
    [[noreturn]] void wrongKind(const std::string& key, const Json& value, const std::string& needed) const;
    /// What would change the numbers: `what` in the plural.
    [[noreturn]] void refuseFeature(const std::string& key, const Json& value, const std::string& what) const;

private:
    std::string m_name;
    Json m_json;
};

/// Vocabulary, layers, heads and the like, tokens, tied head, name; Phi's first names of the keys as well. What `config` has
/// already holds where a key is missing. `intermediate`: of hidden_size where intermediate_size is missing; 0: it must be there.
void readSizes(const ConfigFile& file, DecoderConfig& config, std::int64_t intermediate = 0);

/// Refuses features that `config`, read by its family, does not have: mixtures of experts, windows, layer types, norms of queries
/// and keys, biases, another activation than `activations` name, quantisations other than NF4. A family that computes with one of
/// these keys names it in `understood`.
void refuseFeatures(const ConfigFile& file, std::initializer_list<const char*> activations,
                    std::initializer_list<const char*> understood = {});

/// layer_types, each full_attention or sliding_attention; empty: the key is missing.
std::vector<std::string> layerTypes(const ConfigFile& file, const DecoderConfig& config);
/// Gives the layers that slide their window: those that layer_types says, or where it is missing those of `slides`.
void readWindows(const ConfigFile& file, DecoderConfig& config, std::int64_t window,
                 const std::function<bool(std::int64_t)>& slides);
/// attention_bias: of q, k, v and the output; mlp_bias where the family has it.
void readBiases(const ConfigFile& file, DecoderConfig& config, bool ofMlp);

/// Sizes that contradict each other; `where` is the file.
void checkSizes(const std::string& where, const DecoderConfig& config);

} // namespace engine
