// SPDX-License-Identifier: GPL-3.0-or-later
// A matrix held in 4 bits, and what is computed from it.
#pragma once
#include "engine/weights/nf4.h"

#include <ATen/core/Tensor.h>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace engine {

/// Codes and scales [out, in] as bitsandbytes lays them out over the matrix's values, row after row.
struct Nf4Matrix {
    std::int64_t out = 0, in = 0;
    std::span<const std::uint8_t> codes;
    std::span<const float> absmax;         // empty under double quantisation
    Nf4Scales scales;                      // double quantisation's
    std::size_t block = kNf4Block;
    std::shared_ptr<const void> owner;     // keeps codes and absmax alive

    std::int64_t byteCount() const;
    /// Whether no block reaches from one row into the next, as addFewRows needs.
    bool rowsAreBlocks() const { return in % static_cast<std::int64_t>(block) == 0; }
};

/// Quantises values [out, in] float. Throws Error(BadInput) for one that is not finite.
Nf4Matrix quantizedNf4(const at::Tensor& values, bool doubleQuant);
/// The values as `to` [out, in], float or bfloat16, row-major.
void dequantizeInto(const Nf4Matrix& matrix, const at::Tensor& to);
/// y [n, out] += x W^T for n <= 4 rows, given as evenBeforeOdd(x); y's rows may lie apart.
void addFewRows(const Nf4Matrix& matrix, const at::Tensor& xApart, const at::Tensor& y);
/// x [n, in] float with its even elements before its odd ones: [2, n, in / 2], what addFewRows reads.
at::Tensor evenBeforeOdd(const at::Tensor& x);

} // namespace engine
