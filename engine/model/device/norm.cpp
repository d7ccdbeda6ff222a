// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/device/norm.h"

#include <ATen/Functions.h>

namespace engine::device {

Norm::Norm(const Reader& from, const std::string& name, std::int64_t size) : m_name(name), m_eps(from.config().norm_eps) {
    if (name.empty()) return;
    m_weight = from.reader.normWeight(name, size).to(from.device).unsqueeze(0);
    if (from.config().norm == NormKind::LayerNorm) m_bias = from.vector(name + ".bias", size);
}

void Norm::bind(Lora* lora, Adapter& adapter, bool fresh) {
    m_trainedBias.reset();
    if (!lora || !m_bias.defined()) return;
    for (Lora::Bias& bias : lora->biasTerms()) {
        if (bias.name != m_name + ".bias") continue;
        if (fresh) Adapter::seed(bias, m_bias);
        m_trainedBias = adapter.add(m_bias, {Adapter::piece(bias.value, 0, 0)});
    }
}

at::Tensor Norm::forward(const at::Tensor& x, at::ScalarType type, bool adapted) const {
    const at::IntArrayRef width = m_weight.sizes().slice(1);
    const at::Tensor values = x.to(at::kFloat);
    if (!m_bias.defined()) return at::rms_norm(values, width, m_weight.view({-1}), m_eps).to(type);
    const at::Tensor& bias = adapted && m_trainedBias ? m_trainedBias->value() : m_bias;
    return at::layer_norm(values, width, m_weight.view({-1}), bias.view({-1}), m_eps).to(type);
}

} // namespace engine::device
