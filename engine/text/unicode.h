// SPDX-License-Identifier: GPL-3.0-or-later
// Characters of UTF-8 text in the four classes that tokenizers' patterns tell apart.
#pragma once
#include "engine/words/utf8.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace engine {

enum class CharKind : std::uint8_t { Letter, Number, Space, Other }; // \p{L}, \p{N}, \s, none of these

struct Character {
    char32_t code = 0;
    std::uint8_t bytes = 0;
    CharKind kind = CharKind::Other;
    bool valid = true; // false: one byte that begins no UTF-8 character; its code is U+FFFD
};

/// Classes of Unicode 16, whichever newer or older (from 15 on) ICU is there.
CharKind kindOf(char32_t code);
Character wideCharacterAt(std::string_view text, std::size_t at);

/// `at` is inside the text.
inline Character characterAt(std::string_view text, std::size_t at) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte >= 0x80) return wideCharacterAt(text, at);
    CharKind kind = CharKind::Other;
    if ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z')
        kind = CharKind::Letter;
    else if (byte == ' ' || (byte >= '\t' && byte <= '\r'))
        kind = CharKind::Space;
    else if (byte >= '0' && byte <= '9')
        kind = CharKind::Number;
    return {byte, 1, kind, true};
}

/// Where the character before `end` begins; `end` is not 0.
std::size_t characterBefore(std::string_view text, std::size_t end);
/// \w of the Rust regex crate: alphabetic, mark, decimal number, connector punctuation, join control.
bool isWordCharacter(char32_t code);

} // namespace engine
