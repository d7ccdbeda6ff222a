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

class NewFile;

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

/// A file written tensor by tensor, whole or not at all. All members throw Error(BadInput) for what the format cannot hold,
/// Error(Io).
class SafetensorsWriter {
public:
    /// The header; the tensors' own bytes are not looked at and follow in this order.
    SafetensorsWriter(const std::filesystem::path& file, const std::vector<TensorView>& tensors,
                      const std::map<std::string, std::string>& metadata);
    ~SafetensorsWriter();
    void write(std::span<const std::byte> bytes);
    /// Throws Error(Internal) unless every byte was written.
    void commit();

private:
    std::unique_ptr<NewFile> m_file;
    std::uint64_t m_left = 0;
};

/// All tensors at once, laid out as the reference writer does.
void writeSafetensors(const std::filesystem::path& file, const std::vector<TensorView>& tensors,
                      const std::map<std::string, std::string>& metadata);

} // namespace engine
