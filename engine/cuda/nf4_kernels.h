// SPDX-License-Identifier: GPL-3.0-or-later
// Kernels for a GPU: a matrix in NF4 expanded, and multiplied by one row. T: float, c10::BFloat16, c10::Half.
#pragma once
#include "engine/model/nf4_arithmetic.h"

#include <cuda_runtime_api.h>

namespace engine::cuda {

using nf4_arithmetic::View;

/// W's values to `to` [out, in]. Pointers are the device's; `pairs` [256, 2]: what the two codes of a byte stand for.
template <class T> void expand(const View& w, const float* pairs, T* to, cudaStream_t stream);
/// y [out] = W x of x [in]; what partOfRow asks for holds.
template <class T> void multiplyRow(const View& w, const float* pairs, const T* x, T* y, cudaStream_t stream);

} // namespace engine::cuda
