// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/host/norm.h"
#include "engine/model/host/rows.h"

#include <ATen/Functions.h>

namespace engine::host {

namespace {

float* floats(const at::Tensor& t, std::int64_t at = 0) {
    return t.defined() ? t.data_ptr<float>() + at : nullptr;
}

/// The rows from column `column` on.
kernels::Rows columnsOf(const at::Tensor& x, std::int64_t row, std::int64_t column) {
    kernels::Rows rows = rowsOf(x, row);
    rows.data = static_cast<char*>(rows.data) + column * kernels::sizeOf(rows.type);
    return rows;
}

} // namespace

Norm::Norm(const ModelReader& reader, const std::string& name, std::int64_t size) : m_eps(reader.config().norm_eps) {
    if (name.empty()) return;
    m_biasName = name + ".bias";
    m_weight = reader.normWeight(name, size);
    if (reader.config().norm == NormKind::LayerNorm) m_bias = m_frozenBias = reader.vector(m_biasName, size);
}

void Norm::bind(Lora* adapter, bool fresh) {
    m_trained = nullptr;
    m_bias = m_frozenBias;
    if (!adapter || !m_frozenBias.defined()) return;
    for (Lora::Bias& bias : adapter->biasTerms())
        if (bias.name == m_biasName) m_trained = &bias;
    if (!m_trained) return;
    m_bias = m_trained->value;
    if (fresh) m_bias.copy_(m_frozenBias);
}

void Norm::forward(const at::Tensor& x, at::Tensor& y, Moments* kept, bool adapted) const {
    const std::int64_t width = x.size(1);
    const float* shift = floats(adapted ? m_bias : m_frozenBias);
    if (kept) {
        kept->rstd = at::empty({x.size(0)}, at::kFloat);
        if (shift) kept->mean = at::empty({x.size(0)}, at::kFloat);
    }
    forRows(x.size(0), width, [&](std::int64_t begin, std::int64_t end) {
        kernels::normForward(floats(x, begin * width), floats(m_weight), shift, static_cast<float>(m_eps), end - begin, width,
                             rowsOf(y, begin), kept ? floats(kept->mean, begin) : nullptr,
                             kept ? floats(kept->rstd, begin) : nullptr);
    });
}

void Norm::backward(const at::Tensor& x, const Moments& kept, const at::Tensor& dy, at::Tensor& dx) const {
    const std::int64_t width = x.size(1);
    if (m_trained) m_trained->grad.add_(at::sum(dy.narrow(1, 0, width), {0}, false, at::kFloat));
    forRows(x.size(0), width, [&](std::int64_t begin, std::int64_t end) {
        kernels::normBackward(floats(x, begin * width), floats(m_weight), floats(kept.mean, begin), floats(kept.rstd, begin),
                              end - begin, width, rowsOf(dy, begin), floats(dx, begin * width));
    });
}

void Norm::forwardInPlace(const at::Tensor& x, std::int64_t column, std::int64_t groups, const at::Tensor& rstd) const {
    const std::int64_t size = m_weight.size(0);
    forRows(x.size(0), groups * size, [&](std::int64_t begin, std::int64_t end) {
        kernels::headNormForward(columnsOf(x, begin, column), end - begin, groups, size, floats(m_weight),
                                 static_cast<float>(m_eps), rstd.defined() ? floats(rstd, begin * rstd.stride(0)) : nullptr,
                                 rstd.defined() ? rstd.stride(0) : 0);
    });
}

void Norm::backwardInPlace(const at::Tensor& x, std::int64_t column, std::int64_t groups, const at::Tensor& rstd,
                           const at::Tensor& dy) const {
    const std::int64_t size = m_weight.size(0);
    forRows(x.size(0), groups * size, [&](std::int64_t begin, std::int64_t end) {
        kernels::headNormBackward(columnsOf(x, begin, column), end - begin, groups, size, floats(m_weight),
                                  floats(rstd, begin * rstd.stride(0)), rstd.stride(0), columnsOf(dy, begin, column));
    });
}

} // namespace engine::host
