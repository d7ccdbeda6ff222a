// SPDX-License-Identifier: GPL-3.0-or-later
// A frozen linear layer, or several that read the same input as one product, with room for their adapters.
#pragma once
#include "engine/kernels/kernels.h"
#include "engine/model/host/matrix.h"
#include "engine/model/lora.h"

#include <ATen/core/Tensor.h>
#include <vector>

namespace engine::host {

/// y = x W^T + b + sum over adapted parts of scaling * (dropout(x) A^T) B^T. The parts' A lie below each other and their B side
/// by side, so that each is one product. Parts share one dropout mask (PEFT draws one each: the same expectation).
class Linear {
public:
    Linear() = default;
    /// The parts' rows one after the other; bias [out] float or undefined.
    Linear(std::vector<LinearShape> parts, std::shared_ptr<Matrix> weight, at::Tensor bias);

    std::int64_t in() const { return m_weight->in(); }
    std::int64_t out() const { return m_weight->out(); }
    at::ScalarType type() const { return m_weight->type(); }
    /// Whether it has an adapter, whose gradient needs the layer's input.
    bool isAdapted() const { return m_down.defined(); }
    std::int64_t byteCount() const { return m_weight->byteCount(); }
    /// See Matrix::laidOutForBatches.
    void layOutForBatches(bool backward);

    /// The adapter's modules that belong here (null: none). Its trained biases start from the base's when `fresh`.
    void bind(Lora* adapter, bool fresh);
    /// Copies the adapter's values, as they are now, in the compute type.
    void refresh();

    /// y [N, out] of x [N, in]; `low` becomes dropout(x) A^T [N, rank], undefined without an adapter.
    at::Tensor forward(const at::Tensor& x, bool adapted, const kernels::Mask& mask, at::Tensor& low) const;
    /// The gradient [N, in] with respect to x, undefined unless `needInput`. Adds to the adapter's gradients. x, mask and low as
    /// in forward; x may be undefined unless isAdapted().
    at::Tensor backward(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& low, const kernels::Mask& mask,
                        bool needInput);

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
    std::shared_ptr<Matrix> m_weight;
    at::Tensor m_bias;       // [out] float, the adapter's where it trains them
    at::Tensor m_frozenBias; // [out] float, the base's
    at::Tensor m_down;       // [rank, in], the joined A
    at::Tensor m_up;         // [out, rank], the joined scaling * B
    std::vector<Adapted> m_adapted;
    std::vector<TrainedBias> m_trainedBiases;
};

} // namespace engine::host
