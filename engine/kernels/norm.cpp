// SPDX-License-Identifier: GPL-3.0-or-later
// LayerNorm and RMSNorm, forward and backward, and the residual stream's additions.
#include "engine/kernels/kernels.h"

#include <cmath>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/norm.cpp"
#include <hwy/foreach_target.h>

#include "engine/kernels/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace engine::kernels::HWY_NAMESPACE {

template <class T>
void NormForwardOf(const float* x, const float* gamma, const float* beta, float eps, std::int64_t rows, std::int64_t width, T* y,
                   std::int64_t stride, float* mean, float* rstd) {
    const auto n = static_cast<std::size_t>(width);
    for (std::int64_t row = 0; row < rows; ++row, x += width, y += stride) {
        float center = 0;
        if (beta)
            center = sumEach(n, [&](auto d, std::size_t i) HWY_ATTR { return hn::LoadU(d, x + i); }) / static_cast<float>(width);
        const float square = sumEach(n, [&](auto d, std::size_t i) HWY_ATTR {
            const auto v = hn::Sub(hn::LoadU(d, x + i), hn::Set(d, center));
            return hn::Mul(v, v);
        });
        const float scale = 1.0f / std::sqrt(square / static_cast<float>(width) + eps);
        forEach(n, [&](auto d, std::size_t i) HWY_ATTR {
            auto v = hn::Mul(hn::Sub(hn::LoadU(d, x + i), hn::Set(d, center)), hn::Set(d, scale));
            v = hn::Mul(v, hn::LoadU(d, gamma + i));
            if (beta) v = hn::Add(v, hn::LoadU(d, beta + i));
            store(d, v, y + i);
        });
        if (mean) mean[row] = center;
        if (rstd) rstd[row] = scale;
    }
}

void NormForward(const float* x, const float* gamma, const float* beta, float eps, std::int64_t rows, std::int64_t width, Rows y,
                 float* mean, float* rstd) {
    if (y.type == Scalar::F32)
        NormForwardOf(x, gamma, beta, eps, rows, width, static_cast<float*>(y.data), y.stride, mean, rstd);
    else
        NormForwardOf(x, gamma, beta, eps, rows, width, static_cast<Bf16*>(y.data), y.stride, mean, rstd);
}

template <class T>
void NormBackwardOf(const float* x, const float* gamma, const float* mean, const float* rstd, std::int64_t rows,
                    std::int64_t width, const T* dy, std::int64_t stride, float* dx) {
    const auto n = static_cast<std::size_t>(width);
    for (std::int64_t row = 0; row < rows; ++row, x += width, dy += stride, dx += width) {
        const float center = mean ? mean[row] : 0.0f;
        const float scale = rstd[row];
        const float along =
            sumEach(n,
                    [&](auto d, std::size_t i) HWY_ATTR {
                        const auto g = hn::Mul(load(d, dy + i), hn::LoadU(d, gamma + i));
                        return hn::Mul(g, hn::Mul(hn::Sub(hn::LoadU(d, x + i), hn::Set(d, center)), hn::Set(d, scale)));
                    }) /
            static_cast<float>(width);
        float shift = 0;
        if (mean)
            shift =
                sumEach(n, [&](auto d, std::size_t i) HWY_ATTR { return hn::Mul(load(d, dy + i), hn::LoadU(d, gamma + i)); }) /
                static_cast<float>(width);
        forEach(n, [&](auto d, std::size_t i) HWY_ATTR {
            const auto g = hn::Mul(load(d, dy + i), hn::LoadU(d, gamma + i));
            const auto hat = hn::Mul(hn::Sub(hn::LoadU(d, x + i), hn::Set(d, center)), hn::Set(d, scale));
            const auto v = hn::NegMulAdd(hat, hn::Set(d, along), hn::Sub(g, hn::Set(d, shift)));
            hn::StoreU(hn::MulAdd(v, hn::Set(d, scale), hn::LoadU(d, dx + i)), d, dx + i);
        });
    }
}

