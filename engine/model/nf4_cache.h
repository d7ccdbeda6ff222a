// SPDX-License-Identifier: GPL-3.0-or-later
// Large models in NF4, quantised once and kept in a file.
#pragma once
#include "engine/architecture/targets.h"
#include "engine/events.h"
#include "engine/model/loader.h"
#include "engine/weights/safetensors.h"

#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>

namespace engine {

/// All linear layers of one model in NF4, in a file that is mapped. Its name is the sum of the model's files (modelSha256), so
/// that another model, or the same one changed, is another file.
class Nf4Cache {
public:
    /// Throws Error for a file that is not there, damaged, or of another shape of model.
    Nf4Cache(const std::filesystem::path& file, const DecoderConfig& config, bool doubleQuant);
    /// Throws Error(NotFound).
    Nf4Matrix matrix(const std::string& layer) const;

    /// Quantises the model, one matrix in memory at a time ("quantise model" to the sink). Throws Error, StopRequested: no file
    /// is left.
    static void write(const std::filesystem::path& file, const WeightReader& reader, bool doubleQuant, const Sink& sink,
                      std::stop_token stop);
    /// Whether scales are as short as this model's can be.
    bool hasScalesOf(const WeightReader& reader) const;
    /// The model's file in derivedCache(), written first where there is none, or one whose scales are longer than they need to
    /// be. None for small models, for those quantised before they were saved, and where it cannot be written, which is told to
    /// the sink.
    static std::optional<Nf4Cache> of(const WeightReader& reader, bool doubleQuant, const Sink& sink, std::stop_token stop);

private:
    std::shared_ptr<const SafetensorsFile> m_file;
    std::vector<LinearShape> m_layers;
    bool m_doubleQuant = false;
};

} // namespace engine
