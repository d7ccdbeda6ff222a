// SPDX-License-Identifier: GPL-3.0-or-later
// The keys of a GGUF file that say what its decoder is. For families only.
#pragma once
#include "engine/architecture/architecture.h"
#include "engine/architecture/ranges.h"
#include "engine/weights/gguf_writer.h"

#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

namespace engine {

/// Keys below the architecture's name. What is missing, of a wrong kind or out of its range throws Error(BadInput) naming file
/// and key.
class GgufKeys {
public:
    explicit GgufKeys(const GgufFile& file);
    const GgufFile& file() const { return m_file; }
    bool has(const std::string& key) const;
    std::int64_t integer(const std::string& key, std::optional<std::int64_t> fallback = {},
                         const NumberRange& range = ranges::kCount) const;
    double number(const std::string& key, const NumberRange& range, std::optional<double> fallback = {}) const;
    std::string text(const std::string& key, const std::string& fallback) const;
    /// A tensor of so many numbers above 0.
    std::vector<double> values(const std::string& tensor, std::int64_t count) const;
    /// Refuses a key that is set to something other than 0 or "none".
    void refuse(std::initializer_list<const char*> keys) const;
    [[noreturn]] void refuse(const std::string& what, const std::string& hint = {}) const;

private:
    const GgufFile& m_file;
    std::string m_architecture;
};

/// Sizes, rotary table (one, unscaled), tokens, tied head, name; norm_eps from `epsilon`.
void readSizes(const GgufKeys& keys, DecoderConfig& config, const char* epsilon);
/// Linear layers have the biases that are in the file.
void readBiases(const GgufKeys& keys, DecoderConfig& config);
/// The same facts for writing, under `architecture`.
GgufMetadata sizesOf(const DecoderConfig& config, const std::string& architecture, const char* epsilon);

} // namespace engine
