// SPDX-License-Identifier: GPL-3.0-or-later
// One layer of the decoder, forward and backward: x += attention(norm1(x)); x += mlp(norm2(x)). In parallel, both branches read
// one norm.
#pragma once
#include "engine/model/attention.h"
#include "engine/model/linear.h"
#include "engine/model/rows.h"

#include <ATen/core/Tensor.h>
#include <array>

namespace engine {

/// A norm's weight and bias (undefined: RMSNorm), float [H].
struct Norm {
    std::string biasName; // by which adapters know it
    at::Tensor weight, bias;
    Lora::Bias* trained = nullptr; // the adapter's own bias, when it trains this one
    at::Tensor frozenBias;         // the base's, kept while `trained`

    void bind(Lora* adapter);
    /// y [N, >= H] of x [N, H] float; mean and rstd [N] may be undefined.
    void forward(const at::Tensor& x, double eps, at::Tensor& y, const at::Tensor& mean, const at::Tensor& rstd,
                 bool adapted) const;
    /// Adds the input gradient to dx [N, H] and the bias's to the adapter.
    void backward(const at::Tensor& x, const at::Tensor& mean, const at::Tensor& rstd, const at::Tensor& dy,
                  at::Tensor& dx) const;
};

/// What all layers of one pass share.
struct Pass {
    const DecoderConfig& config;
    const AttentionPlan& attention;
    const at::Tensor& positions; // [N] int
    const at::Tensor& cosTable;  // [positions, rotary_dim / 2]
    const at::Tensor& sinTable;
    bool adapted = false; // the adapter takes part
    double loraDropout = 0, residDropout = 0;
    std::uint64_t key = 0; // of this step's masks
    bool storesKeys = false;

    kernels::Mask mask(std::int64_t layer, int which, double rate) const;
};

/// Rows that alone are read of a layer's output.
struct RowsRead {
    const AttentionPlan& attention; // of these queries
    const at::Tensor& index;        // [n] their places in the pack
};

/// What the backward pass needs of one layer's forward pass.
struct LayerTape {
    at::Tensor x1, mean1, rstd1, qkv, qkvLow, attention, outLow, lse;
    at::Tensor up, upLow, downLow;
    at::Tensor branch, mean2, rstd2; // not in parallel: what attention added to x1, and of the second norm, which reads the sum
};

struct Block {
    Norm norm1, norm2;         // norm2: not in parallel
    Linear qkv, out, up, down; // up: fc1, or gate and up side by side

    std::array<Linear*, 4> linears() { return {&qkv, &out, &up, &down}; }
    std::array<const Linear*, 4> linears() const { return {&qkv, &out, &up, &down}; }
    void bind(Lora* adapter);
    void refresh();
    /// Replaces x [N, H] float. With a tape, what the backward pass needs is kept there. With `read` (and no tape), x becomes
    /// those rows [n, H]; keys and values are stored of all.
    void forward(std::int64_t layer, at::Tensor& x, const Pass& pass, LayerTape* tape, const RowsRead* read = nullptr) const;
    /// Replaces dx [N, H] float by the gradient of the layer's input (left alone unless `needInput`); adds to the adapter's
    /// gradients. The tape is used up.
    void backward(std::int64_t layer, at::Tensor& dx, const Pass& pass, LayerTape& tape, bool needInput);

private:
    at::Tensor room(std::int64_t rows, std::int64_t columns) const;
    /// What the last product reads.
    at::Tensor activated(const DecoderConfig& config, const at::Tensor& upRows) const;
};

} // namespace engine
