// SPDX-License-Identifier: GPL-3.0-or-later
// A matrix held in 4 bits, and what is computed from it.
#pragma once
#include "engine/kernels/nf4.h"

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
    // Scales, in one of three ways:
    std::span<const float> absmax;
    std::span<const std::uint16_t> shortAbsmax; // bfloat16, where all are exactly that, as those of bfloat16 weights are
    Nf4Scales scales;                           // double quantisation's
    std::size_t block = kNf4Block;
    std::shared_ptr<const void> owner; // keeps codes and absmax alive

    std::int64_t byteCount() const;
    /// The scales of blocks [begin, begin + to.size()).
    void scalesInto(std::size_t begin, std::span<float> to) const;
    /// Takes plain scales, in bfloat16 where nothing is lost by it, and `owned`, what the codes lie in.
    void keep(std::vector<float> scales, std::shared_ptr<const void> owned);
};

/// Quantises values [out, in] float. Throws Error(BadInput) for one that is not finite.
Nf4Matrix quantizedNf4(const at::Tensor& values, bool doubleQuant);
/// The values as `to` [out, in], float or bfloat16, row-major.
void dequantizeInto(const Nf4Matrix& matrix, const at::Tensor& to);

// Products with matrices of one width, whose rows follow one another.

/// Rows up to which addFewRows is faster than any other way; 0: it cannot be asked, for a block reaches from one row into the
/// next.
std::int64_t fewRowsFor(const std::vector<Nf4Matrix>& parts, at::ScalarType type);
/// y [n, out of all parts] += x W^T for n <= fewRowsFor(parts, x's type), streaming the codes once; y's rows may lie apart.
void addFewRows(const std::vector<Nf4Matrix>& parts, const at::Tensor& x, const at::Tensor& y);

/// Whether there is a way for many rows without expanding whole matrices first: on this processor, for these shapes and that
/// type. Not of none.
bool panelsFit(const std::vector<Nf4Matrix>& parts, at::ScalarType type);
/// y [n, out of all parts] = (y +) x W^T.
void multiplyPanels(const std::vector<Nf4Matrix>& parts, const at::Tensor& x, const at::Tensor& y, bool add);
/// dx [n, in] = (dx +) dy [n, out of all parts] W.
void multiplyPanelsBack(const std::vector<Nf4Matrix>& parts, const at::Tensor& dy, const at::Tensor& dx, bool add);

} // namespace engine
