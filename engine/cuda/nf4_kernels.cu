// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/cuda/nf4_kernels.h"

#include <algorithm>
#include <c10/cuda/CUDAException.h>
#include <c10/util/BFloat16.h>
#include <c10/util/Half.h>

namespace engine::cuda {

namespace {

using namespace nf4_arithmetic;

constexpr int kThreads = 256;
constexpr std::int64_t kMostBlocks = 1 << 16; // of threads; each goes on where all have been

/// Sixteen words in as many banks: threads of a warp read them without waiting for each other.
__device__ void fillValues(const float* pairs, float* values) {
    if (threadIdx.x < 16) values[threadIdx.x] = pairs[2 * threadIdx.x + 1]; // of the byte that holds 0 and this code
    __syncthreads();
}

template <class T> __global__ void expandKernel(View w, const float* pairs, T* to) {
    __shared__ float values[16];
    fillValues(pairs, values);
    const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * kThreads * kAtOnce;
    for (std::int64_t at = (static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x) * kAtOnce; at < w.out * w.in;
         at += step)
        nf4_arithmetic::expand(w, at, values, to);
}

template <class T> __global__ void rowKernel(View w, const float* pairs, const T* x, T* y) {
    __shared__ float values[16];
    fillValues(pairs, values);
    const std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * (kThreads / kWarp) + threadIdx.x / kWarp;
    if (row >= w.out) return; // the whole warp
    const int lane = threadIdx.x % kWarp;
    float sum = partOfRow(w, row, x, lane, values);
    for (int apart = kWarp / 2; apart > 0; apart /= 2) sum += __shfl_down_sync(0xffffffffu, sum, apart);
    if (lane == 0) y[row] = static_cast<T>(sum);
}

unsigned blocksFor(std::int64_t threads) {
    return static_cast<unsigned>((threads + kThreads - 1) / kThreads);
}

} // namespace

template <class T> void expand(const View& w, const float* pairs, T* to, cudaStream_t stream) {
    const std::int64_t threads = std::min((w.out * w.in + kAtOnce - 1) / kAtOnce, kMostBlocks * kThreads);
    expandKernel<<<blocksFor(threads), kThreads, 0, stream>>>(w, pairs, to);
    C10_CUDA_KERNEL_LAUNCH_CHECK();
}

template <class T> void multiplyRow(const View& w, const float* pairs, const T* x, T* y, cudaStream_t stream) {
    rowKernel<<<blocksFor(w.out * kWarp), kThreads, 0, stream>>>(w, pairs, x, y);
    C10_CUDA_KERNEL_LAUNCH_CHECK();
}

template void expand(const View&, const float*, float*, cudaStream_t);
template void expand(const View&, const float*, c10::BFloat16*, cudaStream_t);
template void expand(const View&, const float*, c10::Half*, cudaStream_t);
template void multiplyRow(const View&, const float*, const float*, float*, cudaStream_t);
template void multiplyRow(const View&, const float*, const c10::BFloat16*, c10::BFloat16*, cudaStream_t);
template void multiplyRow(const View&, const float*, const c10::Half*, c10::Half*, cudaStream_t);

} // namespace engine::cuda
