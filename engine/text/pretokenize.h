// SPDX-License-Identifier: GPL-3.0-or-later
// tokenizer.json's pre-tokenizers: how text is cut into the words that byte-pair encoding never joins.
#pragma once
#include "engine/text/pattern.h"

#include <functional>
#include <variant>

namespace engine {

/// The expressions of models we meet, matched by hand; PCRE2 is several times slower.
enum class KnownSplit {
    Gpt2,   // 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
    Llama3, // (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
    Qwen2   // as Llama3, with one \p{N} at a time
};

enum class SplitBehavior { Removed, Isolated, MergedWithPrevious, MergedWithNext, Contiguous };

class PreTokenizer {
public:
    using Word = std::function<void(std::string_view)>;

    struct Known {
        KnownSplit split = KnownSplit::Gpt2;
    };
    struct PrefixSpace {}; // a space before what does not begin with one
    struct Digits {
        bool individual = false;
    };
    struct Split {
        Pattern pattern;
        SplitBehavior behavior = SplitBehavior::Isolated;
        bool invert = false;
    };
    struct Metaspace {
        std::string replacement;
        enum class Prepend { Always, First, Never } prepend = Prepend::Always;
        bool split = true;
    };
    using Step = std::variant<Known, PrefixSpace, Digits, Split, Metaspace>;

    void add(Step step) { m_steps.push_back(std::move(step)); }
    const std::vector<Step>& steps() const { return m_steps; }
    /// What may be put before a piece: as before a text's first, as before another, or nothing.
    enum class Prefix { OfText, OfPiece, None };
    /// Calls `word` with each word in order.
    void split(std::string_view text, Prefix prefix, const Word& word) const;
    /// The known split an expression asks for.
    static const KnownSplit* find(std::string_view expression);
    /// The expression of a known split.
    static std::string_view expression(KnownSplit split);

private:
    void run(std::size_t step, std::string_view text, Prefix prefix, const Word& word) const;

    std::vector<Step> m_steps;
};

/// Length in bytes of the next word of a text that is not empty.
std::size_t nextWord(KnownSplit split, std::string_view text);

} // namespace engine
