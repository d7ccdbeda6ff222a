// SPDX-License-Identifier: GPL-3.0-or-later
// GGUF files, memory-mapped. Format: ggml's docs/gguf.md and FORMATS §A3.
#pragma once
#include "engine/error.h"
#include "engine/weights/tensor_view.h"

#include <filesystem>
#include <memory>
#include <optional>
#include <variant>

namespace engine {

/// Everything is checked against the file's size before use; throws Error naming file, key or tensor.
class GgufFile {
public:
    using Value = std::variant<std::int64_t, double, bool, std::string, std::vector<std::string>, std::vector<std::int64_t>,
                               std::vector<double>>;

    explicit GgufFile(const std::filesystem::path& file);
    ~GgufFile();
    GgufFile(GgufFile&&) noexcept;
    GgufFile& operator=(GgufFile&&) noexcept;
    const std::filesystem::path& path() const;
    const std::vector<TensorView>& tensors() const;
    const TensorView* find(const std::string& name) const;
    const std::vector<std::pair<std::string, Value>>& metadata() const;
    /// Throws Error(BadInput) when the key is missing or of another kind.
    std::int64_t integer(const std::string& key) const;
    double number(const std::string& key) const;
    std::string text(const std::string& key) const;
    const Value* value(const std::string& key) const; // nullptr: missing

private:
    struct Impl;
    std::unique_ptr<Impl> m_impl;
};

/// A type's number in GGUF files. Throws Error(Internal) for one that they do not know.
std::uint32_t ggmlTypeOf(DType type);
/// Throws Error(BadInput) for a file that says it holds something else: an adapter, a projector, an importance matrix.
void requireModel(const GgufFile& file);

} // namespace engine
