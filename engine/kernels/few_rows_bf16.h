// SPDX-License-Identifier: GPL-3.0-or-later
// NF4 products on processors that multiply pairs of bfloat16 (AVX512-BF16), which Highway 1.0 has no operation for.
#pragma once
#include "engine/kernels/kernels.h"

namespace engine::kernels {

bool multipliesNf4InBf16();
/// multiplyFewRowsNf4 for x that came from bfloat16: the codes' values are rounded to it as well, sums are float.
/// Only where multipliesNf4InBf16(), for blocks of a multiple of 64 values.
void multiplyFewRowsNf4Bf16(const float* x, std::int64_t count, std::int64_t depth, const std::uint8_t* codes, const float* absmax,
                            std::int64_t block, std::int64_t rows, Rows y);

} // namespace engine::kernels
