// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/text/byte_level.h"
#include "engine/text/unicode.h"

#include <array>

namespace engine {

namespace {

struct Alphabet {
    std::array<std::string, 256> symbols;
    std::array<std::int16_t, 256 + 68> bytes; // by code point; -1: no byte's
};

const Alphabet& alphabet() {
    static const Alphabet made = [] {
        Alphabet a;
        a.bytes.fill(-1);
        char32_t next = 256;
        for (unsigned byte = 0; byte < 256; ++byte) {
            const bool printable = (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
            const char32_t code = printable ? byte : next++;
            appendUtf8(a.symbols[byte], code);
            a.bytes[code] = static_cast<std::int16_t>(byte);
        }
        return a;
    }();
    return made;
}

} // namespace

const std::string& byteSymbol(unsigned char byte) {
    return alphabet().symbols[byte];
}

std::optional<std::string> bytesOfSymbols(std::string_view token) {
    const Alphabet& a = alphabet();
    std::string bytes;
    for (std::size_t at = 0; at < token.size();) {
        const Character c = characterAt(token, at);
        if (c.code >= a.bytes.size() || a.bytes[c.code] < 0) return std::nullopt;
        bytes += static_cast<char>(a.bytes[c.code]);
        at += c.bytes;
    }
    return bytes;
}

} // namespace engine
