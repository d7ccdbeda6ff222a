// SPDX-License-Identifier: GPL-3.0-or-later
// A norm, forward and backward.
#pragma once
#include "engine/model/lora.h"
#include "engine/model/model_reader.h"

#include <ATen/core/Tensor.h>
#include <string>

namespace engine::host {

/// What the backward pass needs of a norm's forward pass: [N, groups] float; mean undefined for RMSNorm.
struct Moments {
    at::Tensor mean, rstd;
};

/// LayerNorm, or RMSNorm without a bias. Not there when default.
class Norm {
public:
    Norm() = default;
    /// Not there when `name` is empty.
    Norm(const ModelReader& reader, const std::string& name, std::int64_t size);
    explicit operator bool() const { return m_weight.defined(); }

    /// An adapter's own bias, where it trains this one (null: none); it starts from the base's when `fresh`.
    void bind(Lora* adapter, bool fresh);

    /// y [N, >= H] of x [N, H] float. With `kept`, what the way back needs is put there.
    void forward(const at::Tensor& x, at::Tensor& y, Moments* kept, bool adapted) const;
    /// Adds the input gradient to dx [N, H] and the bias's to the adapter.
    void backward(const at::Tensor& x, const Moments& kept, const at::Tensor& dy, at::Tensor& dx) const;

    // RMSNorm alone, of `groups` parts of each row that begin at `column`, one after the other, in the compute type:
    void forwardInPlace(const at::Tensor& x, std::int64_t column, std::int64_t groups, const at::Tensor& rstd) const;
    /// dy becomes the gradient of x, what forwardInPlace was given.
    void backwardInPlace(const at::Tensor& x, std::int64_t column, std::int64_t groups, const at::Tensor& rstd,
                         const at::Tensor& dy) const;

    bool isTrained() const { return m_trained != nullptr; }

private:
    std::string m_biasName; // by which adapters know it
    at::Tensor m_weight, m_bias, m_frozenBias;
    Lora::Bias* m_trained = nullptr;
    double m_eps = 0;
};

} // namespace engine::host
