// SPDX-License-Identifier: GPL-3.0-or-later
// A frozen linear layer, or several that read the same input as one product, with room for their adapters.
#pragma once
#include "engine/kernels/kernels.h"
#include "engine/model/lora.h"

#include <ATen/core/Tensor.h>
#include <vector>

namespace engine {

/// y = x W^T + b + sum over adapted parts of scaling * (dropout(x) A^T) B^T, as one product: the input's columns are followed by
/// dropout(x) A^T and the weight's by scaling * B, so the same product gives the gradients of x and of x A^T on the way back.
/// Parts share one dropout mask (PEFT draws one each: the same expectation).
class Linear {
public:
    Linear() = default;
    /// weight [out, in] in the compute type, the parts' rows one after the other; bias [out] float or undefined.
    Linear(std::vector<LinearShape> parts, at::Tensor weight, at::Tensor bias);

    std::int64_t in() const { return m_in; }
    std::int64_t out() const { return m_out; }
    std::int64_t rank() const { return m_rank; }
    std::int64_t parameterCount() const;
    at::ScalarType type() const { return m_weight.scalar_type(); }

    /// The adapter's modules that belong here (null: none); lays the weight out anew when the joined rank changes.
    void bind(Lora* adapter);
    /// Copies the adapter's values, as they are now, into the weight.
    void refresh();
    /// The adapter's trained biases start from the base's.
    void seedBiases();

    /// Room for an input [N, in + rank]; the first `in` columns are the caller's to fill.
    at::Tensor room(std::int64_t rows) const;
    /// y [N, out] of a filled room, whose last columns are computed here (zeros when not `adapted`).
    at::Tensor forward(at::Tensor& input, bool adapted, const kernels::Mask& mask) const;
    /// The gradient [N, in + rank] with respect to the input (undefined unless `needInput`); its first `in` columns count. Adds to the
    /// adapter's gradients. x [N, >= in] is the input, low [N, rank] what forward put in its last columns.
    at::Tensor backward(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& low, const kernels::Mask& mask, bool needInput);

private:
    struct Adapted {
        Lora::Module* module = nullptr;
        std::int64_t row = 0, out = 0, column = 0; // place in the joined B: rows of the output, first column of its rank
    };
    struct TrainedBias {
        Lora::Bias* bias = nullptr;
        std::int64_t row = 0, out = 0;
    };

    std::vector<LinearShape> m_parts;
    std::int64_t m_in = 0, m_out = 0, m_rank = 0;
    at::Tensor m_weight; // [out, in + rank]
    at::Tensor m_bias;   // [out] float, the adapter's where it trains them
    at::Tensor m_frozenBias; // [out] float, the base's
    at::Tensor m_down;   // [rank, in], the joined A
    std::vector<Adapted> m_adapted;
    std::vector<TrainedBias> m_trainedBiases;
};

/// The tensor's rows for the kernels, from row `begin` on.
kernels::Rows rowsOf(const at::Tensor& tensor, std::int64_t begin = 0);
/// f(begin, end) over [0, rows), divided among the threads where that pays.
void forRows(std::int64_t rows, std::int64_t width, const std::function<void(std::int64_t, std::int64_t)>& f);

} // namespace engine
