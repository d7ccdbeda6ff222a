// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/text/pattern.h"
#include "engine/error.h"
#include "engine/weights/tensor_view.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

namespace engine {

namespace {

constexpr std::size_t kMaxExpression = 64 * 1024;
constexpr std::uint32_t kMaxSteps = 5'000'000;
constexpr std::uint32_t kMaxHeapKiB = 64 * 1024;

std::string messageOf(int code) {
    PCRE2_UCHAR buffer[256];
    return pcre2_get_error_message(code, buffer, sizeof buffer) < 0 ? "error " + std::to_string(code)
                                                                    : reinterpret_cast<const char*>(buffer);
}

using MatchData = std::unique_ptr<pcre2_match_data, decltype(&pcre2_match_data_free)>;
using MatchContext = std::unique_ptr<pcre2_match_context, decltype(&pcre2_match_context_free)>;

void addMatch(std::vector<Pattern::Piece>& pieces, std::size_t& done, std::size_t begin, std::size_t end) {
    if (done < begin) pieces.push_back({done, begin, false});
    pieces.push_back({begin, end, true});
    done = end;
}

} // namespace

Pattern Pattern::literal(std::string text) {
    Pattern pattern;
    pattern.m_text = std::move(text);
    return pattern;
}

Pattern Pattern::regex(const std::string& expression, const std::string& where) {
    if (expression.size() > kMaxExpression)
        throw Error(ErrorCode::BadInput, where + ": the regular expression is longer than 64 KiB.");
    int code = 0;
    PCRE2_SIZE offset = 0;
    // Python's and Oniguruma's classes know all of Unicode: UCP. \C would cut characters in two.
    pcre2_code* compiled =
        pcre2_compile(reinterpret_cast<PCRE2_SPTR>(expression.data()), expression.size(),
                      PCRE2_UTF | PCRE2_UCP | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C, &code, &offset, nullptr);
    if (!compiled)
        throw Error(ErrorCode::BadInput, where + ": the regular expression " + quote(expression) +
                                             " is not understood at character " + std::to_string(offset) + " (" +
                                             messageOf(code) + ").");
    Pattern pattern;
    pattern.m_code =
        std::shared_ptr<const void>(compiled, [compiledCode = compiled](const void*) { pcre2_code_free(compiledCode); });
    pattern.m_text = expression;
    pattern.m_where = where;
    pcre2_jit_compile(compiled, PCRE2_JIT_COMPLETE); // where the system forbids it, PCRE2 interprets
    return pattern;
}

std::vector<Pattern::Piece> Pattern::pieces(std::string_view text) const {
    std::vector<Piece> pieces;
    std::size_t done = 0;
    if (!m_code) {
        if (!m_text.empty())
            for (std::size_t at = text.find(m_text); at != std::string_view::npos; at = text.find(m_text, done))
                addMatch(pieces, done, at, at + m_text.size());
        if (done < text.size()) pieces.push_back({done, text.size(), false});
        return pieces;
    }
    const auto* code = static_cast<const pcre2_code*>(m_code.get());
    const MatchContext context(pcre2_match_context_create(nullptr), pcre2_match_context_free);
    const MatchData match(pcre2_match_data_create_from_pattern(code, nullptr), pcre2_match_data_free);
    if (!context || !match) throw Error(ErrorCode::OutOfMemory, "No memory is left to search for " + quote(m_text) + ".");
    pcre2_set_match_limit(context.get(), kMaxSteps);
    pcre2_set_heap_limit(context.get(), kMaxHeapKiB);
    const auto search = [&](std::size_t from, std::uint32_t options) {
        return pcre2_match(code, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), from, options, match.get(),
                           context.get());
    };
    std::size_t from = 0;
    while (from < text.size()) {
        int result = search(from, PCRE2_NOTEMPTY);
        if (result == PCRE2_ERROR_JIT_STACKLIMIT) result = search(from, PCRE2_NOTEMPTY | PCRE2_NO_JIT);
        if (result == PCRE2_ERROR_NOMATCH) break;
        if (result < 0)
            throw Error(ErrorCode::BadInput,
                        m_where + ": the regular expression " + quote(m_text) + " fails on this text (" + messageOf(result) +
                            ").",
                        "Shorten the text, or use another tokenizer.");
        const PCRE2_SIZE* span = pcre2_get_ovector_pointer(match.get());
        if (span[0] < done || span[1] <= span[0]) { // \K may put the start past the end, or a lookbehind's before it
            ++from;
            continue;
        }
        addMatch(pieces, done, span[0], span[1]);
        from = done;
    }
    if (done < text.size()) pieces.push_back({done, text.size(), false});
    return pieces;
}

} // namespace engine
