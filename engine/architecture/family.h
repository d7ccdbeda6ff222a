// SPDX-License-Identifier: GPL-3.0-or-later
// A family of published models: how its files say what a decoder is. families/ has one file for each, families.cpp the list.
#pragma once
#include "engine/architecture/architecture.h"
#include "engine/architecture/config_file.h"
#include "engine/architecture/gguf_keys.h"

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace engine {

class Family {
public:
    using Json = nlohmann::ordered_json;

    virtual ~Family() = default;
    /// As config.json's model_type; shown to people.
    virtual std::string name() const = 0;
    /// Values of model_type that it reads.
    virtual std::vector<std::string> modelTypes() const { return {name()}; }
    /// config.json's architectures.
    virtual std::string architecture() const = 0;
    /// general.architecture in GGUF files. Families that share one must share norms and activation.
    virtual std::string ggufArchitecture() const = 0;

    /// What all its models have in common: modules and their names, norms, activation.
    virtual DecoderConfig common() const = 0;
    /// The rest. Throws Error(BadInput) naming a key: what is missing, contradictory, or a feature that is not computed here and
    /// would change the numbers.
    virtual void read(const ConfigFile& file, DecoderConfig& config) const = 0;
    virtual void read(const GgufKeys& keys, DecoderConfig& config) const = 0;
    /// For writing: keys of config.json beside those that all families share, read by transformers 4 and 5; a GGUF's keys. Throw
    /// Error(BadInput) for what these cannot say.
    virtual void write(const DecoderConfig& config, Json& json) const = 0;
    virtual GgufMetadata ggufMetadata(const DecoderConfig& config) const = 0;
};

/// All of them; of two that read one GGUF architecture the first does.
const std::vector<const Family*>& families();
/// By its name; throws Error(Internal) for a name that is none.
const Family& familyNamed(const std::string& name);

} // namespace engine
