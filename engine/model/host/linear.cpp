// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/host/linear.h"
#include "engine/model/host/rows.h"

#include <ATen/Functions.h>

namespace engine::host {

Linear::Linear(std::vector<LinearShape> parts, std::shared_ptr<Matrix> weight, at::Tensor bias)
    : m_parts(std::move(parts)), m_weight(std::move(weight)), m_bias(bias), m_frozenBias(bias) {}

void Linear::layOutForBatches(bool backward) {
    if (std::shared_ptr<Matrix> laid = m_weight->laidOutForBatches(backward)) m_weight = std::move(laid);
}

void Linear::bind(Lora* adapter, bool fresh) {
    m_adapted.clear();
    m_trainedBiases.clear();
    std::int64_t row = 0, rank = 0;
    for (const LinearShape& part : m_parts) {
        if (adapter) {
            for (Lora::Module& module : adapter->modules())
                if (module.name == part.name) {
                    m_adapted.push_back({&module, row, part.out, rank});
                    rank += module.r;
                }
            for (Lora::Bias& bias : adapter->biasTerms())
                if (bias.name == part.name + ".bias") m_trainedBiases.push_back({&bias, row, part.out});
        }
        row += part.out;
    }
    m_bias = m_trainedBiases.empty() ? m_frozenBias : m_frozenBias.clone();
    m_down = rank ? at::zeros({rank, in()}, type()) : at::Tensor();
    m_up = rank ? at::zeros({out(), rank}, type()) : at::Tensor();
    if (fresh)
        for (const TrainedBias& part : m_trainedBiases) part.bias->value.copy_(m_frozenBias.narrow(0, part.row, part.out));
    refresh();
}

void Linear::refresh() {
    for (const Adapted& part : m_adapted) {
        m_down.narrow(0, part.column, part.module->r).copy_(part.module->a);
        m_up.narrow(0, part.row, part.out).narrow(1, part.column, part.module->r).copy_(part.module->b * part.module->scaling);
    }
    for (const TrainedBias& part : m_trainedBiases) m_bias.narrow(0, part.row, part.out).copy_(part.bias->value);
}

namespace {

/// The input as the adapter's first half sees it.
at::Tensor dropped(const at::Tensor& x, const kernels::Mask& mask) {
    if (mask.rate == 0) return x;
    const std::int64_t width = x.size(1);
    at::Tensor out = at::empty({x.size(0), width}, x.options());
    forRows(x.size(0), width, [&](std::int64_t begin, std::int64_t end) {
        kernels::Mask rows = mask;
        rows.firstRow += begin;
        kernels::dropout(rowsOf(x, begin), end - begin, width, rows, rowsOf(out, begin));
    });
    return out;
}

} // namespace

at::Tensor Linear::forward(const at::Tensor& x, bool adapted, const kernels::Mask& mask, at::Tensor& low) const {
    at::Tensor add;
    if (adapted && m_down.defined()) {
        low = at::mm(dropped(x, mask), m_down.t());
        add = at::mm(low, m_up.t());
    }
    at::Tensor y = m_weight->times(x, add);
    const at::Tensor& bias = adapted ? m_bias : m_frozenBias;
    if (bias.defined())
        forRows(y.size(0), out(), [&](std::int64_t begin, std::int64_t end) {
            kernels::addBias(rowsOf(y, begin), bias.const_data_ptr<float>(), end - begin, out());
        });
    return y;
}

at::Tensor Linear::backward(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& low, const kernels::Mask& mask,
                            bool needInput) {
    for (const TrainedBias& part : m_trainedBiases)
        part.bias->grad.add_(at::sum(dy.narrow(1, part.row, part.out), {0}, false, at::kFloat));
    if (!m_down.defined()) return needInput ? m_weight->backTimes(dy, {}) : at::Tensor();

    const at::Tensor dLow = at::mm(dy, m_up);
    const at::Tensor dB = at::mm(dy.t(), low);
    const at::Tensor dA = at::mm(dLow.t(), dropped(x, mask));
    for (const Adapted& part : m_adapted) {
        part.module->gradB.add_(dB.narrow(0, part.row, part.out).narrow(1, part.column, part.module->r), part.module->scaling);
        part.module->gradA.add_(dA.narrow(0, part.column, part.module->r));
    }
    if (!needInput) return {};
    at::Tensor through = at::mm(dLow, m_down);
    if (mask.rate > 0)
        forRows(through.size(0), in(), [&](std::int64_t begin, std::int64_t end) {
            kernels::Mask rows = mask;
            rows.firstRow += begin;
            kernels::dropout(rowsOf(through, begin), end - begin, in(), rows, rowsOf(through, begin));
        });
    return m_weight->backTimes(dy, through);
}

} // namespace engine::host
