// SPDX-License-Identifier: GPL-3.0-or-later
// UTF-8 checked a vector at a time: three look-ups by half bytes tell of each byte and the one before what may be wrong with them
// (Keiser and Lemire, "Validating UTF-8 in less than one instruction per byte", 2021).
#include "engine/words/utf8.h"

#include <cstdint>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/words/utf8_vector.cpp"
#include <hwy/foreach_target.h>

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace engine::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET == HWY_SCALAR
// One byte is no table to look anything up in.
std::size_t WellFormed(std::string_view, std::size_t from) {
    return from;
}
#else
// What may be wrong; a mistake is there where all three look-ups have its bit.
constexpr std::uint8_t kTooShort = 1, kTooLong = 2, kOverlong3 = 4, kTooLarge = 8, kSurrogate = 16, kOverlong2 = 32,
                       kTooLarge1000 = 64, kOverlong4 = 64, kTwoContinuations = 128,
                       kAnyLow = kTooShort | kTooLong | kTwoContinuations;

alignas(16) constexpr std::uint8_t kByHigh[16] = { // of the byte before
    kTooLong,
    kTooLong,
    kTooLong,
    kTooLong,
    kTooLong,
    kTooLong,
    kTooLong,
    kTooLong,
    kTwoContinuations,
    kTwoContinuations,
    kTwoContinuations,
    kTwoContinuations,
    kTooShort | kOverlong2,
    kTooShort,
    kTooShort | kOverlong3 | kSurrogate,
    kTooShort | kTooLarge | kTooLarge1000 | kOverlong4};
alignas(16) constexpr std::uint8_t kByLow[16] = { // of the byte before
    kAnyLow | kOverlong3 | kOverlong2 | kOverlong4,
    kAnyLow | kOverlong2,
    kAnyLow,
    kAnyLow,
    kAnyLow | kTooLarge,
    kAnyLow | kTooLarge | kTooLarge1000,
    kAnyLow | kTooLarge | kTooLarge1000,
    kAnyLow | kTooLarge | kTooLarge1000,
    kAnyLow | kTooLarge | kTooLarge1000,
    kAnyLow | kTooLarge | kTooLarge1000,
    kAnyLow | kTooLarge | kTooLarge1000,
    kAnyLow | kTooLarge | kTooLarge1000,
    kAnyLow | kTooLarge | kTooLarge1000,
    kAnyLow | kTooLarge | kTooLarge1000 | kSurrogate,
    kAnyLow | kTooLarge | kTooLarge1000,
    kAnyLow | kTooLarge | kTooLarge1000};
alignas(16) constexpr std::uint8_t kByNext[16] = { // the upper half of the byte itself
    kTooShort,
    kTooShort,
    kTooShort,
    kTooShort,
    kTooShort,
    kTooShort,
    kTooShort,
    kTooShort,
    kTooLong | kOverlong2 | kTwoContinuations | kOverlong3 | kTooLarge1000 | kOverlong4,
    kTooLong | kOverlong2 | kTwoContinuations | kOverlong3 | kTooLarge,
    kTooLong | kOverlong2 | kTwoContinuations | kSurrogate | kTooLarge,
    kTooLong | kOverlong2 | kTwoContinuations | kSurrogate | kTooLarge,
    kTooShort,
    kTooShort,
    kTooShort,
    kTooShort};

// How much from `from` on, where a character begins after three bytes or more, is well-formed with certainty; a character may be
// cut at its end.
std::size_t WellFormed(std::string_view text, std::size_t from) {
    const hn::CappedTag<std::uint8_t, 64> d;
    const std::size_t lanes = hn::Lanes(d);
    const auto* const bytes = reinterpret_cast<const std::uint8_t*>(text.data());
    const auto high = hn::Set(d, 0x80);
    const auto byHigh = hn::LoadDup128(d, kByHigh), byLow = hn::LoadDup128(d, kByLow), byNext = hn::LoadDup128(d, kByNext);
    std::size_t at = from;
    for (; text.size() - at >= lanes; at += lanes) {
        const auto now = hn::LoadU(d, bytes + at), third = hn::LoadU(d, bytes + at - 3);
        if (hn::AllTrue(d, hn::Lt(hn::Or(now, third), high))) continue;
        const auto first = hn::LoadU(d, bytes + at - 1), second = hn::LoadU(d, bytes + at - 2);
        const auto wrong = hn::And(hn::And(hn::TableLookupBytes(byHigh, hn::ShiftRight<4>(first)),
                                           hn::TableLookupBytes(byLow, hn::And(first, hn::Set(d, 0x0F)))),
                                   hn::TableLookupBytes(byNext, hn::ShiftRight<4>(now)));
        // Bytes that must be the third or fourth of a character; two continuations are right there and only there.
        const auto later = hn::And(
            hn::Or(hn::SaturatedSub(second, hn::Set(d, 0xE0 - 0x80)), hn::SaturatedSub(third, hn::Set(d, 0xF0 - 0x80))), high);
        if (!hn::AllTrue(d, hn::Eq(later, wrong))) break;
    }
    return at;
}
#endif

} // namespace engine::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace engine {

HWY_EXPORT(WellFormed);

bool isUtf8(std::string_view text) {
    const auto isContinuation = [&](std::size_t at) { return at < text.size() && !beginsCharacter(text[at]); };
    // A character that begins after three bytes; what stands around it is checked byte by byte.
    std::size_t from = 3;
    while (isContinuation(from) && from < 6) ++from;
    if (from >= text.size()) return findMalformed(text).offset == std::string_view::npos;
    std::size_t end = HWY_DYNAMIC_DISPATCH(WellFormed)(text, from);
    for (int back = 0; end > from && back < 3; ++back) --end; // to before a character that was cut
    while (end > from && isContinuation(end)) --end;
    return findMalformed(text.substr(0, from)).offset == std::string_view::npos &&
           findMalformed(text, end).offset == std::string_view::npos;
}

} // namespace engine
#endif
