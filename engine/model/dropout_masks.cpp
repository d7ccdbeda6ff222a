// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/dropout_masks.h"

#include <ATen/Functions.h>
#include <ATen/core/grad_mode.h>

namespace engine {

namespace {

std::uint64_t mix(std::uint64_t x) { // splitmix64 (Steele et al. 2014)
    x += 0x9E3779B97F4A7C15ULL;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
    return x ^ (x >> 31);
}

/// 32 bits as ATen's signed numbers hold them; products wrap the same.
at::Scalar bits(std::uint64_t value) {
    return static_cast<std::int64_t>(static_cast<std::int32_t>(static_cast<std::uint32_t>(value)));
}

/// A shift that brings in zeros, which ATen's of signed numbers does not.
at::Tensor shifted(const at::Tensor& h, int by) {
    return at::bitwise_right_shift(h, by).bitwise_and_(bits(0xFFFFFFFFU >> by));
}

} // namespace

kernels::Mask layerMask(std::uint64_t key, std::int64_t layer, int which, double rate) {
    return {mix(key ^ mix(static_cast<std::uint64_t>(layer * kMasks + which) + 1)), static_cast<float>(rate), 0};
}

at::Tensor droppedPlain(const at::Tensor& x, const kernels::Mask& mask) {
    if (mask.rate == 0) return x;
    at::Tensor kept;
    {
        const at::NoGradGuard guard;
        const std::int64_t first = mask.firstRow * x.size(1);
        at::Tensor h = at::arange(first, first + x.numel(), x.options().dtype(at::kInt)).view(x.sizes());
        h.add_(bits(mask.key)).mul_(bits(0x9E3779B1U));
        h.bitwise_xor_(shifted(h, 16)).bitwise_xor_(bits(mask.key >> 32)).mul_(bits(0x85EBCA6BU));
        h.bitwise_xor_(shifted(h, 13)).mul_(bits(0xC2B2AE35U));
        h.bitwise_xor_(shifted(h, 16));
        kept = at::ge(shifted(h, 1), static_cast<std::int64_t>(static_cast<double>(mask.rate) * 2147483648.0));
    }
    return x * kept * static_cast<double>(1.0f / (1.0f - mask.rate));
}

} // namespace engine
