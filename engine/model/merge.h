// SPDX-License-Identifier: GPL-3.0-or-later
// A model's tensors with an adapter added to them, one at a time.
#pragma once
#include "engine/architecture/architecture.h"
#include "engine/architecture/precision.h"
#include "engine/architecture/tensors.h"
#include "engine/model/lora.h"
#include "engine/weights/tensor_view.h"

#include <ATen/core/Tensor.h>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <vector>

namespace engine {

/// W + scaling * B A, computed in float32 and rounded once to the type the model's file has; trained biases in place of the
/// model's. Under NF4 every linear layer is first quantised and de-quantised, as it was when the adapter was trained. Names are
/// the file's own (fused Wqkv stays fused), a GGUF's become Hugging Face's; what no layer reads is copied as it is.
class MergedModel {
public:
    /// `adapter` outlives this. Throws Error naming what is missing or damaged.
    MergedModel(const std::filesystem::path& model, const Precision& precision, const Lora& adapter);
    ~MergedModel();
    MergedModel(MergedModel&&) noexcept;

    const DecoderConfig& config() const;
    /// Names, types and shapes of what is to be written; no bytes.
    const std::vector<TensorView>& tensors() const;
    /// The type that most of it is written in: F32, F16, BF16 or F64.
    DType type() const;
    /// Calls `out` with the tensor's bytes. Throws Error naming a tensor whose values are missing, misshapen or beyond the type's
    /// range.
    void write(std::size_t tensor, const std::function<void(std::span<const std::byte>)>& out) const;
    /// A tensor that the decoder reads, by its Hugging Face name, whatever the file calls it: float32, before it is rounded.
    at::Tensor values(const TensorShape& tensor) const;

private:
    struct Impl;
    std::unique_ptr<Impl> m_impl;
};

} // namespace engine
