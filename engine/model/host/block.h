// SPDX-License-Identifier: GPL-3.0-or-later
// One layer of the decoder, forward and backward: x += attention(norm(x)); x += mlp(norm(x)). In parallel, both branches read the
// first norm of x and are added together.
#pragma once
#include "engine/model/host/attention.h"
#include "engine/model/host/linear.h"
#include "engine/model/host/norm.h"
#include "engine/model/host/rows.h"
#include "engine/model/rotary.h"

#include <ATen/core/Tensor.h>
#include <array>

namespace engine::host {

/// What all layers of one pass share.
struct Pass {
    const DecoderConfig& config;
    const Attention& attention;
    const at::Tensor& positions; // [N] int
    const std::vector<RotaryTable>& rotary;
    bool adapted = false; // the adapter takes part
    double loraDropout = 0, residDropout = 0;
    std::uint64_t key = 0; // of this step's masks
    bool storesKeys = false;
};

/// Rows that alone are read of a layer's output.
struct RowsRead {
    const Attention& attention; // of these queries
    const at::Tensor& index;    // [n] their places in the pack
};

/// What the backward pass needs of one layer's forward pass; architecture/row_bytes counts it.
struct LayerTape {
    at::Tensor x1, qkv, qkvLow, attention, outLow, lse, up, upLow, downLow;
    at::Tensor heads;                  // queries and keys before their norms, where there are such
    at::Tensor headRstd;               // [N, heads + kv_heads]
    at::Tensor attentionOut, mlpOut;   // the branches before their norms, where there are such
    at::Tensor attentionRstd, mlpRstd; // [N, 1]
    at::Tensor branch;                 // what attention added to x1, where it is neither computed again nor not asked for
    Moments moments1, moments2;        // of the norms before attention and MLP
};

struct Block {
    Norm attentionNorm, mlpNorm;             // mlpNorm: not in parallel
    Norm queryNorm, keyNorm;                 // of each head, before it is turned
    Norm attentionBranchNorm, mlpBranchNorm; // of a branch, before it is added
    Linear qkv, out, up, down;               // up: with the gate before it, where there is one

    Block(const ModelReader& reader, std::int64_t layer);
    std::array<Linear*, 4> linears() { return {&qkv, &out, &up, &down}; }
    std::array<const Linear*, 4> linears() const { return {&qkv, &out, &up, &down}; }
    void bind(Lora* adapter, bool fresh);
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
    void normHeads(const DecoderConfig& config, LayerTape& tape, bool keeps) const;
};

} // namespace engine::host
