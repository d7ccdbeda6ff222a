// SPDX-License-Identifier: GPL-3.0-or-later
// PEFT's adapter_config.json.
#pragma once
#include "engine/error.h"
#include "engine/experiment.h"

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace engine {

/// How PEFT chooses modules by their paths.
struct ModuleChoice {
    std::optional<std::string> pattern; // fits the whole path
    std::vector<std::string> names;     // without one: paths, or their last parts
    bool holds(const std::string& path) const;
};

struct AdapterConfig {
    LoraSpec spec;               // targets as configured
    bool targetsAreWhole = true; // the targets alone say which layers: no regular expression, no choice of layers
    std::string baseModel;
    std::vector<std::pair<std::string, std::int64_t>> rankPattern; // in the file's order: the first that fits counts
    std::vector<std::pair<std::string, double>> alphaPattern;
    std::optional<ModuleChoice> targeted; // none: all that the file holds
    ModuleChoice excluded;
    std::vector<std::int64_t> layers;        // empty: all
    std::vector<std::string> layersPatterns; // of the path's part before a layer's number; empty: any

    /// Whether PEFT puts its tensors on this module. Throws Error(BadInput) for what is no pattern.
    bool adapts(const std::string& path) const;
};

/// Throws Error naming file and key. Each feature that is not supported goes to `onFeature`; without it, the first is thrown.
AdapterConfig readAdapterConfig(const std::filesystem::path& file, const std::function<void(const Error&)>& onFeature = {});
/// Text of a config that PEFT loads.
std::string adapterConfigText(const LoraSpec& spec, const std::vector<std::string>& targets, const std::string& baseModel);

/// Whether PEFT's pattern (Python's re.match of "(.*\.)?(pattern)$") fits a module's path. Throws Error(BadInput) for what is no
/// pattern.
bool patternFits(const std::string& pattern, const std::string& path);

} // namespace engine
