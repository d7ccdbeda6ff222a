// SPDX-License-Identifier: GPL-3.0-or-later
// One layer of the decoder on a device.
#pragma once
#include "engine/model/device_attention.h"
#include "engine/model/device_linear.h"

#include <array>

namespace engine {

/// What all layers of one pass share.
struct DevicePass {
    const DecoderConfig& config;
    const DeviceAttention& attention;
    at::ScalarType type = at::kFloat;
    at::Tensor cos, sin;  // [N, 1, rotary_dim / 2] float, at the rows' positions
    bool adapted = false; // the adapter takes part
    double loraDropout = 0, residDropout = 0;
    std::uint64_t key = 0; // of this step's masks
};

struct DeviceBlock {
    DeviceNorm norm1, norm2; // norm2: not in parallel
    DeviceLinear qkv, out, up, down;

    std::array<DeviceLinear*, 4> linears() { return {&qkv, &out, &up, &down}; }
    std::array<const DeviceLinear*, 4> linears() const { return {&qkv, &out, &up, &down}; }
    /// [N, H] float of x [N, H] float. Autograd goes back through it.
    at::Tensor forward(std::int64_t layer, const at::Tensor& x, const DevicePass& pass) const;
};

} // namespace engine
