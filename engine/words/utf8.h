// SPDX-License-Identifier: GPL-3.0-or-later
// UTF-8 (Unicode 15, table 3-7): whether it is well-formed, and its characters one by one.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace engine {

/// The bytes of text before the first one of 0x80 or more.
std::size_t asciiPrefix(std::string_view text);

struct Malformed {
    std::size_t offset = std::string_view::npos; // npos: none
    std::size_t size = 0;                        // bytes that together stand for one U+FFFD
    std::int64_t multibyte = 0;                  // well-formed sequences of more than one byte passed on the way
};
/// The first malformed bytes at or after `from`.
Malformed findMalformed(std::string_view text, std::size_t from = 0);

/// Whether all of it is well-formed.
bool isUtf8(std::string_view text);

inline constexpr std::string_view kReplacementCharacter = "\xEF\xBF\xBD"; // U+FFFD

struct Utf8Step {
    char32_t code = 0;
    std::size_t bytes = 0; // of the character, or those that together stand for one U+FFFD
    enum Kind : std::uint8_t { Whole, Malformed, Cut } kind = Whole; // Cut: the text ends before the character does
};
/// The character at `at`, which is inside the text.
Utf8Step utf8Step(std::string_view text, std::size_t at);
void appendUtf8(std::string& text, char32_t code);

/// Whether a character begins with this byte of well-formed text.
constexpr bool beginsCharacter(char byte) {
    return (static_cast<unsigned char>(byte) & 0xC0) != 0x80;
}
/// Of well-formed text, as Python's len counts them.
std::size_t characterCount(std::string_view text);
/// The first characters of well-formed text, `most` at most.
std::string_view firstCharacters(std::string_view text, std::size_t most);
/// The whole characters within the first `mostBytes` bytes, up to what is malformed.
std::string_view wholeCharacters(std::string_view text, std::size_t mostBytes);

} // namespace engine
