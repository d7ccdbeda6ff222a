// SPDX-License-Identifier: GPL-3.0-or-later
// One layer of the decoder on a device.
#pragma once
#include "engine/model/device/attention.h"
#include "engine/model/device/linear.h"
#include "engine/model/device/norm.h"
#include "engine/model/rotary.h"

#include <array>

namespace engine::device {

/// What all layers of one pass share.
struct Pass {
    const DecoderConfig& config;
    const Attention& attention;
    at::ScalarType type = at::kFloat;
    std::vector<RotaryTable> rotary; // by DecoderConfig::rotary: [N, 1, dims / 2] float, at the rows' positions
    bool adapted = false;            // the adapter takes part
    double loraDropout = 0, residDropout = 0;
    std::uint64_t key = 0; // of this step's masks
};

/// As host::Block.
struct Block {
    Norm attentionNorm, mlpNorm, queryNorm, keyNorm, attentionBranchNorm, mlpBranchNorm;
    Linear qkv, out, up, down;

    Block(const Reader& from, std::int64_t layer);
    std::array<Linear*, 4> linears() { return {&qkv, &out, &up, &down}; }
    std::array<const Linear*, 4> linears() const { return {&qkv, &out, &up, &down}; }
    void bind(Lora* lora, Adapter& adapter, bool fresh);
    /// [N, H] float of x [N, H] float. Autograd goes back through it.
    at::Tensor forward(std::int64_t layer, const at::Tensor& x, const Pass& pass) const;
};

} // namespace engine::device
