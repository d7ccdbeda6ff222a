// SPDX-License-Identifier: GPL-3.0-or-later
// A matrix in 4 bits, and its products.
#pragma once
#include "engine/model/host/matrix.h"
#include "engine/model/nf4_matrix.h"

namespace engine::host {

/// Computed in `type`. Expanded as a whole for the library where there is no product of our own.
class Nf4 : public Matrix {
public:
    Nf4(std::vector<Nf4Matrix> parts, at::ScalarType type);
    std::int64_t byteCount() const override;
    /// Whether many rows are multiplied without expanding it first: on this processor, for these shapes and that type.
    bool fitsPanels() const;

private:
    std::int64_t fewRows() const override;
    void addFewRows(const at::Tensor& x, const at::Tensor& y) const override;
    at::Tensor multiply(const at::Tensor& x, const at::Tensor& add) const override;
    at::Tensor multiplyBack(const at::Tensor& dy, const at::Tensor& add) const override;
    void forRowsOfW(const RowsOfW& f) const override;

    std::vector<Nf4Matrix> m_parts;
};

} // namespace engine::host
