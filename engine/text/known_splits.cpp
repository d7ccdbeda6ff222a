// SPDX-License-Identifier: GPL-3.0-or-later
// The splits of GPT-2, Llama 3 and Qwen 2 without a regular expression. Bytes that are not UTF-8 count as symbols.
#include "engine/text/pretokenize.h"
#include "engine/text/unicode.h"

namespace engine {

namespace {

std::size_t endOfRun(std::string_view text, std::size_t at, CharKind kind) {
    while (at < text.size()) {
        const Character c = characterAt(text, at);
        if (c.kind != kind) break;
        at += c.bytes;
    }
    return at;
}

bool isNewline(char32_t code) {
    return code == '\n' || code == '\r';
}

// Length of 's 't 're 've 'm 'll 'd at the text's beginning, 0: none.
std::size_t contraction(std::string_view text, bool anyCase) {
    const auto letter = [&](std::size_t at) {
        const char c = at < text.size() ? text[at] : '\0';
        return anyCase && c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    };
    switch (letter(1)) {
    case 's':
    case 't':
    case 'm':
    case 'd': return 2;
    case 'r':
    case 'v': return letter(2) == 'e' ? 3 : 0;
    case 'l': return letter(2) == 'l' ? 3 : 0;
    default: break;
    }
    constexpr std::string_view kLongS = "\xC5\xBF"; // ſ is s in another case
    return anyCase && text.substr(1, 2) == kLongS ? 3 : 0;
}

// \s+(?!\S)|\s+: all but the last blank, so that it leads the next word; all at the text's end.
std::size_t blanks(std::string_view text) {
    std::size_t last = 0;
    std::size_t at = 0;
    while (at < text.size()) {
        const Character c = characterAt(text, at);
        if (c.kind != CharKind::Space) return last > 0 ? last : at;
        last = at;
        at += c.bytes;
    }
    return at;
}

std::size_t nextGpt2(std::string_view text) {
    const Character c = characterAt(text, 0);
    if (c.code == '\'')
        if (const std::size_t length = contraction(text, false)) return length;
    if (c.kind != CharKind::Space) return endOfRun(text, c.bytes, c.kind);
    if (c.code == ' ' && text.size() > 1) {
        const Character next = characterAt(text, 1);
        if (next.kind != CharKind::Space) return endOfRun(text, 1U + next.bytes, next.kind);
    }
    return blanks(text);
}

std::size_t nextLlama3(std::string_view text, int digits) {
    const Character c = characterAt(text, 0);
    if (c.code == '\'')
        if (const std::size_t length = contraction(text, true)) return length;
    if (c.kind == CharKind::Letter) return endOfRun(text, c.bytes, c.kind);
    if (c.kind == CharKind::Number) {
        std::size_t at = c.bytes;
        for (int n = 1; n < digits && at < text.size(); ++n) {
            const Character next = characterAt(text, at);
            if (next.kind != CharKind::Number) break;
            at += next.bytes;
        }
        return at;
    }
    Character next;
    if (c.bytes < text.size()) {
        next = characterAt(text, c.bytes);
        if (next.kind == CharKind::Letter && !isNewline(c.code)) return endOfRun(text, c.bytes, next.kind);
    }
    std::size_t symbols = 0;
    if (c.kind == CharKind::Other)
        symbols = c.bytes;
    else if (c.code == ' ' && next.bytes > 0 && next.kind == CharKind::Other)
        symbols = 1U + next.bytes;
    if (symbols > 0) {
        std::size_t at = endOfRun(text, symbols, CharKind::Other);
        while (at < text.size() && isNewline(static_cast<unsigned char>(text[at]))) ++at;
        return at;
    }
    // \s*[\r\n]+ reaches to the last line end of the run.
    const std::size_t end = endOfRun(text, 0, CharKind::Space);
    const std::size_t newline = text.substr(0, end).find_last_of("\r\n");
    return newline != std::string_view::npos ? newline + 1 : blanks(text);
}

} // namespace

std::size_t nextWord(KnownSplit split, std::string_view text) {
    switch (split) {
    case KnownSplit::Gpt2: return nextGpt2(text);
    case KnownSplit::Llama3: return nextLlama3(text, 3);
    case KnownSplit::Qwen2: return nextLlama3(text, 1);
    }
    return text.size();
}

} // namespace engine
