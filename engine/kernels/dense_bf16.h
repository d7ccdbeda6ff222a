// SPDX-License-Identifier: GPL-3.0-or-later
// Products of many rows with a bfloat16 matrix that is held once, row by row, for both directions: a panel of it that fits the
// cache is laid out, multiplied by all rows and forgotten. As fast as oneDNN is on matrices that were laid out for it, once a
// direction.
#pragma once
#include "engine/kernels/nf4_bf16.h"

namespace engine::kernels {

/// Whether the processor multiplies pairs of bfloat16 and has no faster way, for which oneDNN knows the layout. The other
/// functions ask for it.
bool multipliesDensePanels();

/// W [rows, width] bfloat16, tightly packed; both numbers even.
struct DenseRows {
    const std::uint16_t* values = nullptr;
    std::int64_t rows = 0, width = 0;
};

/// Rows of a unit of work, which is the least that threads share: of so many rows of the result kPanelColumns columns.
inline constexpr std::int64_t kPanelRows = 48;
/// Units of a result [count, columns].
inline std::int64_t panelUnits(std::int64_t count, std::int64_t columns) {
    return (count + kPanelRows - 1) / kPanelRows * ((columns + kPanelColumns - 1) / kPanelColumns);
}

/// Units [begin, end) of y [count, w.rows] = (y +) x [count, w.width] W^T.
void multiplyDensePanels(Rows x, std::int64_t count, const DenseRows& w, std::int64_t begin, std::int64_t end, Rows y, bool add);
/// Units [begin, end) of dx [count, width] = (dx +) dy [count, rows of all parts] W. The parts' rows follow one another.
void multiplyDensePanelsBack(Rows dy, std::int64_t count, std::span<const DenseRows> parts, std::int64_t begin, std::int64_t end,
                             Rows dx, bool add);

} // namespace engine::kernels
