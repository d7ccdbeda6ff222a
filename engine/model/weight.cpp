// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/weight.h"
#include "engine/kernels/dense_bf16.h"
#include "engine/model/onednn.h"
#include "engine/model/rows.h"

#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <algorithm>

namespace engine {

namespace {

/// Of dense weights; see Weight::fewRows.
constexpr std::int64_t kFewRows = 4;
/// The same for blocks, which a matrix product needs expanded first.
constexpr std::int64_t kFewRowsOfBlocks = 16;
/// Values of a GGUF matrix that are expanded at once: they stay in the caches until they are multiplied.
constexpr std::int64_t kExpandedValues = 4'000'000;
/// Rows from which panels of bfloat16 weights are laid out: for fewer it costs more than it gives (10 rows of Phi-2: 15 %).
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
    return kernels::multipliesDensePanels() && !parts.empty() && std::all_of(parts.begin(), parts.end(), fits);
}

void addFewRows(const at::Tensor& matrix, const at::Tensor& x, const at::Tensor& y) {
    const kernels::Rows to = rowsOf(y);
    forRows(matrix.size(0), matrix.size(1), [&](std::int64_t begin, std::int64_t end) {
        kernels::multiplyFewRows(x.const_data_ptr<float>(), x.size(0), x.size(1), rowsOf(matrix, begin), end - begin,
                                 {static_cast<char*>(to.data) + begin * kernels::sizeOf(to.type), to.stride, to.type});
    });
}

} // namespace

Weight::Weight(std::vector<at::Tensor> parts)
    : m_in(parts.front().size(1)), m_type(parts.front().scalar_type()), m_dense(std::move(parts)) {
    for (const at::Tensor& part : m_dense) m_out += part.size(0);
}

Weight::Weight(std::vector<Nf4Matrix> parts, at::ScalarType type)
    : m_in(parts.front().in), m_type(type), m_nf4(std::move(parts)) {
    for (const Nf4Matrix& part : m_nf4) m_out += part.out;
}

Weight::Weight(std::vector<BlockMatrix> parts, at::ScalarType type)
    : m_in(parts.front().in), m_type(type), m_blocks(std::move(parts)) {
    for (const BlockMatrix& part : m_blocks) m_out += part.out;
}

std::int64_t Weight::byteCount() const {
    std::int64_t bytes = 0;
    for (const BlockMatrix& part : m_blocks) bytes += static_cast<std::int64_t>(part.bytes.size());
    for (const Nf4Matrix& part : m_nf4) bytes += part.byteCount();
    const std::int64_t copies = !m_dense.empty() + m_packed.defined() + m_packedBack.defined();
    return bytes + copies * m_in * m_out * (m_type == at::kFloat ? 4 : 2);
}

void Weight::packForBatches(bool backward) {
    if (!m_blocks.empty()) {
        at::Tensor whole = at::empty({m_out, m_in}, m_type);
        std::int64_t row = 0;
        for (const BlockMatrix& part : m_blocks) {
            expandInto(part, 0, whole.narrow(0, row, part.out));
            row += part.out;
        }
        m_dense = {whole};
        m_blocks.clear();
    }
    if (m_type != at::kBFloat16 || m_dense.empty()) return;
    if (backward && fitPanels(m_dense)) {
        if (m_dense.size() > 1) m_dense = {at::cat(m_dense, 0)};
        m_packed.reset();
        return;
    }
    if (!canPrepack()) return;
    const at::Tensor whole = m_dense.size() == 1 ? m_dense[0] : at::cat(m_dense, 0);
    m_packed = prepacked(whole);
    if (!backward) return;
    m_packedBack = prepacked(whole.t().contiguous());
    m_dense.clear();
}

void Weight::forRowsOfW(const std::function<void(const at::Tensor&, std::int64_t)>& f) const {
    static thread_local at::Tensor room; // one for all matrices: quantised weights are expanded one at a time
    const auto expanded = [&](std::int64_t rows) {
        if (!room.defined() || room.scalar_type() != m_type || room.numel() < rows * m_in)
            room = at::empty({rows * m_in}, m_type);
        return room.narrow(0, 0, rows * m_in).view({rows, m_in});
    };
    std::int64_t row = 0;
    for (const at::Tensor& part : m_dense) {
        f(part, row);
        row += part.size(0);
    }
    if (!m_nf4.empty()) {
        const at::Tensor whole = expanded(m_out);
        for (const Nf4Matrix& part : m_nf4) {
            dequantizeInto(part, whole.narrow(0, row, part.out));
            row += part.out;
        }
        f(whole, 0);
    }
    const std::int64_t most = std::max<std::int64_t>(1, kExpandedValues / m_in);
    for (const BlockMatrix& part : m_blocks) {
        for (std::int64_t begin = 0; begin < part.out; begin += most) {
            const at::Tensor rows = expanded(std::min(most, part.out - begin));
            expandInto(part, begin, rows);
            f(rows, row + begin);
        }
        row += part.out;
    }
}

std::int64_t Weight::fewRows() const {
    if (!m_blocks.empty()) return kFewRowsOfBlocks;
    if (!m_nf4.empty()) return fewRowsFor(m_nf4, m_type);
    return m_dense.empty() ? 0 : kFewRows;
}

