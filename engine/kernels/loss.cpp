// SPDX-License-Identifier: GPL-3.0-or-later
// Cross entropy over rows of logits.
#include "engine/kernels/kernels.h"

#include <algorithm>
#include <cmath>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/loss.cpp"
#include <hwy/foreach_target.h>

#include "engine/kernels/vectors-inl.h"
#include <hwy/contrib/math/math-inl.h>

HWY_BEFORE_NAMESPACE();
namespace engine::kernels::HWY_NAMESPACE {

template <class T> float maxOf(const T* row, std::size_t n) {
    const hn::ScalableTag<float> d;
    const std::size_t lanes = hn::Lanes(d);
    auto best = hn::Set(d, -3.0e38f);
    std::size_t i = 0;
    for (; i + lanes <= n; i += lanes) best = hn::Max(best, load(d, row + i));
    float top = hn::GetLane(hn::MaxOfLanes(d, best));
    const hn::CappedTag<float, 1> one;
    for (; i < n; ++i) top = std::max(top, hn::GetLane(load(one, row + i)));
    return top;
}

template <class T> float lseOf(const T* row, std::size_t n) {
    const float top = maxOf(row, n);
    // Blocks keep float sums accurate over a vocabulary.
    double sum = 0;
    for (std::size_t begin = 0; begin < n; begin += 4096) {
        const T* block = row + begin;
        sum += sumEach(std::min<std::size_t>(4096, n - begin),
                       [&](auto d, std::size_t i) HWY_ATTR { return hn::Exp(d, hn::Sub(load(d, block + i), hn::Set(d, top))); });
    }
    return top + static_cast<float>(std::log(sum));
}

template <class T> void LogSumExpOf(const T* logits, std::int64_t stride, std::int64_t rows, std::int64_t width, float* out) {
    for (std::int64_t row = 0; row < rows; ++row, logits += stride) out[row] = lseOf(logits, static_cast<std::size_t>(width));
}

void LogSumExp(Rows logits, std::int64_t rows, std::int64_t width, float* out) {
    if (logits.type == Scalar::F32)
        LogSumExpOf(static_cast<const float*>(logits.data), logits.stride, rows, width, out);
    else
        LogSumExpOf(static_cast<const Bf16*>(logits.data), logits.stride, rows, width, out);
}

template <class T>
void LikeliestOf(const T* logits, std::int64_t stride, std::int64_t rows, std::int64_t width, std::int32_t* out) {
    const hn::CappedTag<float, 1> one;
    for (std::int64_t row = 0; row < rows; ++row, logits += stride) {
        // Blocks, so that the place is looked for in one of them only.
        constexpr std::int64_t kBlock = 1024;
        float top = 0;
        std::int64_t best = -1;
        for (std::int64_t begin = 0; begin < width; begin += kBlock) {
            const float here = maxOf(logits + begin, static_cast<std::size_t>(std::min(kBlock, width - begin)));
            if (best >= 0 && !(here > top)) continue;
            top = here;
            best = begin;
        }
        std::int64_t at = best;
        while (at < width && hn::GetLane(load(one, logits + at)) != top) ++at;
        out[row] = at < width ? static_cast<std::int32_t>(at) : 0;
    }
}

void Likeliest(Rows logits, std::int64_t rows, std::int64_t width, std::int32_t* out) {
    if (logits.type == Scalar::F32)
        LikeliestOf(static_cast<const float*>(logits.data), logits.stride, rows, width, out);
    else
        LikeliestOf(static_cast<const Bf16*>(logits.data), logits.stride, rows, width, out);
}

template <class T>
double CrossEntropyOf(T* logits, std::int64_t stride, const Targets& targets, std::int64_t rows, std::int64_t width,
                      bool gradient) {
    const auto n = static_cast<std::size_t>(width);
    const hn::CappedTag<float, 1> one;
    double total = 0;
    for (std::int64_t row = 0; row < rows; ++row, logits += stride) {
        const float lse = lseOf(logits, n);
        float whole = 0;
        for (std::int64_t t = targets.begin[row]; t < targets.begin[row + 1]; ++t) {
            const float loss = lse - hn::GetLane(load(one, logits + targets.tokens[t]));
            targets.losses[t] = loss;
            whole += targets.weights[t];
            total += static_cast<double>(targets.weights[t]) * static_cast<double>(loss);
        }
        if (!gradient) continue;
        forEach(n, [&](auto d, std::size_t i) HWY_ATTR {
            store(d, hn::Mul(hn::Exp(d, hn::Sub(load(d, logits + i), hn::Set(d, lse))), hn::Set(d, whole)), logits + i);
        });
        for (std::int64_t t = targets.begin[row]; t < targets.begin[row + 1]; ++t)
            store(one, hn::Set(one, whole * std::exp(-targets.losses[t]) - targets.weights[t]), logits + targets.tokens[t]);
    }
    return total;
}

double CrossEntropy(Rows logits, const Targets& targets, std::int64_t rows, std::int64_t width, bool gradient) {
    if (logits.type == Scalar::F32)
        return CrossEntropyOf(static_cast<float*>(logits.data), logits.stride, targets, rows, width, gradient);
    return CrossEntropyOf(static_cast<Bf16*>(logits.data), logits.stride, targets, rows, width, gradient);
}

float Dot(const void* a, const void* b, std::int64_t width, Scalar type) {
    const auto n = static_cast<std::size_t>(width);
    if (type == Scalar::F32) {
        const auto *x = static_cast<const float*>(a), *y = static_cast<const float*>(b);
        return sumEach(n, [&](auto d, std::size_t i) HWY_ATTR { return hn::Mul(load(d, x + i), load(d, y + i)); });
    }
    const auto *x = static_cast<const Bf16*>(a), *y = static_cast<const Bf16*>(b);
    return sumEach(n, [&](auto d, std::size_t i) HWY_ATTR { return hn::Mul(load(d, x + i), load(d, y + i)); });
}

} // namespace engine::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace engine::kernels {

HWY_EXPORT(LogSumExp);
HWY_EXPORT(CrossEntropy);
HWY_EXPORT(Likeliest);
HWY_EXPORT(Dot);

void logSumExp(Rows logits, std::int64_t rows, std::int64_t width, float* out) {
    HWY_DYNAMIC_DISPATCH(LogSumExp)(logits, rows, width, out);
}
double crossEntropy(Rows logits, const Targets& targets, std::int64_t rows, std::int64_t width, bool gradient) {
    return HWY_DYNAMIC_DISPATCH(CrossEntropy)(logits, targets, rows, width, gradient);
}
void likeliest(Rows logits, std::int64_t rows, std::int64_t width, std::int32_t* out) {
    HWY_DYNAMIC_DISPATCH(Likeliest)(logits, rows, width, out);
}
float dot(const void* a, const void* b, std::int64_t width, Scalar type) {
    return HWY_DYNAMIC_DISPATCH(Dot)(a, b, width, type);
}

} // namespace engine::kernels
#endif
