// SPDX-License-Identifier: GPL-3.0-or-later
// Rotary embedding, dropout, and the search for what is no number.
#include "engine/kernels/kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/pointwise.cpp"
#include <hwy/foreach_target.h>

#include "engine/kernels/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace engine::kernels::HWY_NAMESPACE {

template <class T>
void RotateOf(T* x, std::int64_t stride, const std::int32_t* positions, std::int64_t rows, std::int64_t heads,
              std::int64_t headDim, std::int64_t rotary, const float* cosTable, const float* sinTable, float sign) {
    const std::int64_t half = rotary / 2;
    for (std::int64_t row = 0; row < rows; ++row, x += stride) {
        const float* c = cosTable + positions[row] * half;
        const float* s = sinTable + positions[row] * half;
        for (std::int64_t head = 0; head < heads; ++head) {
            T* a = x + head * headDim;
            T* b = a + half;
            forEach(static_cast<std::size_t>(half), [&](auto d, std::size_t i) HWY_ATTR {
                const auto va = load(d, a + i), vb = load(d, b + i);
                const auto cv = hn::LoadU(d, c + i), sv = hn::Mul(hn::LoadU(d, s + i), hn::Set(d, sign));
                store(d, hn::NegMulAdd(vb, sv, hn::Mul(va, cv)), a + i);
                store(d, hn::MulAdd(va, sv, hn::Mul(vb, cv)), b + i);
            });
        }
    }
}

/// Keeps lane i with probability 1 - rate: two rounds of multiply and xor-shift over element number and key.
template <class D>
HWY_INLINE hn::Vec<D> keep(D d, std::uint32_t element, std::uint32_t low, std::uint32_t high, std::int32_t threshold,
                           float scale) {
    const hn::Rebind<std::uint32_t, D> du;
    const hn::Rebind<std::int32_t, D> di;
    auto h = hn::Add(hn::Iota(du, element), hn::Set(du, low));
    h = hn::Mul(h, hn::Set(du, 0x9E3779B1u));
    h = hn::Xor(h, hn::ShiftRight<16>(h));
    h = hn::Mul(hn::Xor(h, hn::Set(du, high)), hn::Set(du, 0x85EBCA6Bu));
    h = hn::Xor(h, hn::ShiftRight<13>(h));
    h = hn::Mul(h, hn::Set(du, 0xC2B2AE35u));
    h = hn::Xor(h, hn::ShiftRight<16>(h));
    const auto kept = hn::Gt(hn::BitCast(di, hn::ShiftRight<1>(h)), hn::Set(di, threshold - 1));
    return hn::IfThenElseZero(hn::RebindMask(d, kept), hn::Set(d, scale));
}

template <bool kAdd, class T>
void DropoutOf(const T* in, std::int64_t inStride, std::int64_t rows, std::int64_t width, Mask mask, T* out,
               std::int64_t outStride) {
    const auto threshold = static_cast<std::int32_t>(static_cast<double>(mask.rate) * 2147483648.0);
    const float scale = 1.0f / (1.0f - mask.rate);
    for (std::int64_t row = 0; row < rows; ++row, in += inStride, out += outStride) {
        const std::uint64_t start = static_cast<std::uint64_t>((mask.firstRow + row) * width);
        const auto low = static_cast<std::uint32_t>(mask.key);
        const auto high = static_cast<std::uint32_t>(mask.key >> 32) + static_cast<std::uint32_t>(start >> 32);
        const auto first = static_cast<std::uint32_t>(start);
        forEach(static_cast<std::size_t>(width), [&](auto d, std::size_t i) HWY_ATTR {
            const auto v = hn::Mul(load(d, in + i), keep(d, first + static_cast<std::uint32_t>(i), low, high, threshold, scale));
            store(d, kAdd ? hn::Add(load(d, out + i), v) : v, out + i);
        });
    }
}

void Rotate(Rows x, const std::int32_t* positions, std::int64_t rows, std::int64_t heads, std::int64_t headDim,
            std::int64_t rotary, const float* cosTable, const float* sinTable, int direction) {
    const float sign = direction < 0 ? -1.0f : 1.0f;
    if (x.type == Scalar::F32)
        RotateOf(static_cast<float*>(x.data), x.stride, positions, rows, heads, headDim, rotary, cosTable, sinTable, sign);
    else
        RotateOf(static_cast<Bf16*>(x.data), x.stride, positions, rows, heads, headDim, rotary, cosTable, sinTable, sign);
}
void Dropout(Rows in, std::int64_t rows, std::int64_t width, Mask mask, Rows out) {
    if (in.type == Scalar::F32)
        DropoutOf<false>(static_cast<const float*>(in.data), in.stride, rows, width, mask, static_cast<float*>(out.data),
                         out.stride);
    else
        DropoutOf<false>(static_cast<const Bf16*>(in.data), in.stride, rows, width, mask, static_cast<Bf16*>(out.data),
                         out.stride);
}
void DropoutAdd(Rows in, std::int64_t rows, std::int64_t width, Mask mask, Rows out) {
    if (in.type == Scalar::F32)
        DropoutOf<true>(static_cast<const float*>(in.data), in.stride, rows, width, mask, static_cast<float*>(out.data),
                        out.stride);
    else
        DropoutOf<true>(static_cast<const Bf16*>(in.data), in.stride, rows, width, mask, static_cast<Bf16*>(out.data),
                        out.stride);
}

template <class Bits> std::int64_t FirstNotFiniteOf(const Bits* bits, std::int64_t count, Bits exponent) {
    const hn::ScalableTag<Bits> d;
    const auto mask = hn::Set(d, exponent);
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
    std::int64_t i = 0;
    while (i + lanes <= count && hn::AllFalse(d, hn::Eq(hn::And(hn::LoadU(d, bits + i), mask), mask))) i += lanes;
    for (; i < count; ++i)
        if ((bits[i] & exponent) == exponent) return i;
    return -1;
}
std::int64_t FirstNotFinite(const void* values, std::int64_t count, Scalar type) {
    if (type == Scalar::F32) return FirstNotFiniteOf(static_cast<const std::uint32_t*>(values), count, std::uint32_t{0x7F800000});
    return FirstNotFiniteOf(static_cast<const std::uint16_t*>(values), count, std::uint16_t{0x7F80});
}

} // namespace engine::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace engine::kernels {

HWY_EXPORT(Rotate);
HWY_EXPORT(Dropout);
HWY_EXPORT(DropoutAdd);
HWY_EXPORT(FirstNotFinite);

void rotate(Rows x, const std::int32_t* positions, std::int64_t rows, std::int64_t heads, std::int64_t headDim,
            std::int64_t rotary, const float* cosTable, const float* sinTable, int direction) {
    HWY_DYNAMIC_DISPATCH(Rotate)(x, positions, rows, heads, headDim, rotary, cosTable, sinTable, direction);
}
void dropout(Rows in, std::int64_t rows, std::int64_t width, Mask mask, Rows out) {
    HWY_DYNAMIC_DISPATCH(Dropout)(in, rows, width, mask, out);
}
void dropoutAdd(Rows in, std::int64_t rows, std::int64_t width, Mask mask, Rows out) {
    HWY_DYNAMIC_DISPATCH(DropoutAdd)(in, rows, width, mask, out);
}
std::int64_t firstNotFinite(const void* values, std::int64_t count, Scalar type) {
    return HWY_DYNAMIC_DISPATCH(FirstNotFinite)(values, count, type);
}

} // namespace engine::kernels
#endif
