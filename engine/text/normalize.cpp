// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/text/normalize.h"
#include "engine/error.h"
#include "engine/text/unicode.h"

#include <algorithm>
#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/uniset.h>
#include <unicode/unistr.h>

namespace engine {

namespace {

const icu::Normalizer2& normalizerFor(Normalizer::Form form) {
    UErrorCode status = U_ZERO_ERROR;
    const icu::Normalizer2* found = nullptr;
    switch (form) {
    case Normalizer::Form::Nfc: found = icu::Normalizer2::getNFCInstance(status); break;
    case Normalizer::Form::Nfd: found = icu::Normalizer2::getNFDInstance(status); break;
    case Normalizer::Form::Nfkc: found = icu::Normalizer2::getNFKCInstance(status); break;
    case Normalizer::Form::Nfkd: found = icu::Normalizer2::getNFKDInstance(status); break;
    }
    if (U_FAILURE(status) || !found)
        throw Error(ErrorCode::Internal, std::string("ICU has no Unicode normalisation: ") + u_errorName(status) + ".");
    return *found;
}

/// Characters of Unicode 9, by which the tokenizers library normalises: later ones pass as they are, and so they did in training.
const icu::UnicodeSet& knownCharacters() {
    static const icu::UnicodeSet known = [] {
        UErrorCode status = U_ZERO_ERROR;
        icu::UnicodeSet set(icu::UnicodeString("[:age=9.0:]"), status);
        if (U_FAILURE(status))
            throw Error(ErrorCode::Internal, std::string("ICU does not know Unicode's ages: ") + u_errorName(status) + ".");
        return set;
    }();
    return known;
}

std::string compose(Normalizer::Form form, std::string_view text) {
    const bool ascii = std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
    if (ascii) return std::string(text);
    constexpr std::size_t kMax = std::size_t(1) << 29;
    if (text.size() > kMax) throw Error(ErrorCode::BadInput, "A text of more than 512 MiB cannot be normalised.", "Split it.");
    const icu::FilteredNormalizer2 normalizer(normalizerFor(form), knownCharacters());
    std::string out;
    const auto run = [&](std::size_t begin, std::size_t end) {
        UErrorCode status = U_ZERO_ERROR;
        std::string part;
        icu::StringByteSink<std::string> sink(&part);
        normalizer.normalizeUTF8(0, icu::StringPiece(text.data() + begin, static_cast<std::int32_t>(end - begin)), sink, nullptr,
                                 status);
        if (U_FAILURE(status))
            throw Error(ErrorCode::Internal, std::string("ICU cannot normalise a text: ") + u_errorName(status) + ".");
        out += part;
    };
    std::size_t begin = 0;
    std::size_t at = 0;
    while (at < text.size()) {
        const Character c = characterAt(text, at);
        if (!c.valid) {
            run(begin, at);
            out += text[at];
            begin = at + 1;
        }
        at += c.bytes;
    }
    run(begin, text.size());
    return out;
}

std::string lowercase(std::string_view text) {
    constexpr char32_t kCapitalIWithDot = 0x130; // the one whose small letter is two characters
    std::string out;
    out.reserve(text.size());
    for (std::size_t at = 0; at < text.size();) {
        const Character c = characterAt(text, at);
        if (!c.valid)
            out += text[at];
        else if (c.code == kCapitalIWithDot)
            out += "i\xCC\x87";
        else
            appendUtf8(out, static_cast<char32_t>(u_tolower(static_cast<UChar32>(c.code))));
        at += c.bytes;
    }
    return out;
}

std::string replace(const Normalizer::Replace& step, std::string_view text) {
    std::string out;
    for (const Pattern::Piece& piece : step.pattern.pieces(text)) {
        if (piece.match)
            out += step.content;
        else
            out += text.substr(piece.begin, piece.end - piece.begin);
    }
    return out;
}

} // namespace

std::string Normalizer::apply(std::string_view text, bool prefixed) const {
    std::string out(text);
    for (const Step& step : m_steps) {
        if (const auto* form = std::get_if<Form>(&step))
            out = compose(*form, out);
        else if (std::get_if<Lowercase>(&step))
            out = lowercase(out);
        else if (const auto* prepend = std::get_if<Prepend>(&step))
            out = out.empty() || !prefixed ? out : prepend->text + out;
        else if (const auto* swap = std::get_if<Replace>(&step))
            out = replace(*swap, out);
    }
    return out;
}

} // namespace engine
