// SPDX-License-Identifier: GPL-3.0-or-later
// Which elements a training step's dropout keeps, the same for every implementation and on every device.
#pragma once
#include "engine/kernels/kernels.h"

#include <ATen/core/Tensor.h>
#include <cstdint>

namespace engine {

/// A layer's dropouts: before the adapters of its four products, and on its two branches.
enum MaskNumber { kQkvMask, kOutMask, kUpMask, kDownMask, kAttentionResidual, kMlpResidual, kMasks };

/// `key` is the step's.
kernels::Mask layerMask(std::uint64_t key, std::int64_t layer, int which, double rate);

/// What kernels::dropout makes of x [N, width], by ATen's operations on x's device.
at::Tensor droppedPlain(const at::Tensor& x, const kernels::Mask& mask);

} // namespace engine
