// SPDX-License-Identifier: GPL-3.0-or-later
// UTF-8 is taken as it is or repaired; everything else is converted by ICU.
#include "engine/data/encoding.h"

#include "engine/data/encoding_guess.h"
#include "engine/data/issue_list.h"
#include "engine/words/nearest.h"
#include "engine/words/quoting.h"
#include "engine/words/utf8.h"

#include <algorithm>
#include <memory>
#include <unicode/ucnv.h>
#include <unicode/ucnv_cb.h>
#include <unicode/ustring.h>

namespace engine {
namespace {

constexpr const char* kBadBytes = "places hold bytes that are not of the encoding and became U+FFFD";

[[noreturn]] void refuseName(const std::string& name) {
    std::vector<std::string> known;
    for (std::int32_t i = 0; i < ucnv_countAvailable(); ++i) {
        UErrorCode status = U_ZERO_ERROR;
        const char* converter = ucnv_getAvailableName(i);
        const std::uint16_t aliases = ucnv_countAliases(converter, &status);
        for (std::uint16_t n = 0; U_SUCCESS(status) && n < aliases; ++n) known.emplace_back(ucnv_getAlias(converter, n, &status));
    }
    std::string hint =
        "Usual ones are UTF-8, UTF-16, ISO-8859-1, windows-1252, windows-1251, Shift_JIS, GB18030; auto finds out.";
    const auto nearest = std::min_element(known.begin(), known.end(), [&](const std::string& a, const std::string& b) {
        return editDistance(a, name) < editDistance(b, name);
    });
    if (nearest != known.end() && editDistance(*nearest, name) <= 3) hint = "The nearest name is " + *nearest + ". " + hint;
    throw Error(ErrorCode::BadInput, "There is no encoding named " + inQuotes(name) + " (data.encoding).", hint);
}

using Converter = std::unique_ptr<UConverter, decltype(&ucnv_close)>;

Converter open(const std::string& name) {
    UErrorCode status = U_ZERO_ERROR;
    const bool plain = !name.empty() && name.size() < UCNV_MAX_CONVERTER_NAME_LENGTH &&
                       name.find_first_of(std::string_view(",\0", 2)) == std::string::npos;
    Converter converter(plain ? ucnv_open(name.c_str(), &status) : nullptr, ucnv_close);
    if (!converter || U_FAILURE(status)) refuseName(name);
    return converter;
}

// The name that MIME or IANA gives it, else ICU's own.
std::string properName(const UConverter* converter) {
    UErrorCode status = U_ZERO_ERROR;
    const char* own = ucnv_getName(converter, &status);
    for (const char* standard : {"MIME", "IANA"}) {
        UErrorCode missing = U_ZERO_ERROR;
        const char* name = ucnv_getStandardName(own, standard, &missing);
        if (U_SUCCESS(missing) && name) return name;
    }
    return own;
}

bool isNamed(const std::string& encoding, const char* name) {
    return ucnv_compareNames(encoding.c_str(), name) == 0;
}
bool namesUtf8(const std::string& encoding) {
    return isNamed(encoding, "UTF-8");
}

// Counts the lines of text handed over piece by piece; CR LF is one line end wherever the pieces meet.
class LineCounter {
public:
    template <class Char> void add(const Char* begin, const Char* end) {
        for (; begin != end; ++begin) {
            if (*begin == '\r' || (*begin == '\n' && !m_afterCr)) ++m_line;
            m_afterCr = *begin == '\r';
        }
    }
    std::int64_t line() const { return m_line; }

private:
    std::int64_t m_line = 1;
    bool m_afterCr = false;
};

std::string hex(std::string_view bytes) {
    constexpr const char* kDigits = "0123456789ABCDEF";
    std::string text;
    for (char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        text += text.empty() ? "0x" : " 0x";
        text += {kDigits[byte >> 4], kDigits[byte & 15]};
    }
    return text;
}

void addBadBytes(IssueList& issues, std::int64_t line, std::string_view bytes, const std::string& encoding) {
    issues.add(Severity::Warning, line, kBadBytes, [&] {
        return "The " + std::string(bytes.size() == 1 ? "byte " : "bytes ") + hex(bytes) + " cannot be " + encoding +
               " and became U+FFFD. Set data.encoding if the file is in another encoding.";
    });
}

void repairUtf8(std::string_view bytes, Decoded& decoded, IssueList& issues, const std::stop_token& stop) {
    LineCounter lines;
    decoded.text.reserve(bytes.size() + bytes.size() / 64);
    std::size_t steps = 0;
    for (std::size_t at = 0; at < bytes.size();) {
        if (++steps % 10'000 == 0 && stop.stop_requested()) throw StopRequested{};
        const Malformed bad = findMalformed(bytes, at);
        const std::string_view good = bytes.substr(at, bad.offset == std::string_view::npos ? bad.offset : bad.offset - at);
        decoded.text += good;
        if (bad.offset == std::string_view::npos) break;
        lines.add(good.data(), good.data() + good.size());
        addBadBytes(issues, lines.line(), bytes.substr(bad.offset, bad.size), "UTF-8");
        decoded.text += "\xEF\xBF\xBD";
        at = bad.offset + bad.size;
    }
}

// What the converter's callback needs: lines are counted in what was written when bad bytes turn up.
struct Progress {
    LineCounter lines;
    const UChar* counted = nullptr;
    IssueList* issues = nullptr;
    const std::string* encoding = nullptr;
};

void onBadBytes(const void* context, UConverterToUnicodeArgs* args, const char* units, std::int32_t length,
                UConverterCallbackReason reason, UErrorCode* status) {
    if (reason > UCNV_IRREGULAR) return;
    Progress& progress = *static_cast<Progress*>(const_cast<void*>(context));
    progress.lines.add(progress.counted, static_cast<const UChar*>(args->target));
    progress.counted = args->target;
    addBadBytes(*progress.issues, progress.lines.line(), {units, static_cast<std::size_t>(length)}, *progress.encoding);
    constexpr UChar kReplacement = 0xFFFD;
    *status = U_ZERO_ERROR;
    ucnv_cbToUWriteUChars(args, &kReplacement, 1, 0, status);
}

void appendUtf8(std::string& text, const UChar* units, std::size_t count) {
    const std::size_t before = text.size();
    std::int32_t length = 0;
    UErrorCode status = U_ZERO_ERROR;
    text.resize(before + 3 * count);
    u_strToUTF8WithSub(text.data() + before, static_cast<std::int32_t>(3 * count), &length, units,
                       static_cast<std::int32_t>(count), 0xFFFD, nullptr, &status);
    text.resize(before + static_cast<std::size_t>(length));
}

void convert(UConverter* converter, std::string_view bytes, Decoded& decoded, IssueList& issues, const std::stop_token& stop) {
    constexpr std::size_t kChunk = 1 << 16;
    Progress progress;
    progress.issues = &issues;
    progress.encoding = &decoded.encoding;
    UErrorCode status = U_ZERO_ERROR;
    ucnv_setToUCallBack(converter, onBadBytes, &progress, nullptr, nullptr, &status);
    std::vector<UChar> units(kChunk);
    std::size_t held = 0; // the first half of a surrogate pair waits for the other
    decoded.text.reserve(bytes.size());
    for (const char *at = bytes.data(), *const end = at + bytes.size();;) {
        if (stop.stop_requested()) throw StopRequested{};
        UChar* target = units.data() + held;
        progress.counted = target;
        status = U_ZERO_ERROR;
        ucnv_toUnicode(converter, &target, units.data() + units.size(), &at, end, nullptr, true, &status);
        if (U_FAILURE(status) && status != U_BUFFER_OVERFLOW_ERROR)
            throw Error(ErrorCode::Internal,
                        "ICU gave up on this text as " + decoded.encoding + ": " + u_errorName(status) + ".");
        progress.lines.add(progress.counted, static_cast<const UChar*>(target));
        auto count = static_cast<std::size_t>(target - units.data());
        const bool last = status != U_BUFFER_OVERFLOW_ERROR;
        held = !last && count > 0 && U16_IS_LEAD(units[count - 1]) ? 1 : 0;
        appendUtf8(decoded.text, units.data(), count - held);
        if (held) units[0] = units[count - 1];
        if (last) break;
    }
}

} // namespace

std::optional<std::size_t> utf8Mark(std::string_view head, std::size_t size, const std::string& encoding) {
    const ByteOrderMark* mark = byteOrderMark(head);
    const bool automatic = encoding == "auto";
    if (!automatic && !namesUtf8(encoding)) return std::nullopt;
    if (mark && std::string_view(mark->encoding) == "UTF-8") return mark->bytes.size();
    if (automatic && (mark || utf16ByNuls(head, size))) return std::nullopt;
    return 0;
}

std::optional<std::string_view> asUtf8(std::string_view bytes, const std::string& encoding) {
    const auto mark = utf8Mark(bytes, bytes.size(), encoding);
    if (!mark || !isUtf8(bytes.substr(*mark))) return std::nullopt;
    return bytes.substr(*mark);
}

Decoded decode(std::string_view bytes, const std::string& encoding, const std::string& fileName, std::stop_token stop) {
    Decoded decoded;
    IssueList issues(fileName);
    if (const auto text = asUtf8(bytes, encoding)) {
        decoded.text = *text;
        decoded.encoding = "UTF-8";
        decoded.byteOrderMark = text->size() < bytes.size();
        return decoded;
    }
    const ByteOrderMark* mark = byteOrderMark(bytes);
    std::string name = encoding;
    if (encoding == "auto" || (isNamed(encoding, "UTF-16") && !mark)) {
        const char* utf16 = utf16ByNuls(bytes, bytes.size());
        if (mark)
            name = mark->encoding;
        else if (utf16)
            name = utf16;
        else if (encoding != "auto")
            name = encoding;
        else {
            const EncodingGuess guessed = guessEncoding(bytes);
            name = guessed.encoding;
            if (!guessed.sure)
                issues.add(Severity::Note, 0, "", [&] {
                    return "The encoding was guessed to be " + name + ". Set data.encoding if letters look wrong.";
                });
        }
    }
    const Converter converter = open(name);
    decoded.encoding = properName(converter.get());
    if (namesUtf8(name)) {
        decoded.byteOrderMark = mark && std::string_view(mark->encoding) == "UTF-8";
        repairUtf8(bytes.substr(decoded.byteOrderMark ? mark->bytes.size() : 0), decoded, issues, stop);
    } else {
        convert(converter.get(), bytes, decoded, issues, stop);
        const bool kept = decoded.text.starts_with("\xEF\xBB\xBF");
        if (kept) decoded.text.erase(0, 3);
        decoded.byteOrderMark =
            kept || (mark && (decoded.encoding == "UTF-16" || decoded.encoding == "UTF-32")); // those two take it themselves
    }
    issues.moveTo(decoded.issues);
    return decoded;
}

} // namespace engine