void NormBackward(const float* x, const float* gamma, const float* mean, const float* rstd, std::int64_t rows, std::int64_t width,
                  Rows dy, float* dx) {
    if (dy.type == Scalar::F32)
        NormBackwardOf(x, gamma, mean, rstd, rows, width, static_cast<const float*>(dy.data), dy.stride, dx);
    else
        NormBackwardOf(x, gamma, mean, rstd, rows, width, static_cast<const Bf16*>(dy.data), dy.stride, dx);
}

template <class T> void AddRowsOf(float* x, const T* y, std::int64_t stride, std::int64_t rows, std::int64_t width) {
    for (std::int64_t row = 0; row < rows; ++row, x += width, y += stride)
        forEach(static_cast<std::size_t>(width),
                [&](auto d, std::size_t i) HWY_ATTR { hn::StoreU(hn::Add(hn::LoadU(d, x + i), load(d, y + i)), d, x + i); });
}

void AddRows(float* x, Rows y, std::int64_t rows, std::int64_t width) {
    if (y.type == Scalar::F32)
        AddRowsOf(x, static_cast<const float*>(y.data), y.stride, rows, width);
    else
        AddRowsOf(x, static_cast<const Bf16*>(y.data), y.stride, rows, width);
}

template <class T> void AddBiasOf(T* y, std::int64_t stride, const float* bias, std::int64_t rows, std::int64_t width) {
    for (std::int64_t row = 0; row < rows; ++row, y += stride)
        forEach(static_cast<std::size_t>(width),
                [&](auto d, std::size_t i) HWY_ATTR { store(d, hn::Add(load(d, y + i), hn::LoadU(d, bias + i)), y + i); });
}

void AddBias(Rows y, const float* bias, std::int64_t rows, std::int64_t width) {
    if (y.type == Scalar::F32)
        AddBiasOf(static_cast<float*>(y.data), y.stride, bias, rows, width);
    else
        AddBiasOf(static_cast<Bf16*>(y.data), y.stride, bias, rows, width);
}

template <class T> void CastRowsOf(const float* x, std::int64_t rows, std::int64_t width, T* out, std::int64_t stride) {
    for (std::int64_t row = 0; row < rows; ++row, x += width, out += stride)
        forEach(static_cast<std::size_t>(width), [&](auto d, std::size_t i) HWY_ATTR { store(d, hn::LoadU(d, x + i), out + i); });
}

void CastRows(const float* x, std::int64_t rows, std::int64_t width, Rows out) {
    if (out.type == Scalar::F32)
        CastRowsOf(x, rows, width, static_cast<float*>(out.data), out.stride);
    else
        CastRowsOf(x, rows, width, static_cast<Bf16*>(out.data), out.stride);
}

} // namespace engine::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace engine::kernels {

HWY_EXPORT(NormForward);
HWY_EXPORT(NormBackward);
HWY_EXPORT(AddRows);
HWY_EXPORT(AddBias);
HWY_EXPORT(CastRows);

void normForward(const float* x, const float* gamma, const float* beta, float eps, std::int64_t rows, std::int64_t width, Rows y,
                 float* mean, float* rstd) {
    HWY_DYNAMIC_DISPATCH(NormForward)(x, gamma, beta, eps, rows, width, y, mean, rstd);
}
void normBackward(const float* x, const float* gamma, const float* mean, const float* rstd, std::int64_t rows, std::int64_t width,
                  Rows dy, float* dx) {
    HWY_DYNAMIC_DISPATCH(NormBackward)(x, gamma, mean, rstd, rows, width, dy, dx);
}
void addRows(float* x, Rows y, std::int64_t rows, std::int64_t width) {
    HWY_DYNAMIC_DISPATCH(AddRows)(x, y, rows, width);
}
void addBias(Rows y, const float* bias, std::int64_t rows, std::int64_t width) {
    HWY_DYNAMIC_DISPATCH(AddBias)(y, bias, rows, width);
}
void castRows(const float* x, std::int64_t rows, std::int64_t width, Rows out) {
    HWY_DYNAMIC_DISPATCH(CastRows)(x, rows, width, out);
}
} // namespace engine::kernels
#endif
