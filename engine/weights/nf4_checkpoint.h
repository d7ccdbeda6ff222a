// SPDX-License-Identifier: GPL-3.0-or-later
// Weights that bitsandbytes quantised before they were saved: "….weight" with its sibling tensors (FORMATS §A4).
#pragma once
#include "engine/kernels/nf4.h"
#include "engine/weights/tensor_view.h"

#include <functional>
#include <optional>
#include <string>

namespace engine {

struct Nf4Weight {
    std::vector<std::int64_t> shape; // of the weight, not of its bytes
    std::string dtype;               // "bfloat16", "float16" or "float32": what it was, and becomes again in PyTorch
    std::size_t block = kNf4Block;
    std::span<const std::uint8_t> codes; // valid while the file is open
    std::vector<float> absmax;           // double quantisation undone

    Nf4Codes view() const { return {codes.data(), absmax.data(), block}; }
};

/// The weight of this name; none when it is not quantised. `find` looks in the checkpoint's files.
/// Throws Error(BadInput) naming the tensor whose type, size or key is wrong, and for FP4.
std::optional<Nf4Weight> readNf4(const std::string& name, const std::function<const TensorView*(const std::string&)>& find);
/// Whether a tensor is such a sibling ("….weight.absmax"), no weight of its own.
bool isNf4Part(const std::string& name);

} // namespace engine
