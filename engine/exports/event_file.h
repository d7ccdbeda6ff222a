// SPDX-License-Identifier: GPL-3.0-or-later
// TensorBoard's event files (tensorflow/core/util/event.proto and summary.proto, in records as TFRecord frames them).
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace engine {

/// CRC-32C (Castagnoli).
std::uint32_t crc32c(std::string_view bytes);
/// As records hold it: turned by 15 bits, and a constant added.
std::uint32_t maskedCrc32c(std::string_view bytes);

/// An event file's bytes. Times are seconds since 1970.
class EventFile {
public:
    /// Begins with the event that names the format's version.
    explicit EventFile(double time);
    void scalar(double time, std::int64_t step, std::string_view tag, float value);
    /// Markdown for the page "Text".
    void text(double time, std::string_view tag, std::string_view markdown);
    const std::string& bytes() const { return m_bytes; }

private:
    void record(std::string_view event);

    std::string m_bytes;
};

} // namespace engine
