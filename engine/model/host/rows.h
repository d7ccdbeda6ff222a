// SPDX-License-Identifier: GPL-3.0-or-later
// Tensors as rows for the kernels.
#pragma once
#include "engine/kernels/kernels.h"

#include <ATen/core/Tensor.h>
#include <cstdint>
#include <functional>

namespace engine::host {

/// The tensor's rows, from row `begin` on; float or bfloat16.
kernels::Rows rowsOf(const at::Tensor& tensor, std::int64_t begin = 0);
/// x [n, width], copied unless each row's elements follow one another.
at::Tensor byRows(const at::Tensor& x);
/// f(begin, end) over [0, rows), divided among the threads where that pays.
void forRows(std::int64_t rows, std::int64_t width, const std::function<void(std::int64_t, std::int64_t)>& f);

} // namespace engine::host
