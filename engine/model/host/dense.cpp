// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/host/dense.h"
#include "engine/kernels/dense_bf16.h"
#include "engine/model/host/onednn.h"
#include "engine/model/host/packed.h"
#include "engine/model/host/rows.h"

#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <algorithm>

namespace engine::host {

namespace {

/// Rows from which panels are laid out: for fewer it costs more than it gives (10 rows of Phi-2: 15 %).
constexpr std::int64_t kRowsOfPanels = 32;

/// f(begin, end) over the units of a product [rows, columns] by panels, divided among the threads.
template <class F> void forPanelUnits(std::int64_t rows, std::int64_t columns, const F& f) {
    at::parallel_for(0, kernels::panelUnits(rows, columns), 1, f);
}

kernels::DenseRows denseRows(const at::Tensor& matrix) {
    return {static_cast<const std::uint16_t*>(matrix.const_data_ptr()), matrix.size(0), matrix.size(1)};
}

/// Whether the processor multiplies these by panels.
bool fitPanels(const std::vector<at::Tensor>& parts) {
    const auto fits = [](const at::Tensor& part) {
        return part.scalar_type() == at::kBFloat16 && part.is_contiguous() && part.size(0) % 2 == 0 && part.size(1) % 2 == 0;
    };
    return kernels::multipliesDensePanels() && std::all_of(parts.begin(), parts.end(), fits);
}

} // namespace

std::int64_t rowsOfAll(const std::vector<at::Tensor>& parts) {
    std::int64_t rows = 0;
    for (const at::Tensor& part : parts) rows += part.size(0);
    return rows;
}

Dense::Dense(std::vector<at::Tensor> parts)
    : Matrix(rowsOfAll(parts), parts.front().size(1), parts.front().scalar_type()), m_parts(std::move(parts)) {}

std::int64_t Dense::byteCount() const {
    return in() * out() * (type() == at::kFloat ? 4 : 2);
}

std::shared_ptr<Matrix> Dense::laidOutForBatches(bool backward) {
    if (type() != at::kBFloat16) return nullptr;
    if (backward && fitPanels(m_parts)) {
        if (m_parts.size() == 1) return nullptr;
        return std::make_shared<Dense>(std::vector<at::Tensor>{at::cat(std::exchange(m_parts, {}), 0)});
    }
    return canPrepack() ? std::make_shared<Packed>(std::move(m_parts), backward) : nullptr;
}

std::int64_t Dense::fewRows() const {
    return kFewRows;
}

void Dense::addFewRows(const at::Tensor& x, const at::Tensor& y) const {
    const at::Tensor input = x.to(at::kFloat).contiguous();
    std::int64_t row = 0;
    for (const at::Tensor& part : m_parts) {
        const kernels::Rows to = rowsOf(y.narrow(1, row, part.size(0)));
        forRows(part.size(0), part.size(1), [&](std::int64_t begin, std::int64_t end) {
            kernels::multiplyFewRows(input.const_data_ptr<float>(), input.size(0), input.size(1), rowsOf(part, begin),
                                     end - begin,
                                     {static_cast<char*>(to.data) + begin * kernels::sizeOf(to.type), to.stride, to.type});
        });
        row += part.size(0);
    }
}

at::Tensor Dense::multiply(const at::Tensor& x, const at::Tensor& add) const {
    if (x.size(0) < kRowsOfPanels || !fitPanels(m_parts)) return {};
    const at::Tensor y = add.defined() ? add : at::empty({x.size(0), out()}, x.options()), input = byRows(x);
    std::int64_t column = 0;
    for (const at::Tensor& part : m_parts) {
        const kernels::Rows to = rowsOf(y.narrow(1, column, part.size(0)));
        forPanelUnits(x.size(0), part.size(0), [&](std::int64_t begin, std::int64_t end) {
            kernels::multiplyDensePanels(rowsOf(input), x.size(0), denseRows(part), begin, end, to, add.defined());
        });
        column += part.size(0);
    }
    return y;
}

at::Tensor Dense::multiplyBack(const at::Tensor& dy, const at::Tensor& add) const {
    if (!fitPanels(m_parts)) return {};
    const at::Tensor dx = add.defined() ? add : at::empty({dy.size(0), in()}, dy.options()), gradient = byRows(dy);
    std::vector<kernels::DenseRows> parts;
    for (const at::Tensor& part : m_parts) parts.push_back(denseRows(part));
    forPanelUnits(dy.size(0), in(), [&](std::int64_t begin, std::int64_t end) {
        kernels::multiplyDensePanelsBack(rowsOf(gradient), dy.size(0), parts, begin, end, rowsOf(dx), add.defined());
    });
    return dx;
}

void Dense::forRowsOfW(const RowsOfW& f) const {
    std::int64_t row = 0;
    for (const at::Tensor& part : m_parts) {
        f(part, row);
        row += part.size(0);
    }
}

at::Tensor Dense::rows(const std::vector<std::int32_t>& numbers) const {
    at::Tensor index = at::empty({static_cast<std::int64_t>(numbers.size())}, at::kInt);
    std::copy(numbers.begin(), numbers.end(), index.data_ptr<std::int32_t>());
    return at::index_select(m_parts[0], 0, index).to(at::kFloat);
}

float Dense::dotRow(std::int64_t row, const void* x) const {
    const auto scalar = type() == at::kFloat ? kernels::Scalar::F32 : kernels::Scalar::BF16;
    return kernels::dot(x, rowsOf(m_parts[0], row).data, in(), scalar);
}

} // namespace engine::host
