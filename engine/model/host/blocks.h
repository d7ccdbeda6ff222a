// SPDX-License-Identifier: GPL-3.0-or-later
// A matrix in a GGUF file's blocks, and its products.
#pragma once
#include "engine/model/block_matrix.h"
#include "engine/model/host/matrix.h"

namespace engine::host {

/// Computed in `type`; expanded for the library, some rows at a time.
class Blocks : public Matrix {
public:
    Blocks(std::vector<BlockMatrix> parts, at::ScalarType type);
    std::int64_t byteCount() const override;
    /// Made dense, and laid out as that is.
    std::shared_ptr<Matrix> laidOutForBatches(bool backward) override;
    at::Tensor rows(const std::vector<std::int32_t>& numbers) const override;
    float dotRow(std::int64_t row, const void* x) const override;

private:
    std::int64_t fewRows() const override;
    void addFewRows(const at::Tensor& x, const at::Tensor& y) const override;
    at::Tensor multiply(const at::Tensor&, const at::Tensor&) const override { return {}; }
    at::Tensor multiplyBack(const at::Tensor&, const at::Tensor&) const override { return {}; }
    void forRowsOfW(const RowsOfW& f) const override;

    std::vector<BlockMatrix> m_parts;
};

} // namespace engine::host
