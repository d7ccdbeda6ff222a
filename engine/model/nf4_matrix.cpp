// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/nf4_matrix.h"
#include "engine/kernels/kernels.h"
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

at::Tensor evenBeforeOdd(const at::Tensor& x) {
    return x.view({x.size(0), x.size(1) / 2, 2}).permute({2, 0, 1}).contiguous();
}

void addFewRows(const Nf4Matrix& matrix, const at::Tensor& xApart, const at::Tensor& y) {
    const kernels::Rows to = rowsOf(y);
    std::vector<float> scales;
    const float* absmax = scalesOf(matrix, scales);
    const auto block = static_cast<std::int64_t>(matrix.block);
    forRows(matrix.out, matrix.in, [&](std::int64_t begin, std::int64_t end) {
        kernels::multiplyFewRowsNf4(xApart.const_data_ptr<float>(), y.size(0), matrix.in, matrix.codes.data() + begin * matrix.in / 2,
                                    absmax + begin * matrix.in / block, block, end - begin,
                                    {static_cast<char*>(to.data) + begin * kernels::sizeOf(to.type), to.stride, to.type});
    });
}

} // namespace engine
