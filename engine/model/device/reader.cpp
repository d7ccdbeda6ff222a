// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/device/reader.h"

namespace engine::device {

at::Tensor Reader::matrix(const LinearShape& shape) const {
    // The files' readers know float and bfloat16.
    const at::ScalarType held = type == at::kBFloat16 ? at::kBFloat16 : at::kFloat;
    return reader.weights().read(shape.name + ".weight", {shape.out, shape.in}, held).to(device, type);
}

at::Tensor Reader::vector(const std::string& name, std::int64_t size) const {
    return reader.vector(name, size).to(device).unsqueeze(0);
}

} // namespace engine::device
