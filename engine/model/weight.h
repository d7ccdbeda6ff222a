// SPDX-License-Identifier: GPL-3.0-or-later
// A frozen matrix and its two products, by whichever path is fastest for the rows at hand.
#pragma once
#include "engine/weights/nf4.h"

#include <ATen/core/Tensor.h>
#include <cstdint>
#include <memory>
#include <vector>

namespace engine {

/// A matrix in NF4: codes and scales as bitsandbytes lays them out over its values, row after row.
struct Nf4Matrix {
    std::int64_t out = 0, in = 0;
    std::span<const std::uint8_t> codes;
    std::span<const float> absmax;         // empty under double quantisation
    Nf4Scales scales;                      // double quantisation's
    std::size_t block = kNf4Block;
    std::shared_ptr<const void> owner;     // keeps codes and absmax alive
};

/// W [out, in]. Few rows stream the weights once through our own kernel; many go to the library's matrix product, on prepacked weights
/// where packForBatches was called.
class Weight {
public:
    Weight() = default;
    /// Float or bfloat16, row-major.
    explicit Weight(at::Tensor dense);
    /// In 4 bits, rows of the parts one after the other; computed in `type`.
    Weight(std::vector<Nf4Matrix> parts, at::ScalarType type);

    std::int64_t in() const { return m_in; }
    std::int64_t out() const { return m_out; }
    /// Of what goes in and comes out.
    at::ScalarType type() const { return m_type; }
    std::int64_t byteCount() const;

    /// Lays bfloat16 weights out for oneDNN, once for the product and, when `backward`, once for the gradient's; the row-major copy goes.
    /// Does nothing for other types or where libtorch lacks oneDNN.
    void packForBatches(bool backward);

    /// x W^T [N, out] (+ add [N, out], which may be undefined and is used up). x [N, in], rows may lie apart.
    at::Tensor times(const at::Tensor& x, const at::Tensor& add) const;
    /// dy W [N, in] (+ add [N, in], used up).
    at::Tensor backTimes(const at::Tensor& dy, const at::Tensor& add) const;

private:
    /// All of W in the compute type, in room shared by the thread's matrices: valid until the next call.
    at::Tensor expanded() const;
    void addFewRowsNf4(const at::Tensor& input, at::Tensor& y) const;

    std::int64_t m_in = 0, m_out = 0;
    at::ScalarType m_type = at::kFloat;
    at::Tensor m_dense;            // [out, in]; undefined once packed both ways
    at::Tensor m_packed;           // opaque, for x W^T
    at::Tensor m_packedBack;       // opaque, for dy W
    std::vector<Nf4Matrix> m_nf4;  // instead of a dense one
};

} // namespace engine
