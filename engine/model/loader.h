// SPDX-License-Identifier: GPL-3.0-or-later
// A model's weights by their Hugging Face names, whatever file and naming they lie in.
#pragma once
#include "engine/architecture/architecture.h"
#include "engine/model/block_matrix.h"
#include "engine/model/nf4_matrix.h"

#include <ATen/core/Tensor.h>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace engine {

/// Reads the folder's safetensors or a .gguf. Phi's three namings (q_proj/k_proj/v_proj, mixer.Wqkv, query_key_value) and GGUF's
/// are answered to the newest one's; a llama GGUF's interleaved Q and K rows are put back in halves (FORMATS §A1, §A3).
class WeightReader {
public:
    /// Throws Error naming what is missing or damaged.
    explicit WeightReader(const std::filesystem::path& model);
    ~WeightReader();
    WeightReader(WeightReader&&) noexcept;

    const DecoderConfig& config() const;
    /// The file or folder.
    const std::filesystem::path& path() const;
    /// Whether bitsandbytes quantised the weights before they were saved.
    bool holdsNf4() const;
    /// The tensor "model.layers.0.mlp.fc1.weight" in this type (float or bfloat16). What lies in the file as it is wanted stays
    /// there, mapped. Throws Error(NotFound, BadInput) naming file, tensor, and expected and found shapes, or the first element
    /// that is no number.
    at::Tensor read(const std::string& name, const std::vector<std::int64_t>& shape, at::ScalarType type) const;
    /// A matrix [out, in] as the file holds it, where that is in blocks we compute with; else nothing. Throws as read.
    std::optional<BlockMatrix> readBlocks(const std::string& name, std::int64_t out, std::int64_t in) const;
    /// Whether the file holds this tensor in bfloat16.
    bool holdsBf16(const std::string& name) const;
    /// A matrix [out, in] in NF4: as bitsandbytes stored it, or quantised here. Throws as read.
    Nf4Matrix readNf4(const std::string& name, std::int64_t out, std::int64_t in, bool doubleQuant) const;

private:
    struct Impl;
    std::shared_ptr<Impl> m_impl; // mapped tensors share it
};

} // namespace engine
