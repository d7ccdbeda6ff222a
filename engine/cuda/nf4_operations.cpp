// SPDX-License-Identifier: GPL-3.0-or-later
// Tells libtorch's dispatcher what device_weight's operations are on a GPU. Loaded by model/device.
#include "engine/cuda/nf4_kernels.h"

#include <ATen/Dispatch.h>
#include <ATen/Functions.h>
#include <bit>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <torch/library.h>

namespace engine::cuda {

namespace {

View viewOf(const at::Tensor& codes, const at::Tensor& absmax, std::int64_t block, std::int64_t out, std::int64_t in) {
    return {reinterpret_cast<const std::uint32_t*>(codes.const_data_ptr<std::uint8_t>()), absmax.const_data_ptr<float>(), out, in,
            std::countr_zero(static_cast<std::uint64_t>(block))};
}

/// f with a value of the type that the tensors are computed in.
template <class F> void forType(at::ScalarType type, const F& f) {
    AT_DISPATCH_SWITCH(type, "NF4", AT_DISPATCH_CASE(at::kFloat, [&] { f(scalar_t()); }) AT_DISPATCH_CASE(at::kBFloat16, [&] {
                           f(scalar_t());
                       }) AT_DISPATCH_CASE(at::kHalf, [&] { f(scalar_t()); }));
}

at::Tensor expanded(const at::Tensor& codes, const at::Tensor& absmax, const at::Tensor& pairs, std::int64_t block,
                    std::int64_t out, std::int64_t in, at::ScalarType type) {
    const c10::cuda::CUDAGuard guard(codes.device());
    at::Tensor all = at::empty({out, in}, codes.options().dtype(type));
    forType(type, [&]<class T>(T) {
        expand(viewOf(codes, absmax, block, out, in), pairs.const_data_ptr<float>(), all.mutable_data_ptr<T>(),
               c10::cuda::getCurrentCUDAStream());
    });
    return all;
}

at::Tensor product(const at::Tensor& x, const at::Tensor& codes, const at::Tensor& absmax, const at::Tensor& pairs,
                   std::int64_t block, std::int64_t out) {
    const std::int64_t in = x.size(1);
    if (x.size(0) != 1 || in % block != 0) return at::mm(x, expanded(codes, absmax, pairs, block, out, in, x.scalar_type()).t());
    const c10::cuda::CUDAGuard guard(codes.device());
    at::Tensor row = x.contiguous(), y = at::empty({1, out}, x.options());
    if (reinterpret_cast<std::uintptr_t>(row.const_data_ptr()) % 16 != 0) row = row.clone();
    forType(x.scalar_type(), [&]<class T>(T) {
        multiplyRow(viewOf(codes, absmax, block, out, in), pairs.const_data_ptr<float>(), row.const_data_ptr<T>(),
                    y.mutable_data_ptr<T>(), c10::cuda::getCurrentCUDAStream());
    });
    return y;
}

} // namespace

TORCH_LIBRARY_IMPL(phibench, CUDA, library) {
    library.impl("nf4_expanded", expanded);
    library.impl("nf4_product", product);
}

} // namespace engine::cuda
