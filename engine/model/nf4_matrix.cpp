// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/nf4_matrix.h"
#include "engine/kernels/nf4_bf16.h"
#include "engine/model/rows.h"

#include <ATen/Parallel.h>
#include <algorithm>

namespace engine {

namespace {

/// Codes and scales in memory of their own.
struct Storage {
    std::vector<std::uint8_t> codes;
    std::vector<float> absmax;
};

/// The scales as floats; `room` holds them when they were quantised themselves.
const float* scalesOf(const Nf4Matrix& matrix, std::vector<float>& room) {
    if (!matrix.absmax.empty()) return matrix.absmax.data();
    const std::span codes(matrix.scales.codes);
    const std::span absmax(matrix.scales.absmax);
    room.resize(codes.size());
    forRows(std::ssize(absmax), kNf4ScaleBlock, [&](std::int64_t begin, std::int64_t end) {
        const auto first = static_cast<std::size_t>(begin) * kNf4ScaleBlock, last = std::min(codes.size(), static_cast<std::size_t>(end) * kNf4ScaleBlock);
        const std::vector<float> part = dequantizeScales(codes.subspan(first, last - first), absmax.subspan(static_cast<std::size_t>(begin)), kNf4ScaleBlock, dynamicMap(), matrix.scales.offset);
        std::copy(part.begin(), part.end(), room.begin() + static_cast<std::ptrdiff_t>(first));
    });
    return room.data();
}

/// `room` holds the scales of the double quantised.
kernels::Nf4Rows rowsOf(const Nf4Matrix& matrix, std::vector<float>& room) {
    return {matrix.codes.data(), scalesOf(matrix, room), static_cast<std::int64_t>(matrix.block), matrix.out, matrix.in};
}

} // namespace

std::int64_t Nf4Matrix::byteCount() const {
    return static_cast<std::int64_t>(codes.size() + absmax.size_bytes() + scales.codes.size() + scales.absmax.size() * sizeof(float));
}

Nf4Matrix quantizedNf4(const at::Tensor& values, bool doubleQuant) {
    const auto storage = std::make_shared<Storage>();
    const auto count = static_cast<std::size_t>(values.numel()), blocks = nf4Blocks(count);
    storage->codes.resize(nf4Bytes(count));
    storage->absmax.resize(blocks);
    const float* from = values.const_data_ptr<float>();
    at::parallel_for(0, static_cast<std::int64_t>(blocks), 512, [&](std::int64_t begin, std::int64_t end) {
        const auto first = static_cast<std::size_t>(begin) * kNf4Block, last = std::min(count, static_cast<std::size_t>(end) * kNf4Block);
        quantizeNf4(from + first, last - first, storage->codes.data() + first / 2, storage->absmax.data() + begin);
    });
    Nf4Matrix matrix;
    matrix.out = values.size(0);
    matrix.in = values.size(1);
    matrix.codes = storage->codes;
    if (doubleQuant) {
        matrix.scales = quantizeScales(storage->absmax);
        storage->absmax = {};
    } else {
        matrix.absmax = storage->absmax;
    }
    matrix.owner = storage;
    return matrix;
}

void dequantizeInto(const Nf4Matrix& matrix, const at::Tensor& to) {
    std::vector<float> scales;
    const Nf4Codes codes{matrix.codes.data(), scalesOf(matrix, scales), matrix.block};
    const bool single = to.scalar_type() == at::kFloat;
    const std::int64_t count = matrix.out * matrix.in;
    // By whole blocks, which are fastest.
    const std::int64_t step = static_cast<std::int64_t>(matrix.block), blocks = (count + step - 1) / step;
    forRows(blocks, step, [&](std::int64_t begin, std::int64_t end) {
        const auto first = static_cast<std::size_t>(begin * step), last = static_cast<std::size_t>(std::min(end * step, count));
        if (single) dequantizeNf4(codes, first, last, static_cast<float*>(to.data_ptr()) + first);
        else dequantizeNf4(codes, first, last, static_cast<std::uint16_t*>(to.data_ptr()) + first);
    });
}

namespace {

constexpr std::int64_t kPanel = kernels::kPanelColumns;

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

} // namespace

std::int64_t fewRowsFor(const std::vector<Nf4Matrix>& parts, at::ScalarType type) {
    return !rowsAreBlocks(parts) ? 0 : inPairs(type) ? 12 : 4;
}

void addFewRows(const std::vector<Nf4Matrix>& parts, const at::Tensor& x, const at::Tensor& y) {
    const bool pairs = inPairs(x.scalar_type());
    const at::Tensor apart = evenBeforeOdd(pairs ? x : x.to(at::kFloat));
    const std::int64_t count = x.size(0);
    std::int64_t column = 0;
    for (const Nf4Matrix& part : parts) {
        std::vector<float> scales;
        const kernels::Nf4Rows w = rowsOf(part, scales);
        const at::Tensor columns = y.narrow(1, column, part.out);
        forRows(part.out, part.in, [&](std::int64_t begin, std::int64_t end) {
            const kernels::Rows to = rowsOf(columns.narrow(1, begin, end - begin));
            if (pairs) kernels::multiplyFewRowsNf4Bf16(static_cast<const std::uint16_t*>(apart.const_data_ptr()), count, w, begin, end, to);
            else kernels::multiplyFewRowsNf4(apart.const_data_ptr<float>(), count, w, begin, end, to);
        });
        column += part.out;
    }
}

bool panelsFit(const std::vector<Nf4Matrix>& parts, at::ScalarType type) {
    const auto even = [](const Nf4Matrix& part) { return part.out % 2 == 0; };
    return !parts.empty() && inPairs(type) && rowsAreBlocks(parts) && std::all_of(parts.begin(), parts.end(), even);
}

void multiplyPanels(const std::vector<Nf4Matrix>& parts, const at::Tensor& x, const at::Tensor& y, bool add) {
    const at::Tensor input = byRows(x);
    const kernels::Rows from = rowsOf(input);
    std::int64_t column = 0;
    for (const Nf4Matrix& part : parts) {
        std::vector<float> scales;
        const kernels::Nf4Rows w = rowsOf(part, scales);
        const kernels::Rows to = rowsOf(y.narrow(1, column, part.out));
        at::parallel_for(0, (part.out + kPanel - 1) / kPanel, 1, [&](std::int64_t begin, std::int64_t end) {
            kernels::multiplyNf4Panels(from, x.size(0), w, begin * kPanel, std::min(end * kPanel, part.out), to, add);
        });
        column += part.out;
    }
}

void multiplyPanelsBack(const std::vector<Nf4Matrix>& parts, const at::Tensor& dy, const at::Tensor& dx, bool add) {
    const at::Tensor gradient = byRows(dy);
    std::vector<std::vector<float>> scales(parts.size());
    std::vector<kernels::Nf4Rows> w;
    for (std::size_t i = 0; i < parts.size(); ++i) w.push_back(rowsOf(parts[i], scales[i]));
    const kernels::Rows from = rowsOf(gradient), to = rowsOf(dx);
    at::parallel_for(0, dx.size(1) / kPanel, 1, [&](std::int64_t begin, std::int64_t end) {
        kernels::multiplyNf4PanelsBack(from, dy.size(0), w, begin * kPanel, end * kPanel, to, add);
    });
}

} // namespace engine
