// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/linear.h"

#include <ATen/Functions.h>
#include <ATen/Parallel.h>

namespace engine {

kernels::Rows rowsOf(const at::Tensor& tensor, std::int64_t begin) {
    const auto type = tensor.scalar_type() == at::kFloat ? kernels::Scalar::F32 : kernels::Scalar::BF16;
    auto* data = static_cast<char*>(tensor.data_ptr()) + begin * tensor.stride(0) * kernels::sizeOf(type);
    return {data, tensor.stride(0), type};
}

void forRows(std::int64_t rows, std::int64_t width, const std::function<void(std::int64_t, std::int64_t)>& f) {
    const std::int64_t grain = std::max<std::int64_t>(1, 16384 / std::max<std::int64_t>(1, width));
    at::parallel_for(0, rows, grain, f);
}

Linear::Linear(std::vector<LinearShape> parts, at::Tensor weight, at::Tensor bias)
    : m_parts(std::move(parts)), m_in(weight.size(1)), m_out(weight.size(0)), m_weight(std::move(weight)), m_bias(bias), m_frozenBias(bias) {}

std::int64_t Linear::parameterCount() const {
    return m_in * m_out + (m_bias.defined() ? m_out : 0);
}

void Linear::bind(Lora* adapter) {
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
    if (rank != m_rank) {
        const at::Tensor wide = at::zeros({m_out, m_in + rank}, m_weight.options());
        wide.narrow(1, 0, m_in).copy_(m_weight.narrow(1, 0, m_in));
        m_weight = wide;
        m_rank = rank;
    }
    m_bias = m_trainedBiases.empty() ? m_frozenBias : m_frozenBias.clone();
    m_down = rank ? at::zeros({rank, m_in}, m_weight.options()) : at::Tensor();
    if (rank) m_weight.narrow(1, m_in, m_rank).zero_();
    refresh();
}

void Linear::refresh() {
    for (const Adapted& part : m_adapted) {
        m_down.narrow(0, part.column, part.module->r).copy_(part.module->a);
        m_weight.narrow(0, part.row, part.out).narrow(1, m_in + part.column, part.module->r).copy_(part.module->b * part.module->scaling);
    }
    for (const TrainedBias& part : m_trainedBiases) m_bias.narrow(0, part.row, part.out).copy_(part.bias->value);
}

void Linear::seedBiases() {
    for (const TrainedBias& part : m_trainedBiases) part.bias->value.copy_(m_frozenBias.narrow(0, part.row, part.out));
    refresh();
}

at::Tensor Linear::room(std::int64_t rows) const {
    return at::empty({rows, m_in + m_rank}, m_weight.options());
}

namespace {

/// The input as the adapter's first half sees it, tightly packed.
at::Tensor dropped(const at::Tensor& x, std::int64_t width, const kernels::Mask& mask) {
    if (mask.rate == 0 && x.stride(0) == width) return x;
    at::Tensor out = at::empty({x.size(0), width}, x.options());
    forRows(x.size(0), width, [&](std::int64_t begin, std::int64_t end) {
        kernels::Mask rows = mask;
        rows.firstRow += begin;
        kernels::dropout(rowsOf(x, begin), end - begin, width, rows, rowsOf(out, begin));
    });
    return out;
}

} // namespace

at::Tensor Linear::forward(at::Tensor& input, bool adapted, const kernels::Mask& mask) const {
    if (m_rank) {
        at::Tensor tail = input.narrow(1, m_in, m_rank);
        if (adapted) tail.copy_(at::mm(dropped(input, m_in, mask), m_down.t()));
        else tail.zero_();
    }
    at::Tensor y = at::mm(input, m_weight.t());
    const at::Tensor& bias = adapted ? m_bias : m_frozenBias;
    if (bias.defined())
        forRows(y.size(0), m_out, [&](std::int64_t begin, std::int64_t end) {
            kernels::addBias(rowsOf(y, begin), bias.const_data_ptr<float>(), end - begin, m_out);
        });
    return y;
}

at::Tensor Linear::backward(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& low, const kernels::Mask& mask, bool needInput) {
    for (const TrainedBias& part : m_trainedBiases)
        part.bias->grad.add_(at::sum(dy.narrow(1, part.row, part.out), {0}, false, at::kFloat));
    if (!m_rank) return needInput ? at::mm(dy, m_weight) : at::Tensor();

    at::Tensor dx, dLow;
    if (needInput) {
        dx = at::mm(dy, m_weight);
        dLow = dx.narrow(1, m_in, m_rank).contiguous();
    } else {
        dLow = at::mm(dy, m_weight.narrow(1, m_in, m_rank).contiguous());
    }
    const at::Tensor dB = at::mm(dy.t(), low);
    const at::Tensor dA = at::mm(dLow.t(), dropped(x, m_in, mask));
    for (const Adapted& part : m_adapted) {
        part.module->gradB.add_(dB.narrow(0, part.row, part.out).narrow(1, part.column, part.module->r), part.module->scaling);
        part.module->gradA.add_(dA.narrow(0, part.column, part.module->r));
    }
    if (needInput) {
        const at::Tensor through = at::mm(dLow, m_down);
        forRows(dx.size(0), m_in, [&](std::int64_t begin, std::int64_t end) {
            kernels::Mask rows = mask;
            rows.firstRow += begin;
            kernels::dropoutAdd(rowsOf(through, begin), end - begin, m_in, rows, rowsOf(dx, begin));
        });
    }
    return dx;
}

} // namespace engine
