// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/lora.h"
#include "engine/architecture/targets.h"

#include <ATen/Functions.h>
#include <algorithm>
#include <cmath>
#include <random>

namespace engine {

namespace {

/// What an adapter is made of, in the order of its flat buffer.
struct Layout {
    std::vector<LinearShape> modules, biases;
    std::int64_t count = 0;
};

Layout layoutOf(const DecoderConfig& config, const LoraSpec& spec) {
    Layout layout;
    layout.modules = chooseTargets(config, spec.targets);
    if (spec.bias != TrainedBiases::None) {
        for (const LinearShape& bias : biases(config)) {
            const std::string owner = bias.name.substr(0, bias.name.rfind('.'));
            const bool wrapped =
                std::any_of(layout.modules.begin(), layout.modules.end(), [&](const LinearShape& m) { return m.name == owner; });
            if (spec.bias == TrainedBiases::All || wrapped) layout.biases.push_back(bias);
        }
    }
    for (const LinearShape& module : layout.modules) layout.count += spec.r * (module.in + module.out);
    for (const LinearShape& bias : layout.biases) layout.count += bias.out;
    return layout;
}

} // namespace

std::int64_t trainableParameters(const DecoderConfig& config, const LoraSpec& spec) {
    return layoutOf(config, spec).count;
}

Lora::Lora(const DecoderConfig& config, const LoraSpec& spec, std::uint64_t seed) : m_spec(spec) {
    if (spec.r < 1)
        throw Error(ErrorCode::BadInput, "lora.r is " + std::to_string(spec.r) + ".",
                    "Use a rank of 1 or more, 8 or 16 for a start.");
    const Layout layout = layoutOf(config, spec);
    m_values = at::zeros({layout.count}, at::kFloat);
    m_gradients = at::zeros({layout.count}, at::kFloat);
    const double r = static_cast<double>(spec.r);
    const double scaling = spec.alpha / (spec.rslora ? std::sqrt(r) : r);

    std::mt19937_64 random(seed);
    std::int64_t at = 0;
    const auto take = [&](at::Tensor& value, at::Tensor& grad, at::IntArrayRef shape, std::int64_t count) {
        value = m_values.narrow(0, at, count).view(shape);
        grad = m_gradients.narrow(0, at, count).view(shape);
        at += count;
    };
    for (const LinearShape& shape : layout.modules) {
        Module module{shape.name, spec.r, scaling, {}, {}, {}, {}};
        take(module.a, module.gradA, {spec.r, shape.in}, spec.r * shape.in);
        take(module.b, module.gradB, {shape.out, spec.r}, shape.out * spec.r);
        // Kaiming with a = sqrt(5): uniform within 1 / sqrt(fan in).
        const double bound = 1.0 / std::sqrt(static_cast<double>(shape.in));
        float* a = module.a.mutable_data_ptr<float>();
        for (std::int64_t i = 0; i < module.a.numel(); ++i)
            a[i] = static_cast<float>((static_cast<double>(random() >> 11) * 0x1.0p-53 * 2.0 - 1.0) * bound);
        m_modules.push_back(std::move(module));
    }
    for (const LinearShape& shape : layout.biases) {
        Bias bias{shape.name, {}, {}};
        take(bias.value, bias.grad, {shape.out}, shape.out);
        m_biases.push_back(std::move(bias));
    }
}

const Lora::Module* Lora::find(const std::string& linear) const {
    const auto it = std::find_if(m_modules.begin(), m_modules.end(), [&](const Module& m) { return m.name == linear; });
    return it == m_modules.end() ? nullptr : &*it;
}

const Lora::Bias* Lora::findBias(const std::string& bias) const {
    const auto it = std::find_if(m_biases.begin(), m_biases.end(), [&](const Bias& b) { return b.name == bias; });
    return it == m_biases.end() ? nullptr : &*it;
}

std::vector<Parameter> Lora::parameters() {
    std::vector<Parameter> all;
    for (Module& m : m_modules) {
        all.push_back({"base_model.model." + m.name + ".lora_A.weight", m.a, m.gradA, true});
        all.push_back({"base_model.model." + m.name + ".lora_B.weight", m.b, m.gradB, true});
    }
    for (Bias& b : m_biases) all.push_back({"base_model.model." + b.name, b.value, b.grad, false});
    return all;
}

std::int64_t Lora::parameterCount() const {
    return m_values.numel();
}

} // namespace engine
