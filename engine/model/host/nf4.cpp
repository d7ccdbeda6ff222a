// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/host/nf4.h"
#include "engine/kernels/nf4_bf16.h"
#include "engine/model/host/rows.h"

#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <algorithm>

namespace engine::host {

namespace {

constexpr std::int64_t kPanel = kernels::kPanelColumns;
constexpr std::int64_t kRowsTogether = 4;    // that the kernels for few rows take of W
constexpr std::int64_t kScalesAtOnce = 2048; // 8 KiB, of the first cache

/// As the kernels that multiply pairs take it; `room` as in scalesIn.
kernels::Nf4Rows rowsOf(const Nf4Matrix& matrix, std::vector<float>& room) {
    const bool isShort = !matrix.shortAbsmax.empty();
    return {
        matrix.codes.data(), isShort ? nullptr : matrix.scalesIn(room),    static_cast<std::int64_t>(matrix.block), matrix.out,
        matrix.in,           isShort ? matrix.shortAbsmax.data() : nullptr};
}

/// x [n, in] with its even elements before its odd ones: [2, n, in / 2].
at::Tensor evenBeforeOdd(const at::Tensor& x) {
    return x.reshape({x.size(0), x.size(1) / 2, 2}).permute({2, 0, 1}).contiguous();
}

bool inPairs(at::ScalarType type) {
    return type == at::kBFloat16 && kernels::multipliesNf4InBf16();
}

/// No block reaches from one row into the next, and blocks are as long as the kernels want them.
bool rowsAreBlocks(const std::vector<Nf4Matrix>& parts) {
    return std::all_of(parts.begin(), parts.end(), [](const Nf4Matrix& part) {
        return part.block % kNf4Block == 0 && part.in % static_cast<std::int64_t>(part.block) == 0;
    });
}

std::int64_t rowsOfAll(const std::vector<Nf4Matrix>& parts) {
    std::int64_t rows = 0;
    for (const Nf4Matrix& part : parts) rows += part.out;
    return rows;
}

/// y += x W^T of one part; `apart`: x as evenBeforeOdd.
void addFewRowsOf(const Nf4Matrix& part, const at::Tensor& apart, bool pairs, const kernels::Rows& to) {
    const std::int64_t count = apart.size(1);
    const auto product = [&](const kernels::Nf4Rows& w, std::int64_t begin, std::int64_t end, std::int64_t first) {
        const kernels::Rows columns{static_cast<char*>(to.data) + first * kernels::sizeOf(to.type), to.stride, to.type};
        if (pairs)
            kernels::multiplyFewRowsNf4Bf16(static_cast<const std::uint16_t*>(apart.const_data_ptr()), count, w, begin, end,
                                            columns);
        else
            kernels::multiplyFewRowsNf4(apart.const_data_ptr<float>(), count, w, begin, end, columns);
    };
    const auto block = static_cast<std::int64_t>(part.block), blocks = part.in / block; // of a row
    forRows(part.out, part.in, [&](std::int64_t begin, std::int64_t end) {
        std::vector<float> scales;
        if (!part.absmax.empty() || (pairs && !part.shortAbsmax.empty())) return product(rowsOf(part, scales), begin, end, begin);
        // Scales that must be expanded first: of some rows at a time, so that memory is read for the short ones only.
        const std::int64_t step = std::max<std::int64_t>(1, kScalesAtOnce / (kRowsTogether * blocks)) * kRowsTogether;
        scales.resize(static_cast<std::size_t>(std::min(step, end - begin) * blocks));
        for (std::int64_t row = begin; row < end; row += step) {
            const std::int64_t rows = std::min(step, end - row);
            part.scalesInto(static_cast<std::size_t>(row * blocks),
                            std::span(scales).first(static_cast<std::size_t>(rows * blocks)));
            product({part.codes.data() + row * part.in / 2, scales.data(), block, rows, part.in, nullptr}, 0, rows, row);
        }
    });
}

} // namespace

Nf4::Nf4(std::vector<Nf4Matrix> parts, at::ScalarType type)
    : Matrix(rowsOfAll(parts), parts.front().in, type), m_parts(std::move(parts)) {}

std::int64_t Nf4::byteCount() const {
    std::int64_t bytes = 0;
    for (const Nf4Matrix& part : m_parts) bytes += part.byteCount();
    return bytes;
}

bool Nf4::fitsPanels() const {
    const auto even = [](const Nf4Matrix& part) { return part.out % 2 == 0; };
    return inPairs(type()) && rowsAreBlocks(m_parts) && std::all_of(m_parts.begin(), m_parts.end(), even);
}

std::int64_t Nf4::fewRows() const {
    return !rowsAreBlocks(m_parts) ? 0 : inPairs(type()) ? 12 : 4;
}

void Nf4::addFewRows(const at::Tensor& x, const at::Tensor& y) const {
    const bool pairs = inPairs(x.scalar_type());
    const at::Tensor apart = evenBeforeOdd(pairs ? x : x.to(at::kFloat));
    std::int64_t column = 0;
    for (const Nf4Matrix& part : m_parts) {
        addFewRowsOf(part, apart, pairs, host::rowsOf(y.narrow(1, column, part.out)));
        column += part.out;
    }
}

at::Tensor Nf4::multiply(const at::Tensor& x, const at::Tensor& add) const {
    if (!fitsPanels()) return {};
    const at::Tensor y = add.defined() ? add : at::empty({x.size(0), out()}, x.options()), input = byRows(x);
    const kernels::Rows from = host::rowsOf(input);
    std::int64_t column = 0;
    for (const Nf4Matrix& part : m_parts) {
        std::vector<float> scales;
        const kernels::Nf4Rows w = rowsOf(part, scales);
        const kernels::Rows to = host::rowsOf(y.narrow(1, column, part.out));
        at::parallel_for(0, (part.out + kPanel - 1) / kPanel, 1, [&](std::int64_t begin, std::int64_t end) {
            kernels::multiplyNf4Panels(from, x.size(0), w, begin * kPanel, std::min(end * kPanel, part.out), to, add.defined());
        });
        column += part.out;
    }
    return y;
}

at::Tensor Nf4::multiplyBack(const at::Tensor& dy, const at::Tensor& add) const {
    if (!fitsPanels()) return {};
    const at::Tensor dx = add.defined() ? add : at::empty({dy.size(0), in()}, dy.options()), gradient = byRows(dy);
    std::vector<std::vector<float>> scales(m_parts.size());
    std::vector<kernels::Nf4Rows> w;
    for (std::size_t i = 0; i < m_parts.size(); ++i) w.push_back(rowsOf(m_parts[i], scales[i]));
    const kernels::Rows from = host::rowsOf(gradient), to = host::rowsOf(dx);
    at::parallel_for(0, dx.size(1) / kPanel, 1, [&](std::int64_t begin, std::int64_t end) {
        kernels::multiplyNf4PanelsBack(from, dy.size(0), w, begin * kPanel, end * kPanel, to, add.defined());
    });
    return dx;
}

void Nf4::forRowsOfW(const RowsOfW& f) const {
    const at::Tensor whole = expansionRoom(out());
    std::int64_t row = 0;
    for (const Nf4Matrix& part : m_parts) {
        dequantizeInto(part, whole.narrow(0, row, part.out));
        row += part.out;
    }
    f(whole, 0);
}

} // namespace engine::host
