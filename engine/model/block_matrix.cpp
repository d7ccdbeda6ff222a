// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/block_matrix.h"
#include "engine/model/rows.h"

#include <algorithm>
#include <vector>

namespace engine {

void expandRow(const BlockMatrix& matrix, std::int64_t row, kernels::Scalar type, void* to) {
    kernels::expandBlocks(matrix.kind, matrix.row(row), matrix.in / kernels::kBlock, type, to);
}

void expandInto(const BlockMatrix& matrix, std::int64_t first, const at::Tensor& to) {
    forRows(to.size(0), matrix.in, [&](std::int64_t begin, std::int64_t end) {
        const kernels::Rows rows = rowsOf(to, begin);
        kernels::expandBlocks(matrix.kind, matrix.row(first + begin), (end - begin) * (matrix.in / kernels::kBlock), rows.type,
                              rows.data);
    });
}

void addFewRows(std::span<const BlockMatrix> parts, const at::Tensor& x, const at::Tensor& y) {
    constexpr std::int64_t kAtOnce = 4;
    const std::int64_t in = x.size(1), blocks = in / kernels::kBlock;
    const float* from = x.const_data_ptr<float>();
    std::vector<float> sums(static_cast<std::size_t>(x.size(0) * blocks));
    kernels::sumBlocks(from, x.size(0), in, sums.data());
    const kernels::Rows to = rowsOf(y);
    // All parts' rows are divided at once.
    forRows(y.size(1), in, [&](std::int64_t begin, std::int64_t end) {
        std::int64_t before = 0;
        for (const BlockMatrix& part : parts) {
            const std::int64_t first = std::max(begin, before), last = std::min(end, before + part.out);
            for (std::int64_t n = 0; first < last && n < x.size(0); n += kAtOnce) {
                char* at = static_cast<char*>(to.data) + (n * to.stride + first) * kernels::sizeOf(to.type);
                kernels::multiplyFewRowsBlocks(from + n * in, sums.data() + n * blocks, std::min(kAtOnce, x.size(0) - n), in,
                                               part.kind, part.row(first - before), last - first, {at, to.stride, to.type});
            }
            before += part.out;
        }
    });
}

} // namespace engine
