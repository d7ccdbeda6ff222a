// SPDX-License-Identifier: GPL-3.0-or-later
// Rotary tables in config.json and in GGUF files. For families only.
#pragma once
#include "engine/architecture/config_file.h"
#include "engine/architecture/gguf_keys.h"

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace engine {

/// What a family's config.json says of one table.
struct RotaryKeys {
    std::vector<std::string> scalings = {}; // types that the family computes with beside "default"
    double share = 1, theta = 10000;        // of a head, and base, where no key says it
    const char* thetaKey = "rope_theta";    // at the top
    const char* layers = nullptr;           // rope_parameters' object of these layers, where there is one for each kind
    bool isScaled = true;                   // rope_scaling at the top is of this table
};
/// From the top (transformers 4) or rope_parameters (5). Throws Error(BadInput) for a scaling of another type, or none that is
/// whole.
Rotary readRotary(const ConfigFile& file, const DecoderConfig& config, const RotaryKeys& keys = {});

/// A table as rope_parameters and rope_scaling hold it. Throws Error(BadInput) for one that they cannot say.
nlohmann::ordered_json rotaryJson(const DecoderConfig& config, const Rotary& rotary);
/// Puts the first table where transformers 4 and 5 look for it.
void writeRotary(const DecoderConfig& config, nlohmann::ordered_json& json);

/// The share of a head that turns, such that readers who multiply it by the head's size and cut off find the same number of dims.
double rotaryShare(const DecoderConfig& config);

/// The first table's scaling: linear, or as rope_freqs.weight holds it. Refuses other types.
void readScaling(const GgufKeys& keys, DecoderConfig& config);
/// The same for writing; tensors are ggufTables'.
void addScaling(const DecoderConfig& config, const std::string& architecture, GgufMetadata& metadata);

/// What Llama3 divides each frequency by [dims / 2].
std::vector<double> llama3Factors(const Rotary& rotary);

} // namespace engine
