// SPDX-License-Identifier: GPL-3.0-or-later
// ggml's blocks of quantised weights (FORMATS §A3) and half floats, to float32.
#pragma once
#include "engine/weights/tensor_view.h"

namespace engine {

/// `count` elements (whole blocks) at any alignment; false when the type holds integers.
bool blocksToFloat(DType type, const std::byte* bytes, std::size_t count, float* out);
/// F16 by whole vectors, at any alignment; gives how many of `count` values it has done.
std::size_t halvesToFloat(const std::byte* bytes, std::size_t count, float* out);

} // namespace engine
