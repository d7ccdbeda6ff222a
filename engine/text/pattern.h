// SPDX-License-Identifier: GPL-3.0-or-later
// What a tokenizer's Split or Replace searches for: a literal, or a regular expression (PCRE2) of a file that is not trusted.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace engine {

class Pattern {
public:
    struct Piece {
        std::size_t begin = 0, end = 0;
        bool match = false;
    };

    /// Throws Error(BadInput), beginning with `where`, for an expression PCRE2 refuses.
    static Pattern regex(const std::string& expression, const std::string& where);
    static Pattern literal(std::string text);

    /// Matches and what is between them, covering the text; empty matches and bytes that are not UTF-8 are no matches.
    /// Throws Error(BadInput) when an expression needs more steps or memory than a sane one.
    std::vector<Piece> pieces(std::string_view text) const;
    /// The regular expression; empty: a literal.
    std::string_view expression() const { return m_code ? std::string_view(m_text) : std::string_view(); }

private:
    Pattern() = default;
    std::string m_text;
    std::string m_where;
    std::shared_ptr<const void> m_code; // pcre2_code; nullptr: literal
};

} // namespace engine
