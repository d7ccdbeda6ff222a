// SPDX-License-Identifier: GPL-3.0-or-later
// A matrix held as numbers.
#pragma once
#include "engine/model/host/matrix.h"

namespace engine::host {

/// Of parts whose rows follow one another.
std::int64_t rowsOfAll(const std::vector<at::Tensor>& parts);

/// Float or bfloat16, row-major; the parts may lie in a mapped file.
class Dense : public Matrix {
public:
    static constexpr std::int64_t kFewRows = 4;

    explicit Dense(std::vector<at::Tensor> parts);
    std::int64_t byteCount() const override;
    /// bfloat16 for the gradients' products, too: one matrix for our own product in both directions, where the processor has it.
    /// Elsewhere Packed. Stays what it is for other types, or where libtorch lacks oneDNN.
    std::shared_ptr<Matrix> laidOutForBatches(bool backward) override;
    at::Tensor rows(const std::vector<std::int32_t>& numbers) const override;
    float dotRow(std::int64_t row, const void* x) const override;

private:
    std::int64_t fewRows() const override;
    void addFewRows(const at::Tensor& x, const at::Tensor& y) const override;
    at::Tensor multiply(const at::Tensor& x, const at::Tensor& add) const override;
    at::Tensor multiplyBack(const at::Tensor& dy, const at::Tensor& add) const override;
    void forRowsOfW(const RowsOfW& f) const override;

    std::vector<at::Tensor> m_parts;
};

} // namespace engine::host
