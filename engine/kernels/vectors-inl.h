// SPDX-License-Identifier: GPL-3.0-or-later
// Loads and stores of float and bfloat16 rows as float vectors. Included once a target by the kernels' files.
#if defined(PHIBENCH_VECTORS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef PHIBENCH_VECTORS_INL_H_
#undef PHIBENCH_VECTORS_INL_H_
#else
#define PHIBENCH_VECTORS_INL_H_
#endif
#include "engine/kernels/kernels.h"

#include <hwy/highway.h>

#include <cstddef>
#include <cstdint>

HWY_BEFORE_NAMESPACE();
namespace engine::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Bf16 = std::uint16_t;

template <class D> HWY_INLINE hn::Vec<D> load(D d, const float* p) {
    return hn::LoadU(d, p);
}
template <class D> HWY_INLINE hn::Vec<D> load(D d, const Bf16* p) {
    const hn::Rebind<std::uint32_t, D> du32;
    const hn::Rebind<std::uint16_t, D> du16;
    return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(du32, hn::LoadU(du16, p))));
}
template <class D> HWY_INLINE void store(D d, hn::Vec<D> v, float* p) {
    hn::StoreU(v, d, p);
}
template <class D> HWY_INLINE void store(D, hn::Vec<D> v, Bf16* p) {
    const hn::Rebind<std::uint32_t, D> du32;
    const hn::Rebind<std::int32_t, D> di32;
    const hn::Rebind<std::uint16_t, D> du16;
    const auto bits = hn::BitCast(du32, v);
    const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(du32, 1u));
    const auto rounded = hn::ShiftRight<16>(hn::Add(bits, hn::Add(odd, hn::Set(du32, 0x7FFFu))));
    hn::StoreU(hn::DemoteTo(du16, hn::BitCast(di32, rounded)), du16, p);
}

/// y[row][column] += value.
HWY_INLINE void addTo(Rows y, std::int64_t row, std::int64_t column, float value) {
    const hn::CappedTag<float, 1> one;
    if (y.type == Scalar::F32) {
        static_cast<float*>(y.data)[row * y.stride + column] += value;
    } else {
        Bf16* at = static_cast<Bf16*>(y.data) + row * y.stride + column;
        store(one, hn::Add(load(one, at), hn::Set(one, value)), at);
    }
}

/// f(d, i) over [0, n): whole vectors, then one lane at a time.
template <class F> HWY_INLINE void forEach(std::size_t n, const F& f) {
    const hn::ScalableTag<float> d;
    const std::size_t lanes = hn::Lanes(d);
    std::size_t i = 0;
    for (; i + lanes <= n; i += lanes) f(d, i);
    const hn::CappedTag<float, 1> one;
    for (; i < n; ++i) f(one, i);
}

/// Sum over [0, n) of f(d, i).
template <class F> HWY_INLINE float sumEach(std::size_t n, const F& f) {
    const hn::ScalableTag<float> d;
    const std::size_t lanes = hn::Lanes(d);
    auto sum0 = hn::Zero(d), sum1 = hn::Zero(d);
    std::size_t i = 0;
    for (; i + 2 * lanes <= n; i += 2 * lanes) {
        sum0 = hn::Add(sum0, f(d, i));
        sum1 = hn::Add(sum1, f(d, i + lanes));
    }
    for (; i + lanes <= n; i += lanes) sum0 = hn::Add(sum0, f(d, i));
    float total = hn::GetLane(hn::SumOfLanes(d, hn::Add(sum0, sum1)));
    const hn::CappedTag<float, 1> one;
    for (; i < n; ++i) total += hn::GetLane(f(one, i));
    return total;
}

} // namespace engine::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
