// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/text/pretokenize.h"
#include "engine/text/unicode.h"

#include <algorithm>
#include <array>

namespace engine {

namespace {

using Pieces = std::vector<Pattern::Piece>;

Pieces merged(Pieces pieces, SplitBehavior behavior) {
    Pieces out;
    switch (behavior) {
    case SplitBehavior::Isolated: return pieces;
    case SplitBehavior::Removed: std::erase_if(pieces, [](const Pattern::Piece& piece) { return piece.match; }); return pieces;
    case SplitBehavior::Contiguous:
        for (const Pattern::Piece& piece : pieces) {
            if (!out.empty() && out.back().match == piece.match)
                out.back().end = piece.end;
            else
                out.push_back(piece);
        }
        return out;
    case SplitBehavior::MergedWithPrevious: {
        bool afterMatch = false;
        for (const Pattern::Piece& piece : pieces) {
            if (piece.match && !afterMatch && !out.empty())
                out.back().end = piece.end;
            else
                out.push_back(piece);
            afterMatch = piece.match;
        }
        return out;
    }
    case SplitBehavior::MergedWithNext: {
        bool beforeMatch = false;
        for (auto piece = pieces.rbegin(); piece != pieces.rend(); ++piece) {
            if (piece->match && !beforeMatch && !out.empty())
                out.back().begin = piece->begin;
            else
                out.push_back(*piece);
            beforeMatch = piece->match;
        }
        std::reverse(out.begin(), out.end());
        return out;
    }
    }
    return pieces;
}

Pieces digitPieces(std::string_view text, bool individual) {
    Pieces pieces;
    for (std::size_t at = 0; at < text.size();) {
        const Character c = characterAt(text, at);
        const bool digit = c.kind == CharKind::Number;
        const bool joins = !pieces.empty() && pieces.back().match == digit && !(digit && individual);
        if (joins)
            pieces.back().end = at + c.bytes;
        else
            pieces.push_back({at, at + c.bytes, digit});
        at += c.bytes;
    }
    return pieces;
}

std::string spacesReplaced(std::string_view text, const std::string& replacement) {
    std::string out;
    for (char c : text) {
        if (c == ' ')
            out += replacement;
        else
            out += c;
    }
    return out;
}

struct Entry {
    std::string_view expression;
    KnownSplit split;
};
constexpr std::array<Entry, 3> kKnown{{
    {R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)", KnownSplit::Gpt2},
    {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
     KnownSplit::Llama3},
    {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
     KnownSplit::Qwen2},
}};

} // namespace

const KnownSplit* PreTokenizer::find(std::string_view expression) {
    const auto it =
        std::find_if(kKnown.begin(), kKnown.end(), [&](const Entry& entry) { return entry.expression == expression; });
    return it == kKnown.end() ? nullptr : &it->split;
}

std::string_view PreTokenizer::expression(KnownSplit split) {
    return std::find_if(kKnown.begin(), kKnown.end(), [&](const Entry& entry) { return entry.split == split; })->expression;
}

void PreTokenizer::split(std::string_view text, Prefix prefix, const Word& word) const {
    run(0, text, prefix, word);
}

void PreTokenizer::run(std::size_t step, std::string_view text, Prefix prefix, const Word& word) const {
    if (text.empty()) return;
    if (step == m_steps.size()) return word(text);
    const auto within = [&](std::size_t begin) { return prefix == Prefix::OfText && begin > 0 ? Prefix::OfPiece : prefix; };
    const auto each = [&](std::string_view whole, const Pieces& pieces) {
        for (const auto& [begin, end, match] : pieces) run(step + 1, whole.substr(begin, end - begin), within(begin), word);
    };
    if (const auto* known = std::get_if<Known>(&m_steps[step])) {
        for (std::size_t at = 0; at < text.size();) {
            const std::size_t length = nextWord(known->split, text.substr(at));
            run(step + 1, text.substr(at, length), within(at), word);
            at += length;
        }
    } else if (std::get_if<PrefixSpace>(&m_steps[step])) {
        if (text.front() == ' ' || prefix == Prefix::None)
            run(step + 1, text, prefix, word);
        else
            run(step + 1, " " + std::string(text), prefix, word);
    } else if (const auto* digits = std::get_if<Digits>(&m_steps[step])) {
        each(text, digitPieces(text, digits->individual));
    } else if (const auto* search = std::get_if<Split>(&m_steps[step])) {
        Pieces pieces = search->pattern.pieces(text);
        if (search->invert)
            for (auto& piece : pieces) piece.match = !piece.match;
        each(text, merged(std::move(pieces), search->behavior));
    } else if (const auto* meta = std::get_if<Metaspace>(&m_steps[step])) {
        std::string out = spacesReplaced(text, meta->replacement);
        const bool prepend = prefix != Prefix::None && (meta->prepend == Metaspace::Prepend::Always ||
                                                        (meta->prepend == Metaspace::Prepend::First && prefix == Prefix::OfText));
        if (prepend && !out.starts_with(meta->replacement)) out = meta->replacement + out;
        if (!meta->split) return run(step + 1, out, prefix, word);
        each(out, merged(Pattern::literal(meta->replacement).pieces(out), SplitBehavior::MergedWithNext));
    }
}

} // namespace engine
