// SPDX-License-Identifier: GPL-3.0-or-later
// Weights as they lie in a file, at any alignment: ggml's blocks of 32 (FORMATS §A3) and half floats. Vectorised as kernels.h
// says.
#pragma once
#include "engine/kernels/kernels.h"

#include <cstddef>
#include <cstdint>

namespace engine::kernels {

/// Halves to float by whole vectors, exactly; gives how many of `count` it has done.
std::size_t halvesToFloat(const std::byte* bytes, std::size_t count, float* out);

inline constexpr std::int64_t kBlock = 32;
enum class BlockKind { Q4_0, Q4_1, Q8_0 };
inline std::int64_t blockBytes(BlockKind kind) {
    return kind == BlockKind::Q4_0 ? 18 : kind == BlockKind::Q4_1 ? 20 : 34;
}

/// The index of the first block whose scale or minimum is not finite; -1: none.
std::int64_t firstBlockNotFinite(BlockKind kind, const std::byte* blocks, std::int64_t count);

/// Blocks of weights one after the other, exactly as ggml's reference de-quantisers make them (but for the sign of a zero),
/// rounded to nearest even for bfloat16.
void expandBlocks(BlockKind kind, const std::byte* blocks, std::int64_t count, Scalar type, void* out);

/// sums[count, depth / 32] of each 32 elements of x [count, depth], as multiplyFewRowsBlocks needs them.
void sumBlocks(const float* x, std::int64_t count, std::int64_t depth, float* sums);
/// y[n][o] += x[n] . w[o] for n < count <= 4: blocks [rows, depth / 32] are read once. x [count, depth], y [count, >= rows].
void multiplyFewRowsBlocks(const float* x, const float* sums, std::int64_t count, std::int64_t depth, BlockKind kind,
                           const std::byte* blocks, std::int64_t rows, Rows y);

} // namespace engine::kernels
