// SPDX-License-Identifier: GPL-3.0-or-later
// The element types of safetensors and GGUF files that we read: one list.
#pragma once
#include <cstddef>
#include <optional>
#include <span>
#include <string>

namespace engine {

namespace kernels {
enum class BlockKind;
}

enum class DType {
    F64,
    F32,
    F16,
    BF16,
    I64,
    I32,
    I16,
    I8,
    U8,
    Bool,
    Q8_0,
    Q4_0,
    Q4_1,
    Q5_0,
    Q5_1,
    IQ4_NL,
    Q2_K,
    Q3_K,
    Q4_K,
    Q5_K,
    Q6_K,
    IQ4_XS
};

struct DTypeFacts {
    DType type;
    const char* name;
    std::size_t block, bytes; // elements that share a block (1 for plain types), and the block's size
    int gguf;                 // its number in GGUF (ggml.h's ggml_type); -1: none
    /// `blocks` blocks at any alignment as float32; nullptr: whole numbers.
    void (*toFloat)(const unsigned char* in, std::size_t blocks, float* out);
    std::optional<kernels::BlockKind> kernel; // multiplied as it lies in the file
};
std::span<const DTypeFacts> dtypes();
const DTypeFacts& factsOf(DType type);

std::string toString(DType type);
bool isQuantized(DType type);
/// Floating-point or quantised: what weights can be.
bool canBeWeights(DType type);
/// Elements that share one block: 1 for plain types, 32 or 256 for quantised ones.
std::size_t blockSize(DType type);
/// Bytes of `count` elements (a multiple of the block for quantised types).
std::size_t byteSize(DType type, std::size_t count);

} // namespace engine
