// SPDX-License-Identifier: GPL-3.0-or-later
// A frozen matrix and its two products, by whichever path is fastest for the rows at hand.
#pragma once
#include <ATen/core/Tensor.h>
#include <cstdint>

namespace engine {

/// W [out, in]. Few rows stream the weights once through our own kernel; many go to the library's matrix product, on prepacked weights
/// where packForBatches was called.
class Weight {
public:
    Weight() = default;
    /// Float or bfloat16, row-major.
    explicit Weight(at::Tensor dense);

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
    std::int64_t m_in = 0, m_out = 0;
    at::ScalarType m_type = at::kFloat;
    at::Tensor m_dense;            // [out, in]; undefined once packed both ways
    at::Tensor m_packed;           // opaque, for x W^T
    at::Tensor m_packedBack;       // opaque, for dy W
};

} // namespace engine
