// SPDX-License-Identifier: GPL-3.0-or-later
// RMSNorm of parts of rows in place, forward and backward: of heads, of what a branch adds.
#include "engine/kernels/kernels.h"

#include <cmath>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/head_norm.cpp"
#include <hwy/foreach_target.h>

#include "engine/kernels/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace engine::kernels::HWY_NAMESPACE {

template <class T>
void ForwardOf(T* x, std::int64_t stride, std::int64_t rows, std::int64_t heads, std::int64_t width, const float* gamma,
               float eps, float* rstd, std::int64_t rstdStride) {
    const auto n = static_cast<std::size_t>(width);
    for (std::int64_t row = 0; row < rows; ++row, x += stride)
        for (std::int64_t head = 0; head < heads; ++head) {
            T* part = x + head * width;
            const float square = sumEach(n, [&](auto d, std::size_t i) HWY_ATTR {
                const auto v = load(d, part + i);
                return hn::Mul(v, v);
            });
            const float scale = 1.0f / std::sqrt(square / static_cast<float>(width) + eps);
            forEach(n, [&](auto d, std::size_t i) HWY_ATTR {
                store(d, hn::Mul(hn::Mul(load(d, part + i), hn::Set(d, scale)), hn::LoadU(d, gamma + i)), part + i);
            });
            if (rstd) rstd[row * rstdStride + head] = scale;
        }
}

template <class T>
void BackwardOf(const T* x, std::int64_t stride, std::int64_t rows, std::int64_t heads, std::int64_t width, const float* gamma,
                const float* rstd, std::int64_t rstdStride, T* dy, std::int64_t dyStride) {
    const auto n = static_cast<std::size_t>(width);
    for (std::int64_t row = 0; row < rows; ++row, x += stride, dy += dyStride)
        for (std::int64_t head = 0; head < heads; ++head) {
            const T* part = x + head * width;
            T* gradient = dy + head * width;
            const float scale = rstd[row * rstdStride + head];
            const float along = sumEach(n,
                                        [&](auto d, std::size_t i) HWY_ATTR {
                                            const auto g = hn::Mul(load(d, gradient + i), hn::LoadU(d, gamma + i));
                                            return hn::Mul(g, hn::Mul(load(d, part + i), hn::Set(d, scale)));
                                        }) /
                                static_cast<float>(width);
            forEach(n, [&](auto d, std::size_t i) HWY_ATTR {
                const auto g = hn::Mul(load(d, gradient + i), hn::LoadU(d, gamma + i));
                const auto hat = hn::Mul(load(d, part + i), hn::Set(d, scale));
                store(d, hn::Mul(hn::NegMulAdd(hat, hn::Set(d, along), g), hn::Set(d, scale)), gradient + i);
            });
        }
}

void HeadNormForward(Rows x, std::int64_t rows, std::int64_t heads, std::int64_t width, const float* gamma, float eps,
                     float* rstd, std::int64_t rstdStride) {
    if (x.type == Scalar::F32)
        ForwardOf(static_cast<float*>(x.data), x.stride, rows, heads, width, gamma, eps, rstd, rstdStride);
    else
        ForwardOf(static_cast<Bf16*>(x.data), x.stride, rows, heads, width, gamma, eps, rstd, rstdStride);
}

void HeadNormBackward(Rows x, std::int64_t rows, std::int64_t heads, std::int64_t width, const float* gamma, const float* rstd,
                      std::int64_t rstdStride, Rows dy) {
    if (x.type == Scalar::F32)
        BackwardOf(static_cast<const float*>(x.data), x.stride, rows, heads, width, gamma, rstd, rstdStride,
                   static_cast<float*>(dy.data), dy.stride);
    else
        BackwardOf(static_cast<const Bf16*>(x.data), x.stride, rows, heads, width, gamma, rstd, rstdStride,
                   static_cast<Bf16*>(dy.data), dy.stride);
}

} // namespace engine::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace engine::kernels {

HWY_EXPORT(HeadNormForward);
HWY_EXPORT(HeadNormBackward);

void headNormForward(Rows x, std::int64_t rows, std::int64_t heads, std::int64_t headDim, const float* gamma, float eps,
                     float* rstd, std::int64_t rstdStride) {
    HWY_DYNAMIC_DISPATCH(HeadNormForward)(x, rows, heads, headDim, gamma, eps, rstd, rstdStride);
}
void headNormBackward(Rows x, std::int64_t rows, std::int64_t heads, std::int64_t headDim, const float* gamma, const float* rstd,
                      std::int64_t rstdStride, Rows dy) {
    HWY_DYNAMIC_DISPATCH(HeadNormBackward)(x, rows, heads, headDim, gamma, rstd, rstdStride, dy);
}

} // namespace engine::kernels
#endif
