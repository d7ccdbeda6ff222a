// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/kernels/optim.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/optim.cpp"
#include <hwy/foreach_target.h>

#include "engine/kernels/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace engine::kernels::HWY_NAMESPACE {

void AdamStepOf(const AdamStep& s, const float* gradient, std::int64_t count, float* p, float* m, float* v) {
    forEach(static_cast<std::size_t>(count), [&](auto d, std::size_t i) HWY_ATTR {
        const auto g = hn::Mul(load(d, gradient + i), hn::Set(d, s.gradientScale));
        const auto first = hn::MulAdd(load(d, m + i), hn::Set(d, s.beta1), hn::Mul(g, hn::Set(d, s.oneLess1)));
        const auto second = hn::MulAdd(load(d, v + i), hn::Set(d, s.beta2), hn::Mul(hn::Mul(g, g), hn::Set(d, s.oneLess2)));
        const auto bottom = hn::MulAdd(hn::Sqrt(second), hn::Set(d, s.inverseRoot), hn::Set(d, s.epsilon));
        const auto change = hn::Div(hn::Mul(first, hn::Set(d, s.stepSize)), bottom);
        store(d, first, m + i);
        store(d, second, v + i);
        store(d, hn::MulSub(load(d, p + i), hn::Set(d, s.keep), change), p + i);
    });
}

double SumOfSquaresOf(const float* x, std::int64_t count) {
    return static_cast<double>(sumEach(static_cast<std::size_t>(count), [&](auto d, std::size_t i) HWY_ATTR {
        const auto value = load(d, x + i);
        return hn::Mul(value, value);
    }));
}

} // namespace engine::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace engine::kernels {

HWY_EXPORT(AdamStepOf);
HWY_EXPORT(SumOfSquaresOf);

void adamStep(const AdamStep& step, const float* gradient, std::int64_t count, float* p, float* m, float* v) {
    HWY_DYNAMIC_DISPATCH(AdamStepOf)(step, gradient, count, p, m, v);
}
double sumOfSquares(const float* x, std::int64_t count) {
    return HWY_DYNAMIC_DISPATCH(SumOfSquaresOf)(x, count);
}

} // namespace engine::kernels
#endif
