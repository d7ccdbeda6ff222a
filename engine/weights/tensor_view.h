// SPDX-License-Identifier: GPL-3.0-or-later
// A tensor in a file, before it is a torch tensor.
#pragma once
#include "engine/words/quoting.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace engine {

/// Element types of safetensors and GGUF files that we read.
enum class DType { F64, F32, F16, BF16, I64, I32, I16, I8, U8, Bool, Q8_0, Q4_0, Q4_1, Q4_K, Q5_K, Q6_K };
std::string toString(DType type);
bool isQuantized(DType type);
/// Elements that share one block: 1 for plain types, 32 or 256 for quantised ones.
std::size_t blockSize(DType type);
/// Bytes of `count` elements (a multiple of the block for quantised types).
std::size_t byteSize(DType type, std::size_t count);

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
