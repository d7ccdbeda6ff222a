// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/device/block.h"

#include "engine/architecture/tensors.h"

#include <ATen/Functions.h>

namespace engine::device {

namespace {

/// x [N, heads, head_dim] with the first dims of each head turned, halves (i, i + dims / 2).
at::Tensor rotated(const at::Tensor& x, std::int64_t layer, const Pass& pass) {
    const int which = pass.config.kind(layer).rotary;
    if (which < 0) return x;
    const RotaryTable& table = pass.rotary[static_cast<std::size_t>(which)];
    const std::int64_t half = table.cos.size(2), rest = pass.config.head_dim - 2 * half;
    const at::Tensor a = x.narrow(2, 0, half).to(at::kFloat), b = x.narrow(2, half, half).to(at::kFloat);
    std::vector<at::Tensor> parts{(a * table.cos - b * table.sin).to(x.scalar_type()),
                                  (b * table.cos + a * table.sin).to(x.scalar_type())};
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

Block::Block(const Reader& from, std::int64_t layer) {
    const DecoderConfig& c = from.config();
    const auto norm = [&](const ModuleName& module, std::int64_t size) { return Norm(from, layerPath(layer, module), size); };
    attentionNorm = norm(c.attentionNorm, c.hidden_size);
    mlpNorm = norm(c.mlpNorm, c.hidden_size);
    queryNorm = norm(c.queryNorm, c.head_dim);
    keyNorm = norm(c.keyNorm, c.head_dim);
    attentionBranchNorm = norm(c.attentionBranchNorm, c.hidden_size);
    mlpBranchNorm = norm(c.mlpBranchNorm, c.hidden_size);
    const LayerParts parts = from.reader.layer(layer);
    qkv = Linear(from, parts.qkv);
    out = Linear(from, parts.out);
    up = Linear(from, parts.up);
    down = Linear(from, parts.down);
}

void Block::bind(Lora* lora, Adapter& adapter, bool fresh) {
    for (Norm* norm : {&attentionNorm, &mlpNorm, &queryNorm, &keyNorm, &attentionBranchNorm, &mlpBranchNorm})
        norm->bind(lora, adapter, fresh);
    for (Linear* linear : linears()) linear->bind(lora, adapter, fresh);
}

at::Tensor Block::forward(std::int64_t layer, const at::Tensor& x, const Pass& pass) const {
    const DecoderConfig& c = pass.config;
    const std::int64_t rows = x.size(0);
    const auto product = [&](const Linear& linear, const at::Tensor& in, MaskNumber which) {
        return linear.forward(in, pass.adapted, layerMask(pass.key, layer, which, pass.adapted ? pass.loraDropout : 0));
    };
    const auto branch = [&](const at::Tensor& y, const Norm& norm, MaskNumber which) {
        return droppedPlain(norm ? norm.forward(y, pass.type, pass.adapted) : y,
                            layerMask(pass.key, layer, which, pass.residDropout));
    };

    const at::Tensor first = attentionNorm.forward(x, pass.type, pass.adapted);
    const at::Tensor heads = product(qkv, first, kQkvMask).view({rows, c.heads + 2 * c.kv_heads, c.head_dim});
    at::Tensor turning = heads.narrow(1, 0, c.heads + c.kv_heads);
    if (queryNorm)
        turning = at::cat({queryNorm.forward(turning.narrow(1, 0, c.heads), pass.type, pass.adapted),
                           keyNorm.forward(turning.narrow(1, c.heads, c.kv_heads), pass.type, pass.adapted)},
                          1);
    const at::Tensor turned = rotated(turning, layer, pass);
    const at::Tensor q = turned.narrow(1, 0, c.heads), k = turned.narrow(1, c.heads, c.kv_heads),
                     v = heads.narrow(1, c.heads + c.kv_heads, c.kv_heads);
    pass.attention.store(layer, k, v);
    const at::Tensor y =
        x + branch(product(out, pass.attention.forward(layer, q, k, v), kOutMask), attentionBranchNorm, kAttentionResidual);

    const at::Tensor wide = product(up, c.parallel ? first : mlpNorm.forward(y, pass.type, pass.adapted), kUpMask);
    return y + branch(product(down, activated(c, wide), kDownMask), mlpBranchNorm, kMlpResidual);
}

} // namespace engine::device