at::Tensor Weight::timesFewRows(const at::Tensor& x, at::Tensor y) const {
    if (!m_nf4.empty()) {
        engine::addFewRows(m_nf4, x, y);
        return y;
    }
    const at::Tensor input = x.to(at::kFloat).contiguous();
    if (!m_blocks.empty()) {
        engine::addFewRows(m_blocks, input, y);
        return y;
    }
    std::int64_t row = 0;
    for (const at::Tensor& part : m_dense) {
        addFewRows(part, input, y.narrow(1, row, part.size(0)));
        row += part.size(0);
    }
    return y;
}

at::Tensor Weight::times(const at::Tensor& x, const at::Tensor& add) const {
    if (x.size(0) > 0 && x.size(0) <= fewRows())
        return timesFewRows(x, add.defined() ? add : at::zeros({x.size(0), m_out}, x.options()));
    if (m_packed.defined()) return prepackedProduct(x, m_packed, add);
    if (x.size(0) >= kRowsOfPanels && fitPanels(m_dense)) {
        const at::Tensor y = add.defined() ? add : at::empty({x.size(0), m_out}, x.options()), input = byRows(x);
        std::int64_t column = 0;
        for (const at::Tensor& part : m_dense) {
            const kernels::Rows to = rowsOf(y.narrow(1, column, part.size(0)));
            forPanelUnits(x.size(0), part.size(0), [&](std::int64_t begin, std::int64_t end) {
                kernels::multiplyDensePanels(rowsOf(input), x.size(0), denseRows(part), begin, end, to, add.defined());
            });
            column += part.size(0);
        }
        return y;
    }
    if (panelsFit(m_nf4, m_type)) {
        const at::Tensor y = add.defined() ? add : at::empty({x.size(0), m_out}, x.options());
        multiplyPanels(m_nf4, x, y, add.defined());
        return y;
    }
    at::Tensor y = add;
    forRowsOfW([&](const at::Tensor& rows, std::int64_t first) {
        if (rows.size(0) == m_out) { // all at once
            y = add.defined() ? at::addmm(add, x, rows.t()) : at::mm(x, rows.t());
            return;
        }
        if (!y.defined()) y = at::empty({x.size(0), m_out}, x.options());
        at::Tensor columns = y.narrow(1, first, rows.size(0));
        if (add.defined())
            at::addmm_out(columns, columns, x, rows.t());
        else
            at::mm_out(columns, x, rows.t());
    });
    return y;
}

at::Tensor Weight::backTimes(const at::Tensor& dy, const at::Tensor& add) const {
    if (m_packedBack.defined()) return prepackedProduct(dy, m_packedBack, add);
    if (fitPanels(m_dense)) {
        const at::Tensor dx = add.defined() ? add : at::empty({dy.size(0), m_in}, dy.options()), gradient = byRows(dy);
        std::vector<kernels::DenseRows> parts;
        for (const at::Tensor& part : m_dense) parts.push_back(denseRows(part));
        forPanelUnits(dy.size(0), m_in, [&](std::int64_t begin, std::int64_t end) {
            kernels::multiplyDensePanelsBack(rowsOf(gradient), dy.size(0), parts, begin, end, rowsOf(dx), add.defined());
        });
        return dx;
    }
    if (panelsFit(m_nf4, m_type)) {
        const at::Tensor dx = add.defined() ? add : at::empty({dy.size(0), m_in}, dy.options());
        multiplyPanelsBack(m_nf4, dy, dx, add.defined());
        return dx;
    }
    at::Tensor dx = add;
    forRowsOfW([&](const at::Tensor& rows, std::int64_t first) {
        const at::Tensor columns = dy.narrow(1, first, rows.size(0));
        if (rows.size(0) == m_out)
            dx = add.defined() ? at::addmm(add, columns, rows) : at::mm(columns, rows);
        else if (!dx.defined())
            dx = at::mm(columns, rows).to(at::kFloat);
        else
            dx = dx.to(at::kFloat).add_(at::mm(columns, rows)); // in float, so that many parts lose no more than one
    });
    return dx.to(m_type);
}

at::Tensor Weight::rows(const std::vector<std::int32_t>& numbers) const {
    const auto count = static_cast<std::int64_t>(numbers.size());
    if (!m_dense.empty()) {
        at::Tensor index = at::empty({count}, at::kInt);
        std::copy(numbers.begin(), numbers.end(), index.data_ptr<std::int32_t>());
        return at::index_select(m_dense[0], 0, index).to(at::kFloat);
    }
    at::Tensor out = at::empty({count, m_in}, at::kFloat);
    for (std::int64_t i = 0; i < count; ++i)
        expandRow(m_blocks[0], numbers[static_cast<std::size_t>(i)], kernels::Scalar::F32, out.data_ptr<float>() + i * m_in);
    if (m_type != at::kFloat) out = out.to(m_type).to(at::kFloat);
    return out;
}

float Weight::dotRow(std::int64_t row, const void* x) const {
    const auto type = m_type == at::kFloat ? kernels::Scalar::F32 : kernels::Scalar::BF16;
    if (!m_dense.empty()) return kernels::dot(x, rowsOf(m_dense[0], row).data, m_in, type);
    std::vector<char> room(static_cast<std::size_t>(m_in * kernels::sizeOf(type)));
    expandRow(m_blocks[0], row, type, room.data());
    return kernels::dot(x, room.data(), m_in, type);
}

} // namespace engine
