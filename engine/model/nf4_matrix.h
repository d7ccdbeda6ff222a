// SPDX-License-Identifier: GPL-3.0-or-later
// A matrix held in 4 bits.
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
    /// All scales as floats; `room` holds them unless they lie so.
    const float* scalesIn(std::vector<float>& room) const;
};

/// Quantises values [out, in] float. Throws Error(BadInput) for one that is not finite.
Nf4Matrix quantizedNf4(const at::Tensor& values, bool doubleQuant);
/// The values as `to` [out, in], float or bfloat16, row-major.
void dequantizeInto(const Nf4Matrix& matrix, const at::Tensor& to);

} // namespace engine
