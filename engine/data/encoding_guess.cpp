// SPDX-License-Identifier: GPL-3.0-or-later
// Unicode by its own signs, the rest by ICU's detector.
#include "engine/data/encoding_guess.h"

#include "engine/words/utf8.h"

#include <algorithm>
#include <array>
#include <memory>
#include <unicode/ucsdet.h>

namespace engine {
namespace {

// UTF-32's before UTF-16's, which it begins with.
constexpr std::array<ByteOrderMark, 5> kMarks{{{{"\xEF\xBB\xBF", 3}, "UTF-8"},
                                               {{"\xFF\xFE\0\0", 4}, "UTF-32LE"},
                                               {{"\0\0\xFE\xFF", 4}, "UTF-32BE"},
                                               {{"\xFF\xFE", 2}, "UTF-16LE"},
                                               {{"\xFE\xFF", 2}, "UTF-16BE"}}};

// Latin text seldom forms a multibyte sequence by chance, so a few bad bytes do not make a UTF-8 file another encoding.
bool isMostlyUtf8(std::string_view bytes) {
    std::int64_t good = 0, bad = 0;
    for (std::size_t at = 0; at < bytes.size();) {
        const Malformed found = findMalformed(bytes, at);
        good += found.multibyte;
        if (found.offset == std::string_view::npos) break;
        if (++bad >= 1000 && good < bad * 10) break;
        at = found.offset + found.size;
    }
    return good > 0 && good >= bad * 10;
}

// Bytes 0x80..0x9F, where Latin-1 has nothing to print.
struct C1 {
    std::size_t first = std::string_view::npos;
    std::size_t usual = 0; // quotes, dashes, the euro, letters with carons and the like, as Windows-1252 text has them
    std::size_t rare = 0;  // undefined in Windows-1252 or hardly ever used: they speak for text that went through wrong hands
};

C1 countC1(std::string_view bytes) {
    constexpr std::string_view kRare = "\x81\x83\x86\x87\x88\x89\x8B\x8D\x8F\x90\x98\x9B\x9D";
    C1 c1;
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        const auto byte = static_cast<unsigned char>(bytes[at]);
        if (byte < 0x80) at += asciiPrefix(bytes.substr(at)) - 1;
        if (byte < 0x80 || byte > 0x9F) continue;
        c1.first = std::min(c1.first, at);
        ++(kRare.find(bytes[at]) == std::string_view::npos ? c1.usual : c1.rare);
    }
    return c1;
}

// Some text around bytes beyond ASCII from all over the file: ICU's detector reads little more than 8 KiB.
std::string sampleBeyondAscii(std::string_view bytes, std::size_t firstC1) {
    constexpr std::size_t kAround = 80, kPieces = 48;
    std::string sample;
    const auto take = [&](std::size_t at) {
        const std::size_t begin = at > kAround ? at - kAround : 0;
        sample += bytes.substr(begin, at - begin + kAround);
        return at + kAround;
    };
    if (firstC1 != std::string_view::npos) take(firstC1);
    const std::size_t stride = bytes.size() / kPieces;
    for (std::size_t piece = 0, at = 0; piece < kPieces && at < bytes.size(); ++piece) {
        at += asciiPrefix(bytes.substr(at));
        if (at < bytes.size()) at = std::max(take(at), stride * piece);
    }
    return sample;
}

// ICU's best guess for bytes that are no Unicode; empty: none worth trusting.
std::string guessByIcu(const std::string& sample) {
    constexpr int kTrusted = 20;
    UErrorCode status = U_ZERO_ERROR;
    const std::unique_ptr<UCharsetDetector, decltype(&ucsdet_close)> detector(ucsdet_open(&status), ucsdet_close);
    if (U_FAILURE(status)) return {};
    ucsdet_setText(detector.get(), sample.data(), static_cast<std::int32_t>(sample.size()), &status);
    std::int32_t count = 0;
    const UCharsetMatch** matches = ucsdet_detectAll(detector.get(), &count, &status);
    for (std::int32_t i = 0; U_SUCCESS(status) && i < count; ++i) {
        const std::string name = ucsdet_getName(matches[i], &status);
        const std::int32_t confidence = ucsdet_getConfidence(matches[i], &status);
        if (U_FAILURE(status) || confidence < kTrusted) break;
        if (!name.starts_with("UTF-") && !name.starts_with("IBM")) return name;
    }
    return {};
}

} // namespace

const ByteOrderMark* byteOrderMark(std::string_view bytes) {
    const auto mark =
        std::find_if(kMarks.begin(), kMarks.end(), [&](const ByteOrderMark& m) { return bytes.starts_with(m.bytes); });
    return mark == kMarks.end() ? nullptr : &*mark;
}

const char* utf16ByNuls(std::string_view head, std::size_t size) {
    const std::string_view sample = head.substr(0, 1 << 16);
    if (size % 2 != 0 || sample.size() < 4 || sample.find('\0') == std::string_view::npos) return nullptr;
    std::array<std::size_t, 2> nuls{}, lineEnds{}; // by parity of the NUL
    for (std::size_t i = 0; i + 1 < sample.size(); i += 2) {
        for (std::size_t parity : {0, 1}) {
            if (sample[i + parity] != '\0') continue;
            ++nuls[parity];
            const char other = sample[i + 1 - parity];
            if (other == '\n' || other == '\r') ++lineEnds[parity];
        }
    }
    const std::size_t units = sample.size() / 2;
    for (std::size_t parity : {0, 1}) {
        const bool oneSided = nuls[1 - parity] * 4 <= nuls[parity]; // U+4E00 and its like have theirs on the other side
        const bool many = nuls[parity] * 5 >= units * 2 || (nuls[parity] * 50 >= units && lineEnds[parity] > 0);
        if (oneSided && many && nuls[parity] > 1) return parity == 1 ? "UTF-16LE" : "UTF-16BE";
    }
    return nullptr;
}

EncodingGuess guessEncoding(std::string_view bytes) {
    if (isMostlyUtf8(bytes)) return {"UTF-8"};
    const C1 c1 = countC1(bytes);
    const std::string found = guessByIcu(sampleBeyondAscii(bytes, c1.first));
    if (!found.empty() && found != "ISO-8859-1" && found != "windows-1252") return {found};
    return {c1.usual > c1.rare ? "windows-1252" : "ISO-8859-1", !found.empty()};
}

} // namespace engine
