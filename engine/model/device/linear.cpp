// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/device/linear.h"

#include <ATen/Functions.h>

namespace engine::device {

Linear::Linear(const Reader& from, const LinearParts& parts)
    : m_parts(parts.parts), m_options(at::TensorOptions(from.type).device(from.device)) {
    std::vector<at::Tensor> dense;
    for (const LinearShape& part : m_parts) {
        if (const QuantisedLayers* quantised = from.reader.quantised())
            m_weights.push_back(quantised->onDevice(part, from.type, from.device));
        else
            dense.push_back(from.matrix(part));
    }
    if (!dense.empty()) m_weights.push_back(std::make_shared<Dense>(dense.size() == 1 ? dense.front() : at::cat(dense, 0)));
    if (const at::Tensor bias = from.reader.bias(parts); bias.defined()) m_bias = bias.to(from.device).unsqueeze(0);
}

void Linear::bind(Lora* lora, Adapter& adapter, bool fresh) {
    m_down.reset();
    m_up.reset();
    m_trainedBias.reset();
    if (!lora) return;
    std::vector<AdapterSlot::Piece> down, up, biases;
    std::int64_t row = 0, rank = 0;
    for (const LinearShape& part : m_parts) {
        if (const Lora::Module* module = lora->find(part.name)) {
            down.push_back(Adapter::piece(module->a, rank, 0));
            up.push_back(Adapter::piece(module->b, row, rank, module->scaling));
            rank += module->r;
        }
        for (Lora::Bias& bias : lora->biasTerms()) {
            if (bias.name != part.name + ".bias") continue;
            if (fresh) Adapter::seed(bias, m_bias.narrow(1, row, part.out).contiguous());
            biases.push_back(Adapter::piece(bias.value, 0, row));
        }
        row += part.out;
    }
    if (rank) {
        m_down = adapter.add(at::zeros({rank, m_parts.front().in}, m_options), std::move(down));
        m_up = adapter.add(at::zeros({row, rank}, m_options), std::move(up));
    }
    if (!biases.empty()) m_trainedBias = adapter.add(m_bias, std::move(biases));
}

std::int64_t Linear::byteCount() const {
    std::int64_t bytes = 0;
    for (const std::shared_ptr<Matrix>& weight : m_weights) bytes += weight->byteCount();
    return bytes;
}

at::Tensor Linear::forward(const at::Tensor& x, bool adapted, const kernels::Mask& mask) const {
    std::vector<at::Tensor> columns;
    for (const std::shared_ptr<Matrix>& weight : m_weights) columns.push_back(weight->times(x));
    at::Tensor y = columns.size() == 1 ? columns.front() : at::cat(columns, 1);
    if (adapted && m_down) y = at::addmm(y, at::mm(droppedPlain(x, mask), m_down->value().t()), m_up->value().t());
    const at::Tensor& bias = adapted && m_trainedBias ? m_trainedBias->value() : m_bias;
    return bias.defined() ? y + bias.to(y.scalar_type()) : y;
}

} // namespace engine::device
