// SPDX-License-Identifier: GPL-3.0-or-later
// A matrix in NF4 on a device.
#pragma once
#include "engine/model/device/matrix.h"
#include "engine/model/nf4_matrix.h"

namespace engine::device {

class Nf4 : public Matrix {
public:
    /// Computed in `type`.
    Nf4(const Nf4Matrix& matrix, at::ScalarType type, at::Device device);
    std::int64_t byteCount() const override;
    at::Tensor matrix() const override;
    at::Tensor product(const at::Tensor& x) const override;

private:
    at::Tensor scales() const;

    std::int64_t m_out = 0, m_in = 0, m_block = 0;
    at::ScalarType m_type = at::kFloat;
    at::Tensor m_pairs;                  // [256, 2] float: what the two codes of a byte stand for
    at::Tensor m_codes;                  // [blocks * block / 2] bytes
    at::Tensor m_absmax;                 // [blocks] float; under double quantisation undefined, and instead:
    at::Tensor m_scaleMap, m_scaleCodes; // [256] float; [blocks] bytes
    at::Tensor m_scaleAbsmax;            // [blocks / 256] float
    double m_scaleOffset = 0;
};

} // namespace engine::device
