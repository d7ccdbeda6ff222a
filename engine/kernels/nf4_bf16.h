// SPDX-License-Identifier: GPL-3.0-or-later
// NF4 products on processors that multiply pairs of bfloat16 (AVX512-BF16), which Highway 1.0 has no operation for. Rows are
// bfloat16, the values that codes stand for are rounded to it, sums are float.
#pragma once
#include "engine/kernels/kernels.h"

#include <span>

namespace engine::kernels {

/// Whether the processor can; the other functions here ask for it.
bool multipliesNf4InBf16();

/// y [count, end - begin] += x W^T for W's rows [begin, end), streaming W once; for few rows of x [count, width], given as
/// [2, count, width / 2]: even elements before odd ones. The scale, which may be bfloat16, is taken out of a block's sum.
void multiplyFewRowsNf4Bf16(const std::uint16_t* x, std::int64_t count, const Nf4Rows& w, std::int64_t begin, std::int64_t end,
                            Rows y);

// For many rows: a panel of W that fits the cache is expanded, multiplied by all rows and forgotten.

/// Columns that panels begin at a multiple of.
inline constexpr std::int64_t kPanelColumns = 64;
/// y [count, w.rows] = (y +) x [count, w.width] W^T, of it the columns [begin, end), begin a multiple of kPanelColumns.
void multiplyNf4Panels(Rows x, std::int64_t count, const Nf4Rows& w, std::int64_t begin, std::int64_t end, Rows y, bool add);
/// dx [count, width] = (dx +) dy [count, rows of all parts] W, of it the columns [begin, end), multiples of kPanelColumns. The
/// parts' rows follow one another and are even in number.
void multiplyNf4PanelsBack(Rows dy, std::int64_t count, std::span<const Nf4Rows> parts, std::int64_t begin, std::int64_t end,
                           Rows dx, bool add);

} // namespace engine::kernels
