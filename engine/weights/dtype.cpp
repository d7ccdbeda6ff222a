// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/weights/dtype.h"
#include "engine/kernels/blocks.h"
#include "engine/weights/blocks.h"

#include <cassert>

namespace engine {

namespace {

using kernels::BlockKind;

// In the order of DType.
constexpr DTypeFacts kTypes[] = {{DType::F64, "F64", 1, 8, 28, blocks::f64, {}},
                                 {DType::F32, "F32", 1, 4, 0, blocks::f32, {}},
                                 {DType::F16, "F16", 1, 2, 1, blocks::f16, {}},
                                 {DType::BF16, "BF16", 1, 2, 30, blocks::bf16, {}},
                                 {DType::I64, "I64", 1, 8, 27, nullptr, {}},
                                 {DType::I32, "I32", 1, 4, 26, nullptr, {}},
                                 {DType::I16, "I16", 1, 2, 25, nullptr, {}},
                                 {DType::I8, "I8", 1, 1, 24, nullptr, {}},
                                 {DType::U8, "U8", 1, 1, -1, nullptr, {}},
                                 {DType::Bool, "BOOL", 1, 1, -1, nullptr, {}},
                                 {DType::Q8_0, "Q8_0", 32, 34, 8, blocks::q8_0, BlockKind::Q8_0},
                                 {DType::Q4_0, "Q4_0", 32, 18, 2, blocks::q4_0, BlockKind::Q4_0},
                                 {DType::Q4_1, "Q4_1", 32, 20, 3, blocks::q4_1, BlockKind::Q4_1},
                                 {DType::Q5_0, "Q5_0", 32, 22, 6, blocks::q5_0, {}},
                                 {DType::Q5_1, "Q5_1", 32, 24, 7, blocks::q5_1, {}},
                                 {DType::IQ4_NL, "IQ4_NL", 32, 18, 20, blocks::iq4_nl, {}},
                                 {DType::Q2_K, "Q2_K", 256, 84, 10, blocks::q2_K, {}},
                                 {DType::Q3_K, "Q3_K", 256, 110, 11, blocks::q3_K, {}},
                                 {DType::Q4_K, "Q4_K", 256, 144, 12, blocks::q4_K, {}},
                                 {DType::Q5_K, "Q5_K", 256, 176, 13, blocks::q5_K, {}},
                                 {DType::Q6_K, "Q6_K", 256, 210, 14, blocks::q6_K, {}},
                                 {DType::IQ4_XS, "IQ4_XS", 256, 136, 23, blocks::iq4_xs, {}}};

constexpr bool inOrder() {
    for (std::size_t i = 0; i < std::size(kTypes); ++i)
        if (static_cast<std::size_t>(kTypes[i].type) != i) return false;
    return true;
}
static_assert(inOrder());

} // namespace

std::span<const DTypeFacts> dtypes() {
    return kTypes;
}

const DTypeFacts& factsOf(DType type) {
    return kTypes[static_cast<std::size_t>(type)];
}

std::string toString(DType type) {
    return factsOf(type).name;
}

bool isQuantized(DType type) {
    return factsOf(type).block > 1;
}

bool canBeWeights(DType type) {
    return factsOf(type).toFloat != nullptr;
}

std::size_t blockSize(DType type) {
    return factsOf(type).block;
}

std::size_t byteSize(DType type, std::size_t count) {
    assert(count % blockSize(type) == 0);
    return count / blockSize(type) * factsOf(type).bytes;
}

} // namespace engine
