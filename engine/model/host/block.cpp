// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/host/block.h"
#include "engine/architecture/tensors.h"
#include "engine/model/dropout_masks.h"
#include "engine/model/host/weights.h"

#include <ATen/Functions.h>

namespace engine::host {

namespace {

float* floats(const at::Tensor& t) {
    return t.defined() ? t.data_ptr<float>() : nullptr;
}

/// y = dropout(y).
void dropInPlace(const at::Tensor& y, std::int64_t width, const kernels::Mask& mask) {
    if (mask.rate == 0) return;
    forRows(y.size(0), width, [&](std::int64_t begin, std::int64_t end) {
        kernels::Mask rows = mask;
        rows.firstRow += begin;
        kernels::dropout(rowsOf(y, begin), end - begin, width, rows, rowsOf(y, begin));
    });
}

void addTo(at::Tensor& x, const at::Tensor& y) {
    const std::int64_t width = x.size(1);
    forRows(x.size(0), width, [&](std::int64_t begin, std::int64_t end) {
        kernels::addRows(floats(x) + begin * width, rowsOf(y, begin), end - begin, width);
    });
}

at::Tensor cast(const at::Tensor& x, at::ScalarType type) {
    at::Tensor out = at::empty(x.sizes(), x.options().dtype(type));
    const std::int64_t width = x.size(1);
    forRows(x.size(0), width, [&](std::int64_t begin, std::int64_t end) {
        kernels::castRows(floats(x) + begin * width, end - begin, width, rowsOf(out, begin));
    });
    return out;
}

void rotate(std::int64_t layer, at::Tensor& qkv, const Pass& pass, int direction) {
    const DecoderConfig& c = pass.config;
    const int which = c.kind(layer).rotary;
    if (which < 0) return;
    const RotaryTable& table = pass.rotary[static_cast<std::size_t>(which)];
    const std::int64_t heads = c.heads + c.kv_heads, dims = 2 * table.cos.size(1);
    forRows(qkv.size(0), heads * dims, [&](std::int64_t begin, std::int64_t end) {
        kernels::rotate(rowsOf(qkv, begin), pass.positions.const_data_ptr<std::int32_t>() + begin, end - begin, heads, c.head_dim,
                        dims, floats(table.cos), floats(table.sin), direction);
    });
}

/// What a branch adds, of the output y of its last product (used up where that need not be kept): the norm after it, then
/// dropout. rstd: see Norm.
at::Tensor finished(const Norm& norm, const at::Tensor& y, bool keeps, const at::Tensor& rstd, const kernels::Mask& mask) {
    const at::Tensor branch = norm && keeps ? y.clone() : y;
    if (norm) norm.forwardInPlace(branch, 0, 1, rstd);
    dropInPlace(branch, branch.size(1), mask);
    return branch;
}

} // namespace

Block::Block(const ModelReader& reader, std::int64_t layer) {
    const DecoderConfig& c = reader.config();
    const auto norm = [&](const ModuleName& module, std::int64_t size) { return Norm(reader, layerPath(layer, module), size); };
    attentionNorm = norm(c.attentionNorm, c.hidden_size);
    mlpNorm = norm(c.mlpNorm, c.hidden_size);
    queryNorm = norm(c.queryNorm, c.head_dim);
    keyNorm = norm(c.keyNorm, c.head_dim);
    attentionBranchNorm = norm(c.attentionBranchNorm, c.hidden_size);
    mlpBranchNorm = norm(c.mlpBranchNorm, c.hidden_size);
    const LayerParts parts = reader.layer(layer);
    qkv = readLinear(reader, parts.qkv);
    out = readLinear(reader, parts.out);
    up = readLinear(reader, parts.up);
    down = readLinear(reader, parts.down);
}

void Block::bind(Lora* adapter, bool fresh) {
    for (Linear* linear : linears()) linear->bind(adapter, fresh);
    for (Norm* norm : {&attentionNorm, &mlpNorm, &queryNorm, &keyNorm, &attentionBranchNorm, &mlpBranchNorm})
        norm->bind(adapter, fresh);
}

void Block::refresh() {
    for (Linear* linear : linears()) linear->refresh();
}

at::Tensor Block::room(std::int64_t rows, std::int64_t columns) const {
    return at::empty({rows, columns}, at::TensorOptions(qkv.type()));
}

at::Tensor Block::activated(const DecoderConfig& c, const at::Tensor& upRows) const {
    const std::int64_t width = c.intermediate_size;
    const bool gated = c.gated();
    at::Tensor m = room(upRows.size(0), width);
    forRows(upRows.size(0), 2 * width, [&](std::int64_t begin, std::int64_t end) {
        kernels::activate(c.activation, gated, rowsOf(upRows, begin), end - begin, width, rowsOf(m, begin));
    });
    return m;
}

void Block::normHeads(const DecoderConfig& c, LayerTape& t, bool keeps) const {
    if (!queryNorm) return;
    if (keeps) {
        t.heads = t.qkv.narrow(1, 0, c.queryWidth() + c.keyWidth()).clone();
        t.headRstd = at::empty({t.qkv.size(0), c.heads + c.kv_heads}, at::kFloat);
    }
    const auto part = [&](std::int64_t begin, std::int64_t count) {
        return keeps ? t.headRstd.narrow(1, begin, count) : at::Tensor();
    };
    queryNorm.forwardInPlace(t.qkv, 0, c.heads, part(0, c.heads));
    keyNorm.forwardInPlace(t.qkv, c.queryWidth(), c.kv_heads, part(c.heads, c.kv_heads));
}

void Block::forward(std::int64_t layer, at::Tensor& x, const Pass& pass, LayerTape* tape, const RowsRead* read) const {
    const DecoderConfig& c = pass.config;
    const std::int64_t rows = x.size(0);
    LayerTape local;
    LayerTape& t = tape ? *tape : local;
    const auto perRow = [&](std::int64_t columns) { return tape ? at::empty({rows, columns}, at::kFloat) : at::Tensor(); };
    const auto drop = [&](MaskNumber which) { return layerMask(pass.key, layer, which, pass.adapted ? pass.loraDropout : 0); };
    const auto addBranch = [&](const at::Tensor& y, const Norm& norm, at::Tensor& kept, at::Tensor& rstd, MaskNumber which) {
        if (norm) rstd = perRow(1);
        if (norm && tape) kept = y;
        const at::Tensor branch = finished(norm, y, tape != nullptr, rstd, layerMask(pass.key, layer, which, pass.residDropout));
        addTo(x, branch);
        return branch;
    };

    if (tape) {
        t.x1 = x;
        x = x.clone();
    }
    at::Tensor normed = room(rows, c.hidden_size);
    attentionNorm.forward(x, normed, tape ? &t.moments1 : nullptr, pass.adapted);
    t.qkv = qkv.forward(normed, pass.adapted, drop(kQkvMask), t.qkvLow);
    normHeads(c, t, tape != nullptr);
    rotate(layer, t.qkv, pass, 1);
    if (pass.storesKeys) pass.attention.store(layer, t.qkv);
    if (read) {
        x = at::index_select(x, 0, read->index);
        if (x.size(0) == 0) return;
        normed = c.parallel ? at::index_select(normed, 0, read->index) : room(x.size(0), c.hidden_size);
    }
    t.attention = room(x.size(0), out.in());
    t.lse = perRow(c.heads);
    (read ? read->attention : pass.attention).forward(layer, t.qkv, t.attention, t.lse);
    if (!tape) t.qkv = at::Tensor();
    {
        const at::Tensor branch = addBranch(out.forward(t.attention, pass.adapted, drop(kOutMask), t.outLow), attentionBranchNorm,
                                            t.attentionOut, t.attentionRstd, kAttentionResidual);
        if (tape && !c.parallel && !attentionBranchNorm) t.branch = branch;
    }
    if (!c.parallel) mlpNorm.forward(x, normed, tape ? &t.moments2 : nullptr, pass.adapted);
    t.up = up.forward(normed, pass.adapted, drop(kUpMask), t.upLow);
    addBranch(down.forward(activated(c, t.up), pass.adapted, drop(kDownMask), t.downLow), mlpBranchNorm, t.mlpOut, t.mlpRstd,
              kMlpResidual);
}

void Block::backward(std::int64_t layer, at::Tensor& dx, const Pass& pass, LayerTape& t, bool needInput) {
    const DecoderConfig& c = pass.config;
    const auto drop = [&](MaskNumber which) { return layerMask(pass.key, layer, which, pass.loraDropout); };
    const auto residual = [&](MaskNumber which) { return layerMask(pass.key, layer, which, pass.residDropout); };
    /// The gradient of a branch's last product.
    const auto branch = [&](const Norm& norm, const at::Tensor& kept, const at::Tensor& rstd, MaskNumber which) {
        const at::Tensor dy = cast(dx, qkv.type());
        dropInPlace(dy, c.hidden_size, residual(which));
        if (norm) norm.backwardInPlace(kept, 0, 1, rstd, dy);
        return dy;
    };
    const auto attentionBranch = [&] { return branch(attentionBranchNorm, t.attentionOut, t.attentionRstd, kAttentionResidual); };
    // Parallel branches both start from dx as it came in, so it may only be added to once both have read it.
    const at::Tensor dyAttention = c.parallel ? attentionBranch() : at::Tensor();

    // Cheaper computed again than kept: what the adapted layers read.
    const auto normedAgain = [&](const Norm& norm, const at::Tensor& x) {
        at::Tensor y = room(x.size(0), c.hidden_size);
        norm.forward(x, y, nullptr, true);
        return y;
    };
    const at::Tensor read1 = qkv.isAdapted() || (c.parallel && up.isAdapted()) ? normedAgain(attentionNorm, t.x1) : at::Tensor();
    at::Tensor x2; // what the second norm read
    if (!c.parallel) {
        x2 = t.x1.clone();
        addTo(x2, attentionBranchNorm ? finished(attentionBranchNorm, t.attentionOut, true, {}, residual(kAttentionResidual))
                                      : t.branch);
        t.branch = at::Tensor();
    }
    const auto readByUp = [&] { return c.parallel ? read1 : up.isAdapted() ? normedAgain(mlpNorm, x2) : at::Tensor(); };

    const at::Tensor dm = down.backward(branch(mlpBranchNorm, t.mlpOut, t.mlpRstd, kMlpResidual),
                                        down.isAdapted() ? activated(c, t.up) : at::Tensor(), t.downLow, drop(kDownMask), true);
    t.mlpOut = at::Tensor();
    forRows(t.up.size(0), 2 * c.intermediate_size, [&, gated = c.gated()](std::int64_t begin, std::int64_t end) {
        kernels::activateBackward(c.activation, gated, rowsOf(t.up, begin), end - begin, c.intermediate_size, rowsOf(dm, begin));
    });
    const bool needNorm = needInput || attentionNorm.isTrained();
    const at::Tensor dUpIn = up.backward(t.up, readByUp(), t.upLow, drop(kUpMask), !c.parallel || needNorm);
    t.up = at::Tensor();
    if (!c.parallel) {
        mlpNorm.backward(x2, t.moments2, dUpIn, dx);
        x2 = at::Tensor();
    }

    const at::Tensor dAttention =
        out.backward(c.parallel ? dyAttention : attentionBranch(), t.attention, t.outLow, drop(kOutMask), true);
    at::Tensor dqkv = at::empty_like(t.qkv);
    pass.attention.backward(layer, t.qkv, t.attention, t.lse, dAttention, dqkv);
    rotate(layer, dqkv, pass, -1);
    if (queryNorm) {
        queryNorm.backwardInPlace(t.heads, 0, c.heads, t.headRstd.narrow(1, 0, c.heads), dqkv);
        keyNorm.backwardInPlace(t.heads, c.queryWidth(), c.kv_heads, t.headRstd.narrow(1, c.heads, c.kv_heads), dqkv);
    }
    const at::Tensor dQkvIn = qkv.backward(dqkv, read1, t.qkvLow, drop(kQkvMask), needNorm);
    if (needNorm) {
        if (c.parallel) attentionNorm.backward(t.x1, t.moments1, dUpIn, dx);
        attentionNorm.backward(t.x1, t.moments1, dQkvIn, dx);
    }
    t = LayerTape();
}

} // namespace engine::host
