// SPDX-License-Identifier: GPL-3.0-or-later
// What the families that descend from Llama share.
#pragma once
#include "engine/architecture/config_rotary.h"
#include "engine/architecture/family.h"

namespace engine {

/// RMSNorm before attention and before a gated MLP, Llama's names of modules and keys. A family says what it has beside.
class LlamaLike : public Family {
public:
    DecoderConfig common() const override;
    void read(const ConfigFile& file, DecoderConfig& config) const override;
    void read(const GgufKeys& keys, DecoderConfig& config) const override;
    void write(const DecoderConfig& config, Json& json) const override;
    GgufMetadata ggufMetadata(const DecoderConfig& config) const override;

protected:
    static constexpr const char* kEpsilon = "attention.layer_norm_rms_epsilon";

    /// Throws Error(BadInput): `what` cannot be said in the family's files.
    [[noreturn]] static void cannotWrite(const DecoderConfig& config, const std::string& what, const std::string& file);
    /// Refuses windows, which config.json or GGUF's keys of a family cannot say.
    static void requireNoWindows(const DecoderConfig& config, const std::string& file);
};

/// use_sliding_window, sliding_window and max_window_layers, as Qwen's.
void readUsedWindow(const ConfigFile& file, DecoderConfig& config);
/// layer_types and sliding_window.
void writeWindows(const DecoderConfig& config, Family::Json& json);
/// The same for families that say apart whether the window is used, as readUsedWindow() reads it.
void writeUsedWindow(const DecoderConfig& config, Family::Json& json);

} // namespace engine
