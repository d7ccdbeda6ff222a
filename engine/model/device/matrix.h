// SPDX-License-Identifier: GPL-3.0-or-later
// A frozen matrix on a device.
#pragma once
#include <ATen/core/Tensor.h>
#include <cstdint>

namespace engine::device {

/// W [out, in]. One that is held in fewer bits is expanded for each product and again for its gradient, so that only one is there
/// at a time.
class Matrix {
public:
    virtual ~Matrix() = default;
    virtual std::int64_t byteCount() const = 0;
    /// [out, in] in the compute type.
    virtual at::Tensor matrix() const = 0;
    /// x W^T [N, out]; a gradient goes through to x. The matrix must stay where it is until then.
    virtual at::Tensor times(const at::Tensor& x) const;

protected:
    /// The same without a gradient.
    virtual at::Tensor product(const at::Tensor& x) const = 0;

private:
    struct ExpandedProduct;
};

class Dense : public Matrix {
public:
    explicit Dense(at::Tensor values) : m_values(std::move(values)) {}
    std::int64_t byteCount() const override { return static_cast<std::int64_t>(m_values.nbytes()); }
    at::Tensor matrix() const override { return m_values; }
    at::Tensor times(const at::Tensor& x) const override { return product(x); } // autograd knows the way back

private:
    at::Tensor product(const at::Tensor& x) const override;

    at::Tensor m_values;
};

} // namespace engine::device
