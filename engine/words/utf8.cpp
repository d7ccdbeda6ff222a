// SPDX-License-Identifier: GPL-3.0-or-later
// ASCII goes by 32 bytes at a time, the rest by sequence.
#include "engine/words/utf8.h"

#include <cstring>

namespace engine {
namespace {

std::uint64_t word(const char* at) {
    std::uint64_t value = 0;
    std::memcpy(&value, at, sizeof value);
    return value;
}

unsigned byteAt(const char* at) {
    return static_cast<unsigned char>(*at);
}

// Bytes of the sequence at `at` that are well-formed together: its full length, or fewer when it breaks off; `full` is what it
// should be (0: no lead).
std::size_t wellFormed(const char* at, std::size_t left, std::size_t& full) {
    const unsigned lead = byteAt(at);
    unsigned low = 0x80, high = 0xBF; // of the second byte
    if (lead >= 0xC2 && lead <= 0xDF)
        full = 2;
    else if (lead >= 0xE0 && lead <= 0xEF)
        full = 3;
    else if (lead >= 0xF0 && lead <= 0xF4)
        full = 4;
    else
        return full = 0;
    if (lead == 0xE0) low = 0xA0;
    if (lead == 0xED) high = 0x9F;
    if (lead == 0xF0) low = 0x90;
    if (lead == 0xF4) high = 0x8F;
    std::size_t size = 1;
    for (; size < full && size < left; ++size, low = 0x80, high = 0xBF) {
        if (byteAt(at + size) < low || byteAt(at + size) > high) break;
    }
    return size;
}

} // namespace

std::size_t asciiPrefix(std::string_view text) {
    constexpr std::uint64_t kHigh = 0x8080808080808080u;
    const char* const begin = text.data();
    const char* const end = begin + text.size();
    const char* at = begin;
    while (end - at >= 32 && ((word(at) | word(at + 8) | word(at + 16) | word(at + 24)) & kHigh) == 0) at += 32;
    while (end - at >= 8 && (word(at) & kHigh) == 0) at += 8;
    while (at != end && byteAt(at) < 0x80) ++at;
    return static_cast<std::size_t>(at - begin);
}

Malformed findMalformed(std::string_view text, std::size_t from) {
    Malformed found;
    std::size_t at = from;
    while (at < text.size()) {
        if (byteAt(text.data() + at) < 0x80) {
            at += asciiPrefix(text.substr(at));
            continue;
        }
        std::size_t full = 0;
        const std::size_t size = wellFormed(text.data() + at, text.size() - at, full);
        if (full == 0 || size < full) {
            found.offset = at;
            found.size = full == 0 ? 1 : size;
            return found;
        }
        ++found.multibyte;
        at += size;
    }
    return found;
}

} // namespace engine
