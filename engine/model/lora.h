// SPDX-License-Identifier: GPL-3.0-or-later
// Low-rank adapters (Hu et al. 2021), named and shaped as PEFT's.
#pragma once
#include "engine/architecture/architecture.h"
#include "engine/architecture/targets.h"
#include "engine/experiment.h"

#include <ATen/core/Tensor.h>
#include <string>
#include <vector>

namespace engine {

/// What is trained: a value, its gradient (same shape, float32), and whether weight decay applies (not to biases).
struct Parameter {
    std::string name;
    at::Tensor value, grad;
    bool decay = true;
};

/// An adapter: y = W x + scaling * B A dropout(x). All parameters are float32 views of one flat buffer.
class Lora {
public:
    struct Module {
        std::string name; // as LinearShape::name
        std::int64_t r = 0;
        double scaling = 1;            // alpha / r, or alpha / sqrt(r) with rsLoRA
        at::Tensor a, b, gradA, gradB; // A [r, in], B [out, r]
    };
    struct Bias {
        std::string name;       // "….q_proj.bias"
        at::Tensor value, grad; // [out]
    };

    /// A from Kaiming's uniform with a = sqrt(5) drawn with `seed`, B zero, as PEFT does; biases zero until the decoder sets
    /// them. Targets: "all-linear", or layer names' last parts ("q_proj"), old fused names ("Wqkv", "out_proj"), or a regular
    /// expression matched against the whole path. Throws Error(BadInput) naming a target that fits nothing.
    Lora(const DecoderConfig& config, const LoraSpec& spec, std::uint64_t seed);

    const LoraSpec& spec() const { return m_spec; }
    std::vector<Module>& modules() { return m_modules; }
    const std::vector<Module>& modules() const { return m_modules; }
    std::vector<Bias>& biasTerms() { return m_biases; }
    const std::vector<Bias>& biasTerms() const { return m_biases; }
    const Module* find(const std::string& linear) const; // nullptr: not adapted
    const Bias* findBias(const std::string& bias) const; // nullptr: not trained
    /// In a fixed order; names as PEFT's files have them ("base_model.model.….lora_A.weight").
    std::vector<Parameter> parameters();
    /// All values, all gradients, as one [P] vector each.
    at::Tensor values() { return m_values; }
    at::Tensor gradients() { return m_gradients; }
    std::int64_t parameterCount() const;
    /// To be called after values were changed from outside, so that copies in other precisions are made anew.
    void touch() { ++m_version; }
    std::uint64_t version() const { return m_version; }

private:
    LoraSpec m_spec;
    std::vector<Module> m_modules;
    std::vector<Bias> m_biases;
    at::Tensor m_values, m_gradients;
    std::uint64_t m_version = 1;
};

/// Parameters that a spec would train.
std::int64_t trainableParameters(const DecoderConfig& config, const LoraSpec& spec);

} // namespace engine
