// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/text/unicode.h"

#include <algorithm>
#include <array>
#include <unicode/uchar.h>

namespace engine {

namespace {

struct Range {
    char32_t first, last;
};

// Assigned in Unicode 15.1 and 16: ICU 72, of Unicode 15, does not know them, while the tokenizers that trained models do.
constexpr std::array<Range, 22> kNewLetters{
    {{0x1C89, 0x1C8A},   {0xA7CB, 0xA7CD},   {0xA7DA, 0xA7DC},   {0x105C0, 0x105F3}, {0x10D4A, 0x10D65}, {0x10D6F, 0x10D85},
     {0x10EC2, 0x10EC4}, {0x11380, 0x11389}, {0x1138B, 0x1138B}, {0x1138E, 0x1138E}, {0x11390, 0x113B5}, {0x113B7, 0x113B7},
     {0x113D1, 0x113D1}, {0x113D3, 0x113D3}, {0x11BC0, 0x11BE0}, {0x13460, 0x143FA}, {0x16100, 0x1611D}, {0x16D40, 0x16D6C},
     {0x18CFF, 0x18CFF}, {0x1E5D0, 0x1E5ED}, {0x1E5F0, 0x1E5F0}, {0x2EBF0, 0x2EE5D}}};
constexpr std::array<Range, 7> kNewNumbers{{{0x10D40, 0x10D49},
                                            {0x116D0, 0x116E3},
                                            {0x11BF0, 0x11BF9},
                                            {0x16130, 0x16139},
                                            {0x16D70, 0x16D79},
                                            {0x1CCF0, 0x1CCF9},
                                            {0x1E5F1, 0x1E5FA}}};

template <std::size_t N> bool among(const std::array<Range, N>& ranges, char32_t code) {
    const auto it = std::lower_bound(ranges.begin(), ranges.end(), code, [](const Range& r, char32_t c) { return r.last < c; });
    return it != ranges.end() && it->first <= code;
}

} // namespace

CharKind kindOf(char32_t code) {
    const auto c = static_cast<UChar32>(code);
    const auto type = u_charType(c);
    const auto mask = U_MASK(type);
    if (mask & U_GC_L_MASK) return CharKind::Letter;
    if (mask & U_GC_N_MASK) return CharKind::Number;
    if (u_isUWhiteSpace(c)) return CharKind::Space;
    if (type == U_UNASSIGNED) {
        if (among(kNewLetters, code)) return CharKind::Letter;
        if (among(kNewNumbers, code)) return CharKind::Number;
    }
    return CharKind::Other;
}

Character wideCharacterAt(std::string_view text, std::size_t at) {
    const Utf8Step step = utf8Step(text, at);
    if (step.kind != Utf8Step::Whole) return {0xFFFD, 1, CharKind::Other, false};
    return {step.code, static_cast<std::uint8_t>(step.bytes), kindOf(step.code), true};
}

std::size_t characterBefore(std::string_view text, std::size_t end) {
    for (std::size_t bytes = 2; bytes <= 4 && bytes <= end; ++bytes) {
        const Character c = characterAt(text.substr(0, end), end - bytes);
        if (c.valid && c.bytes == bytes) return end - bytes;
    }
    return end - 1;
}

bool isWordCharacter(char32_t code) {
    const auto c = static_cast<UChar32>(code);
    constexpr auto kMarksAndMore = U_GC_M_MASK | U_GC_ND_MASK | U_GC_PC_MASK;
    return u_hasBinaryProperty(c, UCHAR_ALPHABETIC) || (U_MASK(u_charType(c)) & kMarksAndMore) ||
           u_hasBinaryProperty(c, UCHAR_JOIN_CONTROL) || kindOf(code) == CharKind::Letter;
}

} // namespace engine
