// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/block.h"
#include "engine/model/dropout_masks.h"

#include <ATen/Functions.h>

namespace engine {

namespace {

float* floats(const at::Tensor& t) {
    return t.defined() ? t.data_ptr<float>() : nullptr;
}

/// y = dropout(y).
void dropInPlace(at::Tensor& y, std::int64_t width, const kernels::Mask& mask) {
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

void rotate(at::Tensor& qkv, const Pass& pass, int direction) {
    const DecoderConfig& c = pass.config;
    const std::int64_t heads = c.heads + c.kv_heads, dims = c.rotary.front().dims;
    forRows(qkv.size(0), heads * dims, [&](std::int64_t begin, std::int64_t end) {
        kernels::rotate(rowsOf(qkv, begin), pass.positions.const_data_ptr<std::int32_t>() + begin, end - begin, heads, c.head_dim,
                        dims, floats(pass.cosTable), floats(pass.sinTable), direction);
    });
}

void activate(const DecoderConfig& c, const at::Tensor& up, at::Tensor& m) {
    const std::int64_t width = c.intermediate_size;
    const bool gated = c.gated();
    forRows(up.size(0), 2 * width, [&](std::int64_t begin, std::int64_t end) {
        kernels::activate(c.activation, gated, rowsOf(up, begin), end - begin, width, rowsOf(m, begin));
    });
}
/// `up` becomes its gradient.
void activateBackward(const DecoderConfig& c, at::Tensor& up, const at::Tensor& dm) {
    const std::int64_t width = c.intermediate_size;
    const bool gated = c.gated();
    forRows(up.size(0), 2 * width, [&](std::int64_t begin, std::int64_t end) {
        kernels::activateBackward(c.activation, gated, rowsOf(up, begin), end - begin, width, rowsOf(dm, begin));
    });
}

} // namespace

kernels::Mask Pass::mask(std::int64_t layer, int which, double rate) const {
    return layerMask(key, layer, which, rate);
}

void Norm::bind(Lora* adapter) {
    if (!frozenBias.defined()) frozenBias = bias;
    trained = nullptr;
    bias = frozenBias;
    if (!adapter || !frozenBias.defined()) return;
    for (Lora::Bias& b : adapter->biasTerms())
        if (b.name == biasName) trained = &b;
    if (trained) bias = trained->value;
}

void Norm::forward(const at::Tensor& x, double eps, at::Tensor& y, const at::Tensor& mean, const at::Tensor& rstd,
                   bool adapted) const {
    const std::int64_t width = x.size(1);
    const float* shift = floats(adapted ? bias : frozenBias);
    forRows(x.size(0), width, [&](std::int64_t begin, std::int64_t end) {
        kernels::normForward(floats(x) + begin * width, floats(weight), shift, static_cast<float>(eps), end - begin, width,
                             rowsOf(y, begin), mean.defined() ? floats(mean) + begin : nullptr,
                             rstd.defined() ? floats(rstd) + begin : nullptr);
    });
}

void Norm::backward(const at::Tensor& x, const at::Tensor& mean, const at::Tensor& rstd, const at::Tensor& dy,
                    at::Tensor& dx) const {
    const std::int64_t width = x.size(1);
    if (trained) trained->grad.add_(at::sum(dy.narrow(1, 0, width), {0}, false, at::kFloat));
    forRows(x.size(0), width, [&](std::int64_t begin, std::int64_t end) {
        kernels::normBackward(floats(x) + begin * width, floats(weight), bias.defined() ? floats(mean) + begin : nullptr,
                              floats(rstd) + begin, end - begin, width, rowsOf(dy, begin), floats(dx) + begin * width);
    });
}

void Block::bind(Lora* adapter) {
    for (Linear* linear : linears()) linear->bind(adapter);
    norm1.bind(adapter);
    norm2.bind(adapter);
}

void Block::refresh() {
    for (Linear* linear : linears()) linear->refresh();
}

at::Tensor Block::room(std::int64_t rows, std::int64_t columns) const {
    return at::empty({rows, columns}, at::TensorOptions(qkv.type()));
}

at::Tensor Block::activated(const DecoderConfig& config, const at::Tensor& upRows) const {
    at::Tensor m = room(upRows.size(0), config.intermediate_size);
    activate(config, upRows, m);
    return m;
}

void Block::forward(std::int64_t layer, at::Tensor& x, const Pass& pass, LayerTape* tape, const RowsRead* read) const {
    const DecoderConfig& c = pass.config;
    const std::int64_t rows = x.size(0);
    LayerTape local;
    LayerTape& t = tape ? *tape : local;
    const auto perRow = [&](std::int64_t columns) { return tape ? at::empty({rows, columns}, at::kFloat) : at::Tensor(); };
    const auto drop = [&](MaskNumber which) { return pass.mask(layer, which, pass.adapted ? pass.loraDropout : 0); };
    const auto addBranch = [&](at::Tensor y, MaskNumber which) {
        dropInPlace(y, c.hidden_size, pass.mask(layer, which, pass.residDropout));
        addTo(x, y);
        return y;
    };

    if (tape) {
        t.x1 = x;
        x = x.clone();
        t.mean1 = perRow(1);
        t.rstd1 = perRow(1);
    }
    at::Tensor normed = room(rows, c.hidden_size);
    norm1.forward(x, c.norm_eps, normed, t.mean1, t.rstd1, pass.adapted);
    t.qkv = qkv.forward(normed, pass.adapted, drop(kQkvMask), t.qkvLow);
    rotate(t.qkv, pass, 1);
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
        const at::Tensor branch = addBranch(out.forward(t.attention, pass.adapted, drop(kOutMask), t.outLow), kAttentionResidual);
        if (tape && !c.parallel) t.branch = branch;
    }
    if (!c.parallel) {
        if (tape) {
            t.mean2 = perRow(1);
            t.rstd2 = perRow(1);
        }
        norm2.forward(x, c.norm_eps, normed, t.mean2, t.rstd2, pass.adapted);
    }
    t.up = up.forward(normed, pass.adapted, drop(kUpMask), t.upLow);
    addBranch(down.forward(activated(c, t.up), pass.adapted, drop(kDownMask), t.downLow), kMlpResidual);
}

void Block::backward(std::int64_t layer, at::Tensor& dx, const Pass& pass, LayerTape& t, bool needInput) {
    const DecoderConfig& c = pass.config;
    const auto drop = [&](MaskNumber which) { return pass.mask(layer, which, pass.loraDropout); };
    const auto branch = [&](MaskNumber which) {
        at::Tensor dy = cast(dx, qkv.type());
        dropInPlace(dy, c.hidden_size, pass.mask(layer, which, pass.residDropout));
        return dy;
    };
    // Parallel branches both start from dx as it came in, so it may only be added to once both have read it.
    const at::Tensor dyAttention = c.parallel ? branch(kAttentionResidual) : at::Tensor();

    // Cheaper computed again than kept: what the adapted layers read.
    const auto normedAgain = [&](const Norm& norm, const at::Tensor& x) {
        at::Tensor y = room(x.size(0), c.hidden_size);
        norm.forward(x, c.norm_eps, y, {}, {}, true);
        return y;
    };
    const at::Tensor read1 = qkv.isAdapted() || (c.parallel && up.isAdapted()) ? normedAgain(norm1, t.x1) : at::Tensor();
    at::Tensor x2; // what the second norm read
    if (!c.parallel) {
        x2 = t.x1.clone();
        addTo(x2, t.branch);
        t.branch = at::Tensor();
    }
    const auto readByUp = [&] { return c.parallel ? read1 : up.isAdapted() ? normedAgain(norm2, x2) : at::Tensor(); };

    const at::Tensor dm = down.backward(branch(kMlpResidual), down.isAdapted() ? activated(c, t.up) : at::Tensor(), t.downLow,
                                        drop(kDownMask), true);
    activateBackward(c, t.up, dm);
    const bool needNorm = needInput || norm1.trained;
    const at::Tensor dUpIn = up.backward(t.up, readByUp(), t.upLow, drop(kUpMask), !c.parallel || needNorm);
    t.up = at::Tensor();
    if (!c.parallel) {
        norm2.backward(x2, t.mean2, t.rstd2, dUpIn, dx);
        x2 = at::Tensor();
    }

    const at::Tensor dAttention =
        out.backward(c.parallel ? dyAttention : branch(kAttentionResidual), t.attention, t.outLow, drop(kOutMask), true);
    at::Tensor dqkv = at::empty_like(t.qkv);
    pass.attention.backward(layer, t.qkv, t.attention, t.lse, dAttention, dqkv);
    rotate(dqkv, pass, -1);
    const at::Tensor dQkvIn = qkv.backward(dqkv, read1, t.qkvLow, drop(kQkvMask), needNorm);
    if (needNorm) {
        if (c.parallel) norm1.backward(t.x1, t.mean1, t.rstd1, dUpIn, dx);
        norm1.backward(t.x1, t.mean1, t.rstd1, dQkvIn, dx);
    }
    t = LayerTape();
}

} // namespace engine
