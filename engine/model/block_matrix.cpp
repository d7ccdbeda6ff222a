// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/block_matrix.h"
#include "engine/model/host/rows.h"

namespace engine {

void expandRow(const BlockMatrix& matrix, std::int64_t row, kernels::Scalar type, void* to) {
    kernels::expandBlocks(matrix.kind, matrix.row(row), matrix.in / kernels::kBlock, type, to);
}

void expandInto(const BlockMatrix& matrix, std::int64_t first, const at::Tensor& to) {
    host::forRows(to.size(0), matrix.in, [&](std::int64_t begin, std::int64_t end) {
        const kernels::Rows rows = host::rowsOf(to, begin);
        kernels::expandBlocks(matrix.kind, matrix.row(first + begin), (end - begin) * (matrix.in / kernels::kBlock), rows.type,
                              rows.data);
    });
}

} // namespace engine
