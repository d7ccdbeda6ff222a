// SPDX-License-Identifier: GPL-3.0-or-later
// Products of a few rows with a large matrix: bound by how fast the weights are read.
#include "engine/kernels/kernels.h"
#include "engine/kernels/nf4.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/few_rows.cpp"
#include <hwy/foreach_target.h>

#include "engine/kernels/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace engine::kernels::HWY_NAMESPACE {

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
void FewRowsAny(const float* x, std::int64_t count, std::int64_t depth, const T* w, std::int64_t stride, std::int64_t rows,
                Rows y) {
    if (count == 1)
        FewRowsOf<1>(x, depth, w, stride, rows, y);
    else if (count == 2)
        FewRowsOf<2>(x, depth, w, stride, rows, y);
    else if (count == 3)
        FewRowsOf<3>(x, depth, w, stride, rows, y);
    else
        FewRowsOf<4>(x, depth, w, stride, rows, y);
}

void MultiplyFewRows(const float* x, std::int64_t count, std::int64_t depth, Rows w, std::int64_t rows, Rows y) {
    if (w.type == Scalar::F32)
        FewRowsAny(x, count, depth, static_cast<const float*>(w.data), w.stride, rows, y);
    else
        FewRowsAny(x, count, depth, static_cast<const Bf16*>(w.data), w.stride, rows, y);
}

/// What the codes in `index` (0..15) stand for.
template <class D, class I> HWY_INLINE hn::Vec<D> nf4Value(D d, const float* values, I index) {
#if HWY_MAX_BYTES >= 64
    return hn::TableLookupLanes(hn::LoadU(d, values), hn::IndicesFromVec(d, index));
#else
    return hn::GatherIndex(d, values, index);
#endif
}

/// kRows rows of codes at once, so that x is loaded once for all of them.
template <int kCount, int kRows>
HWY_INLINE void nf4Rows(const float* HWY_RESTRICT even, const float* HWY_RESTRICT odd, std::int64_t depth,
                        const std::uint8_t* HWY_RESTRICT codes, const float* HWY_RESTRICT absmax, std::int64_t block,
                        std::int64_t column, Rows y) {
    const hn::ScalableTag<float> d;
    const hn::RebindToSigned<decltype(d)> di;
    const hn::Rebind<std::uint8_t, decltype(d)> du8;
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
    const float* values = nf4Values().data();
    const std::int64_t half = depth / 2, step = block / 2, scales = depth / block;
    hn::Vec<decltype(d)> sums[kRows][kCount];
    for (int o = 0; o < kRows; ++o)
        for (int n = 0; n < kCount; ++n) sums[o][n] = hn::Zero(d);
    for (std::int64_t b = 0; b < half; b += step) {
        hn::Vec<decltype(d)> inner[kRows][kCount];
        for (int o = 0; o < kRows; ++o)
            for (int n = 0; n < kCount; ++n) inner[o][n] = hn::Zero(d);
        for (std::int64_t i = b; i < b + step; i += lanes)
            for (int o = 0; o < kRows; ++o) {
                const auto both = hn::PromoteTo(di, hn::LoadU(du8, codes + o * half + i));
                const auto first = nf4Value(d, values, hn::ShiftRight<4>(both));
                const auto second = nf4Value(d, values, hn::And(both, hn::Set(di, 15)));
                for (int n = 0; n < kCount; ++n)
                    inner[o][n] = hn::MulAdd(second, hn::LoadU(d, odd + n * half + i),
                                             hn::MulAdd(first, hn::LoadU(d, even + n * half + i), inner[o][n]));
            }
        for (int o = 0; o < kRows; ++o)
            for (int n = 0; n < kCount; ++n)
                sums[o][n] = hn::MulAdd(inner[o][n], hn::Set(d, absmax[o * scales + b / step]), sums[o][n]);
    }
    for (int o = 0; o < kRows; ++o)
        for (int n = 0; n < kCount; ++n) addTo(y, n, column + o, hn::GetLane(hn::SumOfLanes(d, sums[o][n])));
}

template <int kCount>
void FewRowsNf4Of(const float* even, const float* odd, std::int64_t depth, const std::uint8_t* codes, const float* absmax,
                  std::int64_t block, std::int64_t rows, Rows y) {
    constexpr int kTogether = kCount == 1 ? 4 : 2;
    std::int64_t o = 0;
    for (; o + kTogether <= rows; o += kTogether)
        nf4Rows<kCount, kTogether>(even, odd, depth, codes + o * depth / 2, absmax + o * depth / block, block, o, y);
    for (; o < rows; ++o) nf4Rows<kCount, 1>(even, odd, depth, codes + o * depth / 2, absmax + o * depth / block, block, o, y);
}

void MultiplyFewRowsNf4(const float* x, std::int64_t count, std::int64_t depth, const std::uint8_t* codes, const float* absmax,
                        std::int64_t block, std::int64_t rows, Rows y) {
    const float *even = x, *odd = x + count * depth / 2;
    if (count == 1)
        FewRowsNf4Of<1>(even, odd, depth, codes, absmax, block, rows, y);
    else if (count == 2)
        FewRowsNf4Of<2>(even, odd, depth, codes, absmax, block, rows, y);
    else if (count == 3)
        FewRowsNf4Of<3>(even, odd, depth, codes, absmax, block, rows, y);
    else
        FewRowsNf4Of<4>(even, odd, depth, codes, absmax, block, rows, y);
}

} // namespace engine::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace engine::kernels {

HWY_EXPORT(MultiplyFewRows);
HWY_EXPORT(MultiplyFewRowsNf4);

void multiplyFewRows(const float* x, std::int64_t count, std::int64_t depth, Rows w, std::int64_t rows, Rows y) {
    HWY_DYNAMIC_DISPATCH(MultiplyFewRows)(x, count, depth, w, rows, y);
}
void multiplyFewRowsNf4(const float* x, std::int64_t count, const Nf4Rows& w, std::int64_t begin, std::int64_t end, Rows y) {
    HWY_DYNAMIC_DISPATCH(MultiplyFewRowsNf4)
    (x, count, w.width, w.codes + begin * w.width / 2, w.absmax + begin * w.width / w.block, w.block, end - begin, y);
}

} // namespace engine::kernels
#endif
