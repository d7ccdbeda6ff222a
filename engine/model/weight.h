// SPDX-License-Identifier: GPL-3.0-or-later
// A frozen matrix and its two products, by whichever path is fastest for the rows at hand.
#pragma once
#include "engine/model/block_matrix.h"
#include "engine/model/nf4_matrix.h"

#include <ATen/core/Tensor.h>
#include <cstdint>
#include <functional>
#include <vector>

namespace engine {

/// W [out, in], held as parts whose rows follow one another. Few rows stream the weights once through our own kernel; many go to
/// our own product by panels where the processor has it, else to the library's, on prepacked weights where packForBatches was
/// called.
class Weight {
public:
    Weight() = default;
    /// Float or bfloat16, row-major; they may lie in a mapped file.
    explicit Weight(std::vector<at::Tensor> parts);
    /// In 4 bits, computed in `type`.
    Weight(std::vector<Nf4Matrix> parts, at::ScalarType type);
    /// As a GGUF file holds them, computed in `type`.
    Weight(std::vector<BlockMatrix> parts, at::ScalarType type);

    std::int64_t in() const { return m_in; }
    std::int64_t out() const { return m_out; }
    /// Of what goes in and comes out.
    at::ScalarType type() const { return m_type; }
    std::int64_t byteCount() const;

    /// Makes a GGUF file's blocks dense. When `backward`, bfloat16 weights become one matrix for our own product in both
    /// directions, where the processor has it. Elsewhere they are laid out for oneDNN, once for the product and, when `backward`,
    /// once for the gradient's, and the row-major copy goes. Lays nothing out for other types or where libtorch lacks oneDNN.
    void packForBatches(bool backward);

    /// x W^T [N, out] (+ add [N, out], which may be undefined and is used up). x [N, in], rows may lie apart.
    at::Tensor times(const at::Tensor& x, const at::Tensor& add) const;
    /// dy W [N, in] (+ add [N, in], used up).
    at::Tensor backTimes(const at::Tensor& dy, const at::Tensor& add) const;

    // Of a matrix of one part that was neither packed nor made of 4 bits:
    /// Its rows of these numbers as float [N, in].
    at::Tensor rows(const std::vector<std::int32_t>& numbers) const;
    /// x . W[row] in float; x [in] in the compute type.
    float dotRow(std::int64_t row, const void* x) const;

private:
    /// Rows up to which streaming the weights through our kernels beats a matrix product.
    std::int64_t fewRows() const;
    at::Tensor timesFewRows(const at::Tensor& x, at::Tensor y) const;
    /// f(rows [n, in] in the compute type, number of the first) for all of W. Quantised ones are expanded into room shared by the
    /// thread's matrices.
    void forRowsOfW(const std::function<void(const at::Tensor&, std::int64_t)>& f) const;

    std::int64_t m_in = 0, m_out = 0;
    at::ScalarType m_type = at::kFloat;
    std::vector<at::Tensor> m_dense;   // empty once packed both ways
    std::vector<Nf4Matrix> m_nf4;      // instead of dense ones
    std::vector<BlockMatrix> m_blocks; // the same
    at::Tensor m_packed;               // for x W^T
    at::Tensor m_packedBack;           // for dy W
};

} // namespace engine
