// SPDX-License-Identifier: GPL-3.0-or-later
// Byte-pair encoding of one word: its symbols, merged pair by pair in the order the merges were learned, or by scores.
#pragma once
#include "engine/text/vocabulary.h"

#include <array>
#include <unordered_map>

namespace engine {

/// Lower ranks merge first.
struct Merge {
    std::int32_t left = 0, right = 0, result = 0;
    std::uint32_t rank = 0;
};

struct BpeOptions {
    bool byteLevel = true;     // symbols are bytes; otherwise characters
    bool byteFallback = false; // a character no token spells becomes its bytes' tokens "<0x0A>"
    bool ignoreMerges = false; // a word that is a token is that token
    bool fuseUnknown = false;  // neighbouring unknown symbols become one token
    std::int32_t unknown = -1; // what stands for a symbol no token spells; -1: nothing does
};

class Bpe {
public:
    Bpe() = default;
    /// Of two merges of one pair the last counts.
    Bpe(const Vocabulary& vocabulary, const std::vector<Merge>& merges, const BpeOptions& options);
    /// SentencePiece's: two symbols merge where both together spell a token with a score (NaN: none), the highest first. One
    /// score for each token.
    Bpe(const Vocabulary& vocabulary, const std::vector<double>& scores, const BpeOptions& options);
    const BpeOptions& options() const { return m_options; }

    /// Appends the word's tokens. `vocabulary` is the one given when made. n log n in the word's length.
    void encode(std::string_view word, const Vocabulary& vocabulary, std::vector<std::int32_t>& ids) const;

private:
    struct Pair {
        std::uint64_t key;
        std::uint32_t rank;
        std::int32_t result;
    };
    struct Match {
        std::uint32_t rank;
        std::int32_t result;
    };

    void readSymbols(const Vocabulary& vocabulary);
    Match find(std::int32_t left, std::int32_t right, const Vocabulary& vocabulary) const;
    Match findByScore(std::int32_t left, std::int32_t right, const Vocabulary& vocabulary) const;
    bool isToken(std::string_view word, const Vocabulary& vocabulary, std::int32_t& id) const;
    std::size_t appendSymbols(std::string_view word, std::int32_t* symbols) const;
    std::size_t mergeFew(std::int32_t* symbols, std::size_t count, const Vocabulary& vocabulary) const;
    void mergeMany(const std::vector<std::int32_t>& symbols, const Vocabulary& vocabulary, std::vector<std::int32_t>& ids) const;

    BpeOptions m_options;
    std::vector<Pair> m_pairs;          // open addressing, at most half taken; empty where scores decide
    std::vector<std::uint32_t> m_ranks; // by token, of scores: the lower, the sooner
    int m_shift = 63;
    std::array<std::int32_t, 256> m_bytes{};                 // token of a byte; -1: none
    std::unordered_map<char32_t, std::int32_t> m_characters; // tokens of one character
};

} // namespace engine
