// SPDX-License-Identifier: GPL-3.0-or-later
// A matrix held as a GGUF file holds it.
#pragma once
#include "engine/kernels/blocks.h"

#include <ATen/core/Tensor.h>
#include <cstdint>
#include <memory>
#include <span>

namespace engine {

/// Blocks [out, in / 32], row after row.
struct BlockMatrix {
    std::int64_t out = 0, in = 0;
    kernels::BlockKind kind = kernels::BlockKind::Q8_0;
    std::span<const std::byte> bytes;
    std::shared_ptr<const void> owner; // keeps bytes alive

    const std::byte* row(std::int64_t index) const {
        return bytes.data() + index * (in / kernels::kBlock) * kernels::blockBytes(kind);
    }
};

/// The values of rows from `first` on as `to` [n, in], float or bfloat16, row-major.
void expandInto(const BlockMatrix& matrix, std::int64_t first, const at::Tensor& to);
/// One row's.
void expandRow(const BlockMatrix& matrix, std::int64_t row, kernels::Scalar type, void* to);

} // namespace engine
