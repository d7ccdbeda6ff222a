// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/device_linear.h"

#include <ATen/Functions.h>

namespace engine {

at::Tensor DeviceReader::matrix(const LinearShape& shape) const {
    // The files' readers know float and bfloat16.
    const at::ScalarType held = type == at::kBFloat16 ? at::kBFloat16 : at::kFloat;
    return reader.weights().read(shape.name + ".weight", {shape.out, shape.in}, held).to(device, type);
}

at::Tensor DeviceReader::vector(const std::string& name, std::int64_t size) const {
    return reader.vector(name, size).to(device).unsqueeze(0);
}

DeviceNorm::DeviceNorm(const DeviceReader& from, const std::string& name)
    : m_name(name), m_weight(from.vector(name + ".weight", from.reader.config().hidden_size)) {
    if (from.reader.config().norm == NormKind::LayerNorm) m_bias = from.vector(name + ".bias", from.reader.config().hidden_size);
}

void DeviceNorm::bind(Lora* lora, DeviceAdapter& adapter, bool fresh) {
    m_trainedBias.reset();
    if (!lora) return;
    for (Lora::Bias& bias : lora->biasTerms()) {
        if (bias.name != m_name + ".bias") continue;
        if (fresh) DeviceAdapter::seed(bias, m_bias);
        m_trainedBias = adapter.add(m_bias, {DeviceAdapter::piece(bias.value, 0, 0)});
    }
}

at::Tensor DeviceNorm::forward(const at::Tensor& x, double eps, at::ScalarType type, bool adapted) const {
    const at::IntArrayRef width = m_weight.sizes().slice(1);
    if (!m_bias.defined()) return at::rms_norm(x, width, m_weight.view({-1}), eps).to(type);
    return at::layer_norm(x, width, m_weight.view({-1}), (adapted && m_trainedBias ? m_trainedBias->value() : m_bias).view({-1}),
                          eps)
        .to(type);
}

DeviceLinear::DeviceLinear(const DeviceReader& from, const LinearParts& parts)
    : m_parts(parts.parts), m_options(at::TensorOptions(from.type).device(from.device)) {
    std::vector<at::Tensor> dense;
    for (const LinearShape& part : m_parts) {
        if (from.reader.precision().nf4)
            m_weights.emplace_back(from.reader.nf4(part), from.type, from.device);
        else
            dense.push_back(from.matrix(part));
    }
    if (!dense.empty()) m_weights.emplace_back(dense.size() == 1 ? dense.front() : at::cat(dense, 0));
    if (const at::Tensor bias = from.reader.bias(parts); bias.defined()) m_bias = bias.to(from.device).unsqueeze(0);
}

void DeviceLinear::bind(Lora* lora, DeviceAdapter& adapter, bool fresh) {
    m_down.reset();
    m_up.reset();
    m_trainedBias.reset();
    if (!lora) return;
    std::vector<AdapterSlot::Piece> down, up, biases;
    std::int64_t row = 0, rank = 0;
    for (const LinearShape& part : m_parts) {
        if (const Lora::Module* module = lora->find(part.name)) {
            down.push_back(DeviceAdapter::piece(module->a, rank, 0));
            up.push_back(DeviceAdapter::piece(module->b, row, rank, module->scaling));
            rank += module->r;
        }
        for (Lora::Bias& bias : lora->biasTerms()) {
            if (bias.name != part.name + ".bias") continue;
            if (fresh) DeviceAdapter::seed(bias, m_bias.narrow(1, row, part.out).contiguous());
            biases.push_back(DeviceAdapter::piece(bias.value, 0, row));
        }
        row += part.out;
    }
    if (rank) {
        m_down = adapter.add(at::zeros({rank, m_parts.front().in}, m_options), std::move(down));
        m_up = adapter.add(at::zeros({row, rank}, m_options), std::move(up));
    }
    if (!biases.empty()) m_trainedBias = adapter.add(m_bias, std::move(biases));
}

std::int64_t DeviceLinear::byteCount() const {
    std::int64_t bytes = 0;
    for (const DeviceWeight& weight : m_weights) bytes += weight.byteCount();
    return bytes;
}

at::Tensor DeviceLinear::forward(const at::Tensor& x, bool adapted, const kernels::Mask& mask) const {
    std::vector<at::Tensor> columns;
    for (const DeviceWeight& weight : m_weights) columns.push_back(weight.times(x));
    at::Tensor y = columns.size() == 1 ? columns.front() : at::cat(columns, 1);
    if (adapted && m_down) y = at::addmm(y, at::mm(droppedPlain(x, mask), m_down->value().t()), m_up->value().t());
    const at::Tensor& bias = adapted && m_trainedBias ? m_trainedBias->value() : m_bias;
    return bias.defined() ? y + bias.to(y.scalar_type()) : y;
}

} // namespace engine
