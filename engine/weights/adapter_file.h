// SPDX-License-Identifier: GPL-3.0-or-later
// LoRA adapters on disk in PEFT's format (FORMATS §A2): adapter_config.json and adapter_model.safetensors.
#pragma once
#include "engine/experiment.h"
#include "engine/weights/safetensors.h"

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace engine {

/// One adapted linear layer; rank_pattern and alpha_pattern are already applied.
struct AdapterModule {
    std::string name; // "model.layers.0.self_attn.q_proj", as the file has it (older Phi files: "transformer.h.0.mixer.Wqkv")
    std::int64_t r = 0;
    double alpha = 0;
    double scaling = 1; // alpha / r, or alpha / sqrt(r) with rsLoRA
    TensorView a, b;    // A [r, in], B [out, r]; F32, F16, BF16 or F64
};
struct AdapterBias {
    std::string name; // "model.layers.0.self_attn.q_proj.bias"
    TensorView value; // [out]: the trained bias itself, not a difference
};

struct AdapterFile {
    /// r, alpha, dropout, bias, rslora as configured. targets: "all-linear" or the configured names where these alone decide;
    /// full paths of `modules` where a regular expression or a choice of layers does.
    LoraSpec spec;
    std::string baseModel;                           // base_model_name_or_path; may be empty
    std::map<std::string, std::int64_t> rankPattern; // as configured: patterns of module paths
    std::map<std::string, double> alphaPattern;
    SafetensorsFile tensors; // what the views below look into
    std::vector<AdapterModule> modules;
    std::vector<AdapterBias> biases;

    /// Equal for all modules, so that `spec` alone describes the adapter.
    bool isUniform() const;
};

/// Throws Error: NotFound for what is missing; BadInput naming file and key for a feature that would change the numbers (DoRA,
/// modules_to_save, layer_replication, …), for pickled weights, for values that are not finite, and, with both shapes, for
/// tensors that do not fit each other.
AdapterFile readAdapter(const std::filesystem::path& folder);
/// All that readAdapter would refuse.
std::vector<Error> adapterProblems(const std::filesystem::path& folder);

/// What an adapter was trained for.
struct AdapterTask {
    std::string baseModel; // Hugging Face folder or hub id, so that PEFT finds the base
};

/// Writes a folder that PeftModel.from_pretrained loads, first beside its place, then renamed. `tensors` are named as
/// Lora::parameters names them; their values are stored as they are. Replaces an adapter that is there already, but no folder
/// that holds anything else. Throws Error(BadInput, Io), leaving nothing half-written.
void writeAdapter(const std::filesystem::path& folder, const LoraSpec& spec, const AdapterTask& task,
                  std::span<const TensorView> tensors);

} // namespace engine
