// SPDX-License-Identifier: GPL-3.0-or-later
// Attention of one node over the rows it sees, in float, softmax recomputed in the backward pass (Dao et al. 2022).
#include "engine/kernels/kernels.h"

#include <algorithm>
#include <cmath>
#include <vector>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/attention.cpp"
#include <hwy/foreach_target.h>

#include "engine/kernels/gemm-inl.h"
#include <hwy/contrib/math/math-inl.h>

HWY_BEFORE_NAMESPACE();
namespace engine::kernels::HWY_NAMESPACE {

/// Queries handled at once: their scores stay in the second-level cache.
constexpr std::int64_t kQueryRows = 64;
constexpr std::int64_t kPad = 16;
inline std::int64_t padded(std::int64_t n) {
    return (n + kPad - 1) / kPad * kPad;
}

/// Float copies of what one task reads, and room for its scores. One a thread, grown as needed.
struct Scratch {
    std::vector<float> q, dOut, keys, keysT, values, scores, dScores, tile, dk, dv;
    static float* room(std::vector<float>& v, std::int64_t n) {
        if (static_cast<std::int64_t>(v.size()) < n) v.resize(static_cast<std::size_t>(n));
        return v.data();
    }
};

template <class T> void copyRow(const T* from, float* to, std::int64_t width) {
    forEach(static_cast<std::size_t>(width), [&](auto d, std::size_t i) HWY_ATTR { hn::StoreU(load(d, from + i), d, to + i); });
}
inline void copyRow(const void* from, Scalar type, std::int64_t offset, float* to, std::int64_t width) {
    if (type == Scalar::F32)
        copyRow(static_cast<const float*>(from) + offset, to, width);
    else
        copyRow(static_cast<const Bf16*>(from) + offset, to, width);
}
inline void writeRow(const float* from, void* to, Scalar type, std::int64_t offset, std::int64_t width, float scale) {
    forEach(static_cast<std::size_t>(width), [&](auto d, std::size_t i) HWY_ATTR {
        const auto v = hn::Mul(hn::LoadU(d, from + i), hn::Set(d, scale));
        if (type == Scalar::F32)
            store(d, v, static_cast<float*>(to) + offset + i);
        else
            store(d, v, static_cast<Bf16*>(to) + offset + i);
    });
}

/// All spans' rows one after the other as [n, ld], pad columns zero; transposed as [width, ldT], pad columns zero.
inline void gather(const AttentionTask& task, bool values, std::int64_t ld, float* out) {
    for (std::int64_t s = 0; s < task.spanCount; ++s) {
        const KeySpan& span = task.spans[s];
        for (std::int64_t r = 0; r < span.rows; ++r, out += ld) {
            copyRow(values ? span.values : span.keys, span.type, r * span.stride, out, task.headDim);
            std::fill(out + task.headDim, out + ld, 0.0f);
        }
    }
}
inline void transpose(const float* in, std::int64_t rows, std::int64_t ld, std::int64_t width, float* out, std::int64_t ldT) {
    for (std::int64_t begin = 0; begin < rows; begin += 16)
        for (std::int64_t c = 0; c < width; ++c)
            for (std::int64_t r = begin; r < std::min(rows, begin + 16); ++r) out[c * ldT + r] = in[r * ld + c];
    for (std::int64_t c = 0; c < width; ++c) std::fill(out + c * ldT + rows, out + c * ldT + ldT, 0.0f);
}

/// Query rows [begin, begin + count) of every group, group after group: [groups * count, ld].
inline void gatherQueries(const AttentionTask& task, const void* data, std::int64_t stride, std::int64_t begin,
                          std::int64_t count, std::int64_t ld, float* out) {
    for (std::int64_t g = 0; g < task.groups; ++g)
        for (std::int64_t i = 0; i < count; ++i, out += ld) {
            copyRow(data, task.type, (begin + i) * stride + g * task.headDim, out, task.headDim);
            std::fill(out + task.headDim, out + ld, 0.0f);
        }
}

inline std::int64_t keyCount(const AttentionTask& task) {
    std::int64_t n = 0;
    for (std::int64_t s = 0; s < task.spanCount; ++s) n += task.spans[s].rows;
    return n;
}

/// The first key that a query sees whose own is the last before `end`.
inline std::int64_t firstSeen(const AttentionTask& task, std::int64_t end) {
    return task.window > 0 ? std::max<std::int64_t>(0, end - task.window) : 0;
}

/// Softmax of the first n scores times `scale`; gives their log-sum-exp.
inline float softmax(float* s, std::size_t n, float scale) {
    float top = s[0];
    for (std::size_t j = 1; j < n; ++j) top = std::max(top, s[j]);
    forEach(n, [&](auto d, std::size_t j) HWY_ATTR {
        hn::StoreU(hn::Exp(d, hn::Mul(hn::Sub(hn::LoadU(d, s + j), hn::Set(d, top)), hn::Set(d, scale))), d, s + j);
    });
    const float sum = sumEach(n, [&](auto d, std::size_t j) HWY_ATTR { return hn::LoadU(d, s + j); });
    forEach(n,
            [&](auto d, std::size_t j) HWY_ATTR { hn::StoreU(hn::Mul(hn::LoadU(d, s + j), hn::Set(d, 1.0f / sum)), d, s + j); });
    return top * scale + std::log(sum);
}

template <class T> void scoresOfOne(const KeySpan& span, const float* q, std::int64_t width, float* scores) {
    const T* key = static_cast<const T*>(span.keys);
    for (std::int64_t r = 0; r < span.rows; ++r, key += span.stride)
        scores[r] = sumEach(static_cast<std::size_t>(width),
                            [&](auto d, std::size_t i) HWY_ATTR { return hn::Mul(hn::LoadU(d, q + i), load(d, key + i)); });
}

/// out += the span's values, each times its p.
template <class T> void addValuesOfOne(const KeySpan& span, const float* p, std::int64_t width, float* out) {
    const std::int64_t stride = span.stride;
    forEach(static_cast<std::size_t>(width), [&](auto d, std::size_t i) HWY_ATTR {
        const T* value = static_cast<const T*>(span.values) + i;
        auto sum0 = hn::LoadU(d, out + i), sum1 = hn::Zero(d), sum2 = hn::Zero(d), sum3 = hn::Zero(d);
        std::int64_t r = 0;
        for (; r + 4 <= span.rows; r += 4, value += 4 * stride) {
            sum0 = hn::MulAdd(hn::Set(d, p[r]), load(d, value), sum0);
            sum1 = hn::MulAdd(hn::Set(d, p[r + 1]), load(d, value + stride), sum1);
            sum2 = hn::MulAdd(hn::Set(d, p[r + 2]), load(d, value + 2 * stride), sum2);
            sum3 = hn::MulAdd(hn::Set(d, p[r + 3]), load(d, value + 3 * stride), sum3);
        }
        for (; r < span.rows; ++r, value += stride) sum0 = hn::MulAdd(hn::Set(d, p[r]), load(d, value), sum0);
        hn::StoreU(hn::Add(hn::Add(sum0, sum1), hn::Add(sum2, sum3)), d, out + i);
    });
}

/// One query row: keys and values are read where they lie.
inline void attendOne(const AttentionTask& task, Scratch& scratch, std::int64_t keys) {
    float* q = Scratch::room(scratch.q, task.headDim);
    float* scores = Scratch::room(scratch.scores, keys);
    float* out = Scratch::room(scratch.tile, task.headDim);
    for (std::int64_t g = 0; g < task.groups; ++g) {
        copyRow(task.q, task.type, g * task.headDim, q, task.headDim);
        float* s = scores;
        for (std::int64_t i = 0; i < task.spanCount; s += task.spans[i].rows, ++i)
            (task.spans[i].type == Scalar::F32 ? scoresOfOne<float> : scoresOfOne<Bf16>)(task.spans[i], q, task.headDim, s);
        const float lse = softmax(scores, static_cast<std::size_t>(keys), task.scale);
        if (task.lse) task.lse[g] = lse;
        std::fill(out, out + task.headDim, 0.0f);
        s = scores;
        for (std::int64_t i = 0; i < task.spanCount; s += task.spans[i].rows, ++i)
            (task.spans[i].type == Scalar::F32 ? addValuesOfOne<float> : addValuesOfOne<Bf16>)(task.spans[i], s, task.headDim,
                                                                                               out);
        writeRow(out, task.out, task.type, g * task.headDim, task.headDim, 1.0f);
    }
}

void AttentionForward(const AttentionTask& task) {
    static thread_local Scratch scratch;
    if (task.qRows == 1) return attendOne(task, scratch, keyCount(task));
    const std::int64_t keys = keyCount(task), before = keys - task.qRows;
    const std::int64_t ld = padded(task.headDim), ldT = padded(keys);
    float* k = Scratch::room(scratch.keys, keys * ld);
    float* kT = Scratch::room(scratch.keysT, task.headDim * ldT);
    float* v = Scratch::room(scratch.values, keys * ld);
    gather(task, false, ld, k);
    transpose(k, keys, ld, task.headDim, kT, ldT);
    gather(task, true, ld, v);
    for (std::int64_t begin = 0; begin < task.qRows; begin += kQueryRows) {
        const std::int64_t count = std::min(kQueryRows, task.qRows - begin), rows = count * task.groups;
        const std::int64_t seen = before + begin + count, seenPad = padded(seen);
        float* q = Scratch::room(scratch.q, rows * ld);
        float* scores = Scratch::room(scratch.scores, rows * seenPad);
        float* out = Scratch::room(scratch.tile, rows * ld);
        gatherQueries(task, task.q, task.qStride, begin, count, ld, q);
        gemm(rows, seenPad, task.headDim, q, ld, 1, kT, ldT, scores, seenPad, false);
        for (std::int64_t row = 0; row < rows; ++row) {
            const std::int64_t i = begin + row % count, g = row / count;
            const std::int64_t end = before + i + 1, first = firstSeen(task, end);
            float* s = scores + row * seenPad;
            const float lse = softmax(s + first, static_cast<std::size_t>(end - first), task.scale);
            std::fill(s, s + first, 0.0f);
            std::fill(s + end, s + seenPad, 0.0f);
            if (task.lse) task.lse[i * task.lseStride + g] = lse;
        }
        gemm(rows, ld, seen, scores, seenPad, 1, v, ld, out, ld, false);
        for (std::int64_t row = 0; row < rows; ++row)
            writeRow(out + row * ld, task.out, task.type, (begin + row % count) * task.outStride + row / count * task.headDim,
                     task.headDim, 1.0f);
    }
}

void AttentionBackward(const AttentionTask& task, const AttentionGradient& gradient) {
    static thread_local Scratch scratch;
    const std::int64_t keys = keyCount(task), before = keys - task.qRows;
    const std::int64_t ld = padded(task.headDim), ldT = padded(keys);
    float* k = Scratch::room(scratch.keys, keys * ld);
    float* kT = Scratch::room(scratch.keysT, task.headDim * ldT);
    float* vT = Scratch::room(scratch.values, std::max(keys * ld, task.headDim * ldT));
    float* dk = Scratch::room(scratch.dk, keys * ld);
    float* dv = Scratch::room(scratch.dv, keys * ld);
    gather(task, true, ld, k);
    transpose(k, keys, ld, task.headDim, vT, ldT);
    gather(task, false, ld, k);
    transpose(k, keys, ld, task.headDim, kT, ldT);
    std::fill(dk, dk + keys * ld, 0.0f);
    std::fill(dv, dv + keys * ld, 0.0f);
    for (std::int64_t begin = 0; begin < task.qRows; begin += kQueryRows) {
        const std::int64_t count = std::min(kQueryRows, task.qRows - begin), rows = count * task.groups;
        const std::int64_t seen = before + begin + count, seenPad = padded(seen);
        float* q = Scratch::room(scratch.q, rows * ld);
        float* dOut = Scratch::room(scratch.dOut, rows * ld);
        float* p = Scratch::room(scratch.scores, rows * seenPad);
        float* ds = Scratch::room(scratch.dScores, rows * seenPad);
        float* tile = Scratch::room(scratch.tile, rows * ld);
        gatherQueries(task, task.q, task.qStride, begin, count, ld, q);
        gatherQueries(task, gradient.dOut, gradient.dOutStride, begin, count, ld, dOut);
        gatherQueries(task, task.out, task.outStride, begin, count, ld, tile);
        gemm(rows, seenPad, task.headDim, q, ld, 1, kT, ldT, p, seenPad, false);
        gemm(rows, seenPad, task.headDim, dOut, ld, 1, vT, ldT, ds, seenPad, false);
        for (std::int64_t row = 0; row < rows; ++row) {
            const std::int64_t i = begin + row % count, g = row / count;
            const std::int64_t end = before + i + 1, first = firstSeen(task, end);
            float *pr = p + row * seenPad, *dr = ds + row * seenPad;
            std::fill(pr, pr + first, 0.0f);
            std::fill(dr, dr + first, 0.0f);
            const float *o = tile + row * ld, *dO = dOut + row * ld;
            const float delta = sumEach(static_cast<std::size_t>(task.headDim), [&](auto d, std::size_t j) HWY_ATTR {
                return hn::Mul(hn::LoadU(d, o + j), hn::LoadU(d, dO + j));
            });
            const float lse = task.lse[i * task.lseStride + g], scale = task.scale;
            float *seenP = pr + first, *seenD = dr + first;
            forEach(static_cast<std::size_t>(end - first), [&](auto d, std::size_t j) HWY_ATTR {
                const auto prob = hn::Exp(d, hn::MulSub(hn::LoadU(d, seenP + j), hn::Set(d, scale), hn::Set(d, lse)));
                hn::StoreU(prob, d, seenP + j);
                hn::StoreU(hn::Mul(prob, hn::Mul(hn::Sub(hn::LoadU(d, seenD + j), hn::Set(d, delta)), hn::Set(d, scale))), d,
                           seenD + j);
            });
            std::fill(pr + end, pr + seenPad, 0.0f);
            std::fill(dr + end, dr + seenPad, 0.0f);
        }
        gemm(rows, ld, seen, ds, seenPad, 1, k, ld, tile, ld, false);
        for (std::int64_t row = 0; row < rows; ++row)
            writeRow(tile + row * ld, gradient.dq, task.type,
                     (begin + row % count) * gradient.dqStride + row / count * task.headDim, task.headDim, 1.0f);
        gemm(seen, ld, rows, ds, 1, seenPad, q, ld, dk, ld, true);
        gemm(seen, ld, rows, p, 1, seenPad, dOut, ld, dv, ld, true);
    }
    std::int64_t at = 0;
    for (std::int64_t s = 0; s < task.spanCount; at += task.spans[s].rows, ++s) {
        const KeySpan& span = task.spans[s];
        if (span.firstRow < 0) continue;
        for (std::int64_t r = 0; r < span.rows; ++r)
            for (int which = 0; which < 2; ++which) {
                float* to = (which ? gradient.dv : gradient.dk) + (span.firstRow + r) * gradient.dkvStride;
                const float* from = (which ? dv : dk) + (at + r) * ld;
                forEach(static_cast<std::size_t>(task.headDim), [&](auto d, std::size_t i) HWY_ATTR {
                    hn::StoreU(hn::Add(hn::LoadU(d, to + i), hn::LoadU(d, from + i)), d, to + i);
                });
            }
    }
}

} // namespace engine::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace engine::kernels {

HWY_EXPORT(AttentionForward);
HWY_EXPORT(AttentionBackward);

void attentionForward(const AttentionTask& task) {
    HWY_DYNAMIC_DISPATCH(AttentionForward)(task);
}
void attentionBackward(const AttentionTask& task, const AttentionGradient& gradient) {
    HWY_DYNAMIC_DISPATCH(AttentionBackward)(task, gradient);
}

} // namespace engine::kernels
#endif
