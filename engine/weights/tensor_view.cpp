// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/weights/tensor_view.h"
#include "engine/error.h"
#include "engine/weights/blocks.h"

#include <array>
#include <cassert>

namespace engine {

namespace {

struct TypeFacts {
    const char* name;
    std::size_t block, bytes; // elements of a block and its size
};

constexpr std::array<TypeFacts, 16> kTypes{{{"F64", 1, 8},
                                            {"F32", 1, 4},
                                            {"F16", 1, 2},
                                            {"BF16", 1, 2},
                                            {"I64", 1, 8},
                                            {"I32", 1, 4},
                                            {"I16", 1, 2},
                                            {"I8", 1, 1},
                                            {"U8", 1, 1},
                                            {"BOOL", 1, 1},
                                            {"Q8_0", 32, 34},
                                            {"Q4_0", 32, 18},
                                            {"Q4_1", 32, 20},
                                            {"Q4_K", 256, 144},
                                            {"Q5_K", 256, 176},
                                            {"Q6_K", 256, 210}}};

const TypeFacts& facts(DType type) {
    return kTypes[static_cast<std::size_t>(type)];
}

} // namespace

std::string toString(DType type) {
    return facts(type).name;
}

bool isQuantized(DType type) {
    return blockSize(type) > 1;
}

std::size_t blockSize(DType type) {
    return facts(type).block;
}

std::size_t byteSize(DType type, std::size_t count) {
    assert(count % facts(type).block == 0);
    return count / facts(type).block * facts(type).bytes;
}

std::int64_t TensorView::count() const {
    std::int64_t product = 1;
    for (std::int64_t size : shape) product *= size;
    return product;
}

TensorView TensorView::rows(std::int64_t begin, std::int64_t end) const {
    const std::int64_t height = shape.empty() ? 0 : shape[0];
    const std::int64_t width = height > 0 ? count() / height : 0;
    const auto block = static_cast<std::int64_t>(blockSize(type));
    if (begin < 0 || end < begin || end > height || begin * width % block != 0 || end * width % block != 0)
        throw Error(ErrorCode::Internal, "Rows " + std::to_string(begin) + " to " + std::to_string(end) + " of the tensor " +
                                             quote(name) + " " + shapeText(shape) + " cannot be cut out.");
    TensorView part{name, type, shape, {}};
    part.shape[0] = end - begin;
    part.bytes = bytes.subspan(byteSize(type, static_cast<std::size_t>(begin * width)),
                               byteSize(type, static_cast<std::size_t>((end - begin) * width)));
    return part;
}

void toFloat(const TensorView& view, float* out) {
    const auto count = static_cast<std::size_t>(view.count());
    if (count % blockSize(view.type) != 0 || byteSize(view.type, count) != view.bytes.size())
        throw Error(ErrorCode::Internal, "The tensor " + quote(view.name) + " " + shapeText(view.shape) + " does not match its " +
                                             std::to_string(view.bytes.size()) + " bytes.");
    if (!blocksToFloat(view.type, view.bytes.data(), count, out))
        throw Error(ErrorCode::BadInput,
                    "The tensor " + quote(view.name) + " holds " + toString(view.type) + " where real numbers are needed.");
}

std::string shapeText(const std::vector<std::int64_t>& shape) {
    std::string text = "[";
    for (std::size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
    return text + "]";
}

} // namespace engine
