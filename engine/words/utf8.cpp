// SPDX-License-Identifier: GPL-3.0-or-later
// ASCII goes by 32 bytes at a time, the rest by character, which ICU tells apart.
#include "engine/words/utf8.h"

#include <algorithm>
#include <cstring>
#include <unicode/utf8.h>

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
        const Utf8Step step = utf8Step(text, at);
        if (step.kind != Utf8Step::Whole) {
            found.offset = at;
            found.size = step.bytes;
            return found;
        }
        ++found.multibyte;
        at += step.bytes;
    }
    return found;
}

Utf8Step utf8Step(std::string_view text, std::size_t at) {
    // A character has four bytes at most; the window keeps ICU's 32-bit offsets apart from the text's length.
    const std::string_view window = text.substr(at, 4);
    const auto size = static_cast<std::int32_t>(window.size());
    std::int32_t used = 0;
    UChar32 code = 0;
    U8_NEXT(window.data(), used, size, code);
    if (code >= 0) return {static_cast<char32_t>(code), static_cast<std::size_t>(used), Utf8Step::Whole};
    const bool cut = used == size && used <= U8_COUNT_TRAIL_BYTES(window[0]);
    return {0xFFFD, static_cast<std::size_t>(used), cut ? Utf8Step::Cut : Utf8Step::Malformed};
}

void appendUtf8(std::string& text, char32_t code) {
    char bytes[U8_MAX_LENGTH];
    std::int32_t used = 0;
    U8_APPEND_UNSAFE(bytes, used, static_cast<UChar32>(code));
    text.append(bytes, static_cast<std::size_t>(used));
}

std::size_t characterCount(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), beginsCharacter));
}

std::string_view firstCharacters(std::string_view text, std::size_t most) {
    std::size_t end = 0;
    for (std::size_t count = 0; end < text.size(); ++end)
        if (beginsCharacter(text[end]) && count++ == most) break;
    return text.substr(0, end);
}

std::string_view wholeCharacters(std::string_view text, std::size_t mostBytes) {
    std::size_t end = 0;
    while (end < text.size()) {
        const Utf8Step step = utf8Step(text, end);
        if (step.kind != Utf8Step::Whole || end + step.bytes > mostBytes) break;
        end += step.bytes;
    }
    return text.substr(0, end);
}

} // namespace engine
