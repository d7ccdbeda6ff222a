// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/device_block.h"

#include <ATen/Functions.h>

namespace engine {

namespace {

/// x [N, heads, head_dim] with the first rotary_dim of each head turned, halves (i, i + rotary_dim / 2).
at::Tensor rotated(const at::Tensor& x, const DevicePass& pass) {
    const std::int64_t half = pass.config.rotary.front().dims / 2, rest = pass.config.head_dim - 2 * half;
    const at::Tensor a = x.narrow(2, 0, half).to(at::kFloat), b = x.narrow(2, half, half).to(at::kFloat);
    std::vector<at::Tensor> parts{(a * pass.cos - b * pass.sin).to(x.scalar_type()),
                                  (b * pass.cos + a * pass.sin).to(x.scalar_type())};
    if (rest > 0) parts.push_back(x.narrow(2, 2 * half, rest));
    return at::cat(parts, 2);
}

at::Tensor applied(Activation activation, const at::Tensor& x) {
    switch (activation) {
    case Activation::GeluTanh: return at::gelu(x, "tanh");
    case Activation::Silu: break;
    }
    return at::silu(x);
}

/// What the last product reads of [gate | up], or of up alone.
at::Tensor activated(const DecoderConfig& c, const at::Tensor& wide) {
    if (!c.gated()) return applied(c.activation, wide);
    const std::int64_t width = c.intermediate_size;
    return applied(c.activation, wide.narrow(1, 0, width)) * wide.narrow(1, width, width);
}

} // namespace

at::Tensor DeviceBlock::forward(std::int64_t layer, const at::Tensor& x, const DevicePass& pass) const {
    const DecoderConfig& c = pass.config;
    const std::int64_t rows = x.size(0);
    const auto product = [&](const DeviceLinear& linear, const at::Tensor& in, MaskNumber which) {
        return linear.forward(in, pass.adapted, layerMask(pass.key, layer, which, pass.adapted ? pass.loraDropout : 0));
    };
    const auto branch = [&](const at::Tensor& y, MaskNumber which) {
        return droppedPlain(y, layerMask(pass.key, layer, which, pass.residDropout));
    };

    const at::Tensor first = norm1.forward(x, c.norm_eps, pass.type, pass.adapted);
    const at::Tensor heads = product(qkv, first, kQkvMask).view({rows, c.heads + 2 * c.kv_heads, c.head_dim});
    const at::Tensor turned = rotated(heads.narrow(1, 0, c.heads + c.kv_heads), pass);
    const at::Tensor q = turned.narrow(1, 0, c.heads), k = turned.narrow(1, c.heads, c.kv_heads),
                     v = heads.narrow(1, c.heads + c.kv_heads, c.kv_heads);
    pass.attention.store(layer, k, v);
    const at::Tensor y = x + branch(product(out, pass.attention.forward(layer, q, k, v), kOutMask), kAttentionResidual);

    const at::Tensor wide = product(up, c.parallel ? first : norm2.forward(y, c.norm_eps, pass.type, pass.adapted), kUpMask);
    return y + branch(product(down, activated(c, wide), kDownMask), kMlpResidual);
}

} // namespace engine
