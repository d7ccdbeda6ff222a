// SPDX-License-Identifier: GPL-3.0-or-later
// A frozen matrix on a device.
#pragma once
#include "engine/model/nf4_matrix.h"

#include <ATen/core/Tensor.h>
#include <cstdint>

namespace engine {

/// W [out, in], dense or in NF4. One in NF4 is expanded for each product and again for its gradient, so that only one is there at
/// a time.
class DeviceWeight {
public:
    DeviceWeight() = default;
    explicit DeviceWeight(at::Tensor dense) : m_dense(std::move(dense)) {}
    /// Computed in `type`.
    DeviceWeight(const Nf4Matrix& matrix, at::ScalarType type, at::Device device);

    std::int64_t byteCount() const;
    /// [out, in] in the compute type.
    at::Tensor matrix() const;
    /// x W^T [N, out]; a gradient goes through to x. The weight must stay where it is until then.
    at::Tensor times(const at::Tensor& x) const;

    /// The same of a matrix in NF4, without a gradient.
    at::Tensor product(const at::Tensor& x) const;

private:
    at::Tensor scales() const;

    at::Tensor m_dense;
    std::int64_t m_out = 0, m_in = 0, m_block = 0;
    at::ScalarType m_type = at::kFloat;
    at::Tensor m_pairs;                  // [256, 2] float: what the two codes of a byte stand for
    at::Tensor m_codes;                  // [blocks * block / 2] bytes
    at::Tensor m_absmax;                 // [blocks] float; under double quantisation undefined, and instead:
    at::Tensor m_scaleMap, m_scaleCodes; // [256] float; [blocks] bytes
    at::Tensor m_scaleAbsmax;            // [blocks / 256] float
    double m_scaleOffset = 0;
};

} // namespace engine
