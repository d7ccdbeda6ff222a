// SPDX-License-Identifier: GPL-3.0-or-later
// A matrix laid out once for oneDNN's product.
#pragma once
#include "engine/model/host/dense.h"

namespace engine::host {

/// bfloat16. When `backward`, laid out for the gradient's product as well, and the row-major copy goes.
class Packed : public Matrix {
public:
    Packed(std::vector<at::Tensor> parts, bool backward);
    std::int64_t byteCount() const override;
    std::shared_ptr<Matrix> laidOutForBatches(bool backward) override;

private:
    std::int64_t fewRows() const override { return m_plain ? Dense::kFewRows : 0; }
    void addFewRows(const at::Tensor& x, const at::Tensor& y) const override;
    at::Tensor multiply(const at::Tensor& x, const at::Tensor& add) const override;
    at::Tensor multiplyBack(const at::Tensor& dy, const at::Tensor& add) const override;
    void forRowsOfW(const RowsOfW&) const override {} // it multiplies itself

    std::shared_ptr<Dense> m_plain; // null once laid out both ways
    at::Tensor m_packed;            // for x W^T
    at::Tensor m_packedBack;        // for dy W
};

} // namespace engine::host
