// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/weights/tensor_view.h"
#include "engine/error.h"

namespace engine {

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
    const auto convert = factsOf(view.type).toFloat;
    if (!convert)
        throw Error(ErrorCode::BadInput,
                    "The tensor " + quote(view.name) + " holds " + toString(view.type) + " where real numbers are needed.");
    convert(reinterpret_cast<const unsigned char*>(view.bytes.data()), count / blockSize(view.type), out);
}

std::string shapeText(const std::vector<std::int64_t>& shape) {
    std::string text = "[";
    for (std::size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
    return text + "]";
}

} // namespace engine
