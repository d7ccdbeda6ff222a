// SPDX-License-Identifier: GPL-3.0-or-later
// GGUF files, written tensor by tensor. Format: ggml's docs/gguf.md and FORMATS §A3.
#pragma once
#include "engine/weights/gguf.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace engine {

class NewFile;

/// In the order of writing. Whole numbers are written as u32, real ones as f32; of lists as i32 and f32.
using GgufMetadata = std::vector<std::pair<std::string, GgufFile::Value>>;

/// The file is there whole or not at all. All members throw Error: BadInput for what the format cannot hold, Io.
class GgufWriter {
public:
    /// Bytes of `tensors` are not looked at; shapes are torch's, rows first.
    GgufWriter(const std::filesystem::path& file, const GgufMetadata& metadata, const std::vector<TensorView>& tensors);
    ~GgufWriter();
    /// Of the whole file.
    std::uint64_t byteCount() const { return m_total; }
    /// All bytes of the next tensor.
    void write(std::span<const std::byte> bytes);
    /// Throws Error(Internal) unless every tensor was written.
    void commit();

private:
    void pad();

    std::unique_ptr<NewFile> m_file;
    std::vector<std::uint64_t> m_sizes; // of the tensors' bytes
    std::size_t m_next = 0;
    std::uint64_t m_position = 0, m_total = 0;
};

} // namespace engine
