// SPDX-License-Identifier: GPL-3.0-or-later
// A frozen matrix and its two products, by whichever path is fastest for the rows at hand.
#pragma once
#include <ATen/core/Tensor.h>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace engine::host {

/// W [out, in], held as parts whose rows follow one another. Few rows stream the weights once through our own kernel; many go to
/// our own product by panels where the processor has it, else to the library's. A way of holding it says which of these it has.
class Matrix {
public:
    virtual ~Matrix() = default;

    std::int64_t in() const { return m_in; }
    std::int64_t out() const { return m_out; }
    /// Of what goes in and comes out.
    at::ScalarType type() const { return m_type; }
    virtual std::int64_t byteCount() const = 0;

    /// x W^T [N, out] (+ add [N, out], which may be undefined and is used up). x [N, in], rows may lie apart.
    at::Tensor times(const at::Tensor& x, const at::Tensor& add) const;
    /// dy W [N, in] (+ add [N, in], used up).
    at::Tensor backTimes(const at::Tensor& dy, const at::Tensor& add) const;

    /// The matrix that takes this one's place before many batches are to come, when `backward` with their gradients; this one is
    /// used up. Null: it stays.
    virtual std::shared_ptr<Matrix> laidOutForBatches(bool /*backward*/) { return nullptr; }

    // Of an embedding or head, one part as a file holds it:
    /// Its rows of these numbers as float [N, in].
    virtual at::Tensor rows(const std::vector<std::int32_t>& numbers) const;
    /// x . W[row] in float; x [in] in the compute type.
    virtual float dotRow(std::int64_t row, const void* x) const;

protected:
    /// f(rows [n, in] in the compute type, number of the first).
    using RowsOfW = std::function<void(const at::Tensor&, std::int64_t)>;

    Matrix(std::int64_t out, std::int64_t in, at::ScalarType type) : m_in(in), m_out(out), m_type(type) {}
    Matrix(const Matrix&) = default;
    Matrix& operator=(const Matrix&) = default;

    /// Rows up to which addFewRows is faster than any other way; 0: there is none.
    virtual std::int64_t fewRows() const = 0;
    /// y += x W^T for at most that many rows of x.
    virtual void addFewRows(const at::Tensor& x, const at::Tensor& y) const = 0;
    /// Many rows by a product of its own, `add` as there. Undefined: it has none for these, and the library multiplies what
    /// forRowsOfW gives.
    virtual at::Tensor multiply(const at::Tensor& x, const at::Tensor& add) const = 0;
    virtual at::Tensor multiplyBack(const at::Tensor& dy, const at::Tensor& add) const = 0;
    /// Calls f for all of W.
    virtual void forRowsOfW(const RowsOfW& f) const = 0;

    /// Room [rows, in] in the compute type for rows that are expanded, shared by the thread's matrices: one at a time is.
    at::Tensor expansionRoom(std::int64_t rows) const;

private:
    std::int64_t m_in, m_out;
    at::ScalarType m_type;
};

} // namespace engine::host
