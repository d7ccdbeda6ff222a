// SPDX-License-Identifier: GPL-3.0-or-later
// float32 to the types that a GGUF file is written in, bit for bit as ggml's reference does it (FORMATS §A3).
#pragma once
#include "engine/weights/tensor_view.h"

#include <cstdint>

namespace engine {

/// Rounded to nearest even; beyond the largest half: infinity.
std::uint16_t toHalf(float value);

/// F32, F16, BF16, Q8_0, Q4_0 or Q4_1. `count` finite values, whole blocks; `out` holds byteSize(type, count) bytes. False where
/// a value, or a block's scale, is beyond what the type can hold. Throws Error(Internal) for another type.
bool fromFloat(DType type, const float* in, std::size_t count, std::byte* out);

} // namespace engine
