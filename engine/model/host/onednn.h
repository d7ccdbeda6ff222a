// SPDX-License-Identifier: GPL-3.0-or-later
// oneDNN's product on weights laid out for it once. Reached through libtorch's dispatcher, which exports no header for it.
#pragma once
#include <ATen/core/Tensor.h>

namespace engine::host {

/// Whether this libtorch has it.
bool canPrepack();
/// W [out, in] bfloat16 in oneDNN's own layout, for prepackedProduct only.
at::Tensor prepacked(const at::Tensor& weight);
/// x W^T [N, out] (+ add [N, out], which may be undefined and is used up).
at::Tensor prepackedProduct(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& add);

} // namespace engine::host
