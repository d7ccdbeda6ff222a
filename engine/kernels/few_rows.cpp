// SPDX-License-Identifier: GPL-3.0-or-later
// Products of a few rows with a large matrix: bound by how fast the weights are read.
#include "engine/kernels/kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/few_rows.cpp"
#include <hwy/foreach_target.h>

#include "engine/kernels/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace engine::kernels::HWY_NAMESPACE {

inline void addTo(Rows y, std::int64_t row, std::int64_t column, float value) {
    const hn::CappedTag<float, 1> one;
    if (y.type == Scalar::F32) {
        static_cast<float*>(y.data)[row * y.stride + column] += value;
    } else {
        Bf16* at = static_cast<Bf16*>(y.data) + row * y.stride + column;
        store(one, hn::Add(load(one, at), hn::Set(one, value)), at);
    }
}

template <int kCount, class T>
void FewRowsOf(const float* x, std::int64_t depth, const T* w, std::int64_t stride, std::int64_t rows, Rows y) {
    const hn::ScalableTag<float> d;
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
    for (std::int64_t o = 0; o < rows; ++o, w += stride) {
        hn::Vec<decltype(d)> sums[kCount][2];
        for (int n = 0; n < kCount; ++n) sums[n][0] = sums[n][1] = hn::Zero(d);
        std::int64_t k = 0;
        for (; k + 2 * lanes <= depth; k += 2 * lanes) {
            const auto w0 = load(d, w + k), w1 = load(d, w + k + lanes);
            for (int n = 0; n < kCount; ++n) {
                sums[n][0] = hn::MulAdd(hn::LoadU(d, x + n * depth + k), w0, sums[n][0]);
                sums[n][1] = hn::MulAdd(hn::LoadU(d, x + n * depth + k + lanes), w1, sums[n][1]);
            }
        }
        for (int n = 0; n < kCount; ++n) {
            float sum = hn::GetLane(hn::SumOfLanes(d, hn::Add(sums[n][0], sums[n][1])));
            const hn::CappedTag<float, 1> one;
            for (std::int64_t rest = k; rest < depth; ++rest) sum += x[n * depth + rest] * hn::GetLane(load(one, w + rest));
            addTo(y, n, o, sum);
        }
    }
}

template <class T>
void FewRowsAny(const float* x, std::int64_t count, std::int64_t depth, const T* w, std::int64_t stride, std::int64_t rows, Rows y) {
    if (count == 1) FewRowsOf<1>(x, depth, w, stride, rows, y);
    else if (count == 2) FewRowsOf<2>(x, depth, w, stride, rows, y);
    else if (count == 3) FewRowsOf<3>(x, depth, w, stride, rows, y);
    else FewRowsOf<4>(x, depth, w, stride, rows, y);
}

void MultiplyFewRows(const float* x, std::int64_t count, std::int64_t depth, Rows w, std::int64_t rows, Rows y) {
    if (w.type == Scalar::F32) FewRowsAny(x, count, depth, static_cast<const float*>(w.data), w.stride, rows, y);
    else FewRowsAny(x, count, depth, static_cast<const Bf16*>(w.data), w.stride, rows, y);
}

} // namespace engine::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace engine::kernels {

HWY_EXPORT(MultiplyFewRows);

void multiplyFewRows(const float* x, std::int64_t count, std::int64_t depth, Rows w, std::int64_t rows, Rows y) {
    HWY_DYNAMIC_DISPATCH(MultiplyFewRows)(x, count, depth, w, rows, y);
}

} // namespace engine::kernels
#endif
