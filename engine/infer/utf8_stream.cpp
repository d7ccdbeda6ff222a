// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/infer/utf8_stream.h"

namespace engine {

namespace {

constexpr const char* kReplacement = "\xEF\xBF\xBD";

struct Length {
    std::size_t bytes = 0;
    bool valid = false;
};

/// The character at the beginning of `text`: its length, or how many bytes to replace. bytes 0: more are needed (Unicode 15,
/// table 3-7).
Length characterAt(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char first = byte(0);
    if (first < 0x80) return {1, true};
    if (first < 0xC2 || first > 0xF4) return {1, false};
    const std::size_t size = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    for (std::size_t i = 1; i < size; ++i) {
        if (i == text.size()) return {0, false};
        unsigned char low = 0x80, high = 0xBF;
        if (i == 1) {
            if (first == 0xE0) low = 0xA0;
            if (first == 0xED) high = 0x9F;
            if (first == 0xF0) low = 0x90;
            if (first == 0xF4) high = 0x8F;
        }
        if (byte(i) < low || byte(i) > high) return {i, false};
    }
    return {size, true};
}

} // namespace

std::string Utf8Stream::push(std::string_view bytes) {
    m_held += bytes;
    std::string whole;
    std::string_view rest = m_held;
    while (!rest.empty()) {
        const Length length = characterAt(rest);
        if (length.bytes == 0) break;
        if (length.valid)
            whole += rest.substr(0, length.bytes);
        else
            whole += kReplacement;
        rest.remove_prefix(length.bytes);
    }
    m_held = std::string(rest);
    return whole;
}

std::string Utf8Stream::finish() {
    const bool cut = !m_held.empty();
    m_held.clear();
    return cut ? kReplacement : "";
}

} // namespace engine
