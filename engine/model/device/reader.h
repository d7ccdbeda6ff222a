// SPDX-License-Identifier: GPL-3.0-or-later
// A model's weights, read onto a device.
#pragma once
#include "engine/model/model_reader.h"

namespace engine::device {

struct Reader {
    const ModelReader& reader;
    at::ScalarType type;
    at::Device device;

    const DecoderConfig& config() const { return reader.config(); }
    /// [out, in] in the compute type.
    at::Tensor matrix(const LinearShape& shape) const;
    /// [1, size] float.
    at::Tensor vector(const std::string& name, std::int64_t size) const;
};

} // namespace engine::device
