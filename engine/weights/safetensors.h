// SPDX-License-Identifier: GPL-3.0-or-later
// safetensors files, memory-mapped. Format: huggingface/safetensors README.
#pragma once
#include "engine/error.h"
#include "engine/weights/tensor_view.h"

#include <filesystem>
#include <map>
#include <memory>
#include <utility>

namespace engine {

/// The whole header is checked when opened (FORMATS §A1); throws Error naming file, tensor and both sizes.
class SafetensorsFile {
public:
    explicit SafetensorsFile(const std::filesystem::path& file);
    ~SafetensorsFile();
    SafetensorsFile(SafetensorsFile&&) noexcept;
    SafetensorsFile& operator=(SafetensorsFile&&) noexcept;
    const std::filesystem::path& path() const;
    const std::vector<TensorView>& tensors() const; // in file order
    const TensorView* find(const std::string& name) const;
    const std::map<std::string, std::string>& metadata() const;

private:
    struct Impl;
    std::unique_ptr<Impl> m_impl;
};

/// Written to a temporary name beside `file`, synced, then renamed. Throws Error(Io), leaving no half file.
void writeSafetensors(const std::filesystem::path& file, const std::vector<TensorView>& tensors,
                      const std::map<std::string, std::string>& metadata);

} // namespace engine
