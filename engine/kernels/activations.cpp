// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/kernels/activations.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/activations.cpp"
#include <hwy/foreach_target.h>

#include "engine/kernels/vectors-inl.h"
#include <hwy/contrib/math/math-inl.h>

HWY_BEFORE_NAMESPACE();
namespace engine::kernels::HWY_NAMESPACE {

template <class D> HWY_INLINE hn::Vec<D> sigmoid(D d, hn::Vec<D> v) {
    const auto one = hn::Set(d, 1.0f);
    // Past -87 exp overflows the denominator harmlessly to a tiny value; clamp keeps it finite.
    return hn::Div(one, hn::Add(one, hn::Exp(d, hn::Min(hn::Neg(v), hn::Set(d, 87.0f)))));
}

struct Silu {
    template <class D> static HWY_INLINE hn::Vec<D> value(D d, hn::Vec<D> v) { return hn::Mul(v, sigmoid(d, v)); }
    /// The value, and its derivative.
    template <class D> static HWY_INLINE hn::Vec<D> slope(D d, hn::Vec<D> v, hn::Vec<D>& value) {
        const auto s = sigmoid(d, v);
        value = hn::Mul(v, s);
        return hn::MulAdd(value, hn::Sub(hn::Set(d, 1.0f), s), s);
    }
};

struct GeluTanh {
    /// tanh(z) with z = sqrt(2/pi) (h + 0.044715 h^3), as 2 sigmoid(2 z) - 1.
    template <class D> static HWY_INLINE hn::Vec<D> tanh(D d, hn::Vec<D> h) {
        const auto cubic = hn::MulAdd(hn::Mul(h, h), hn::Set(d, 0.044715f), hn::Set(d, 1.0f));
        const auto z2 = hn::Mul(hn::Mul(h, cubic), hn::Set(d, 2 * 0.7978845608028654f));
        return hn::MulSub(hn::Set(d, 2.0f), sigmoid(d, z2), hn::Set(d, 1.0f));
    }
    template <class D> static HWY_INLINE hn::Vec<D> value(D d, hn::Vec<D> v) {
        const auto half = hn::Mul(v, hn::Set(d, 0.5f));
        return hn::MulAdd(half, tanh(d, v), half);
    }
    template <class D> static HWY_INLINE hn::Vec<D> slope(D d, hn::Vec<D> v, hn::Vec<D>& value) {
        const auto one = hn::Set(d, 1.0f), half = hn::Set(d, 0.5f);
        const auto t = tanh(d, v), halfV = hn::Mul(v, half);
        value = hn::MulAdd(halfV, t, halfV);
        const auto dz = hn::Mul(hn::MulAdd(hn::Mul(v, v), hn::Set(d, 3 * 0.044715f), one), hn::Set(d, 0.7978845608028654f));
        const auto inner = hn::Mul(hn::Mul(hn::NegMulAdd(t, t, one), dz), halfV);
        return hn::Add(hn::MulAdd(half, t, half), inner);
    }
};

template <class A, bool kGated, class T>
void ForwardOf(const T* up, std::int64_t stride, std::int64_t rows, std::int64_t width, T* m, std::int64_t mStride) {
    for (std::int64_t row = 0; row < rows; ++row, up += stride, m += mStride)
        forEach(static_cast<std::size_t>(width), [&](auto d, std::size_t i) HWY_ATTR {
            const auto value = A::value(d, load(d, up + i));
            if constexpr (kGated)
                store(d, hn::Mul(value, load(d, up + width + i)), m + i);
            else
                store(d, value, m + i);
        });
}

template <class A, bool kGated, class T>
void BackwardOf(T* up, std::int64_t stride, std::int64_t rows, std::int64_t width, const T* dm, std::int64_t dmStride) {
    for (std::int64_t row = 0; row < rows; ++row, up += stride, dm += dmStride)
        forEach(static_cast<std::size_t>(width), [&](auto d, std::size_t i) HWY_ATTR {
            const auto dy = load(d, dm + i);
            auto value = hn::Zero(d);
            const auto slope = A::slope(d, load(d, up + i), value);
            if constexpr (kGated) {
                const auto u = load(d, up + width + i);
                store(d, hn::Mul(hn::Mul(dy, u), slope), up + i);
                store(d, hn::Mul(dy, value), up + width + i);
            } else {
                store(d, hn::Mul(dy, slope), up + i);
            }
        });
}

template <class A, bool kGated> void Forward(Rows up, std::int64_t rows, std::int64_t width, Rows m) {
    if (up.type == Scalar::F32)
        ForwardOf<A, kGated>(static_cast<const float*>(up.data), up.stride, rows, width, static_cast<float*>(m.data), m.stride);
    else
        ForwardOf<A, kGated>(static_cast<const Bf16*>(up.data), up.stride, rows, width, static_cast<Bf16*>(m.data), m.stride);
}
template <class A, bool kGated> void Backward(Rows up, std::int64_t rows, std::int64_t width, Rows dm) {
    if (up.type == Scalar::F32)
        BackwardOf<A, kGated>(static_cast<float*>(up.data), up.stride, rows, width, static_cast<const float*>(dm.data),
                              dm.stride);
    else
        BackwardOf<A, kGated>(static_cast<Bf16*>(up.data), up.stride, rows, width, static_cast<const Bf16*>(dm.data), dm.stride);
}

void Activate(Activation activation, bool gated, Rows up, std::int64_t rows, std::int64_t width, Rows m) {
    switch (activation) {
    case Activation::GeluTanh: return (gated ? Forward<GeluTanh, true> : Forward<GeluTanh, false>)(up, rows, width, m);
    case Activation::Silu: return (gated ? Forward<Silu, true> : Forward<Silu, false>)(up, rows, width, m);
    }
}
void ActivateBackward(Activation activation, bool gated, Rows up, std::int64_t rows, std::int64_t width, Rows dm) {
    switch (activation) {
    case Activation::GeluTanh: return (gated ? Backward<GeluTanh, true> : Backward<GeluTanh, false>)(up, rows, width, dm);
    case Activation::Silu: return (gated ? Backward<Silu, true> : Backward<Silu, false>)(up, rows, width, dm);
    }
}

} // namespace engine::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace engine::kernels {

HWY_EXPORT(Activate);
HWY_EXPORT(ActivateBackward);

void activate(Activation activation, bool gated, Rows up, std::int64_t rows, std::int64_t width, Rows m) {
    HWY_DYNAMIC_DISPATCH(Activate)(activation, gated, up, rows, width, m);
}
void activateBackward(Activation activation, bool gated, Rows up, std::int64_t rows, std::int64_t width, Rows dm) {
    HWY_DYNAMIC_DISPATCH(ActivateBackward)(activation, gated, up, rows, width, dm);
}

} // namespace engine::kernels
#endif
