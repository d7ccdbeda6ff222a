// SPDX-License-Identifier: GPL-3.0-or-later
// Examples as tokens: a question, its answer, and which of the tokens count in the loss.
#pragma once
#include "engine/prompt/template.h"
#include "engine/text/tokenizer.h"

#include <cstdint>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

namespace engine {

struct Sample {
    std::int64_t record = 0;
    int label = 0;
    std::vector<std::int32_t> ids;
    std::int64_t answerBegin = 0; // place of the answer's first token in ids, at least 1
    std::int64_t lossBegin = 0;   // place of the first token that counts in the loss, at least 1; all after it count

    std::span<const std::int32_t> question() const { return std::span(ids).first(static_cast<std::size_t>(answerBegin)); }
    std::int64_t counted() const { return static_cast<std::int64_t>(ids.size()) - lossBegin; }
};

/// The answers to compare, by label number.
struct Answers {
    std::vector<std::string> labels;            // names
    std::vector<std::string> spellings;         // as in the prompt, blanks included
    std::vector<std::vector<std::int32_t>> ids; // tokens; no sequence begins another
};

/// Question and answer are encoded apart, so the question's tokens are the same whatever the answer. Loss on the answer counts
/// the label's tokens only; loss on all counts every token but the first, and an eos after the answer, as TRL's SFTTrainer does.
class SampleEncoder {
public:
    /// Where one label's tokens begin another's ("1" and "10") every answer ends with eos, so that the longer one can win.
    /// Throws Error(BadInput): labels that are the same tokens, an answer without tokens, a template that leaves no room for
    /// text.
    SampleEncoder(const Tokenizer& tokenizer, PromptTemplate prompt, std::vector<std::string> labels, std::int64_t maxTokens,
                  bool countAll);

    /// A text too long for maxTokens loses its end; template and answer stay whole.
    Sample encode(const Example& example);
    /// Those at `indexes`, in their order. Throws StopRequested.
    std::vector<Sample> encode(const std::vector<Example>& examples, const std::vector<std::size_t>& indexes,
                               std::stop_token stop = {});
    const Answers& answers() const { return m_answers; }
    /// Examples whose text was cut.
    std::int64_t cut() const { return m_cut; }

private:
    /// The question's tokens, with bos where the model's own tokenizer puts it.
    std::vector<std::int32_t> tokens(const std::string& text) const;
    std::vector<std::int32_t> question(const std::string& text);

    const Tokenizer& m_tokenizer;
    PromptTemplate m_prompt;
    Answers m_answers;
    std::int64_t m_room = 0; // tokens of the longest question
    std::int64_t m_cut = 0;
    bool m_countAll = false;
    bool m_appendEos = false;
};

} // namespace engine
