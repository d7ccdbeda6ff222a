// SPDX-License-Identifier: GPL-3.0-or-later
// A tensor in a file, before it is a torch tensor.
#pragma once
#include "engine/weights/dtype.h"
#include "engine/words/quoting.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace engine {

/// Bytes stay valid while the file object lives.
struct TensorView {
    std::string name;
    DType type = DType::F32;
    std::vector<std::int64_t> shape; // torch's order: rows first
    std::span<const std::byte> bytes;
    std::int64_t count() const;
    /// Rows [begin, end) of the first dimension; where a block spans rows, the range must start and end with a block.
    TensorView rows(std::int64_t begin, std::int64_t end) const;
};

/// Any floating or quantised type to float32, exactly as ggml's reference de-quantisers do. `out` holds view.count() floats.
/// Throws Error(BadInput) naming a tensor of integers. Pieces for several threads: toFloat(view.rows(begin, end), out + …).
void toFloat(const TensorView& view, float* out);

/// "[32, 64]".
std::string shapeText(const std::vector<std::int64_t>& shape);

} // namespace engine
