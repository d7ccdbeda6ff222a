// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/prompt/sample.h"

#include "engine/words/utf8.h"

#include <algorithm>
#include <fmt/core.h>

namespace engine {

namespace {

/// Offsets at which `text` can be cut without splitting a character; the last is its size.
std::vector<std::size_t> characterEnds(const std::string& text) {
    std::vector<std::size_t> ends;
    for (std::size_t i = 0; i <= text.size(); ++i)
        if (i == text.size() || beginsCharacter(text[i])) ends.push_back(i);
    return ends;
}

bool begins(const std::vector<std::int32_t>& shorter, const std::vector<std::int32_t>& longer) {
    return shorter.size() <= longer.size() && std::equal(shorter.begin(), shorter.end(), longer.begin());
}

} // namespace

SampleEncoder::SampleEncoder(const Tokenizer& tokenizer, PromptTemplate prompt, std::vector<std::string> labels,
                             std::int64_t maxTokens, bool countAll)
    : m_tokenizer(tokenizer), m_prompt(std::move(prompt)), m_countAll(countAll) {
    m_answers.labels = std::move(labels);
    m_answers.spellings = m_prompt.answers();
    for (const std::string& spelling : m_answers.spellings) m_answers.ids.push_back(tokenizer.encodeContinuation(spelling));

    bool nested = false;
    for (std::size_t i = 0; i < m_answers.ids.size(); ++i) {
        const auto& ids = m_answers.ids[i];
        if (ids.empty())
            throw Error(ErrorCode::BadInput,
                        fmt::format("The label \"{}\" is spelled with no token at all.", m_answers.labels[i]),
                        "Give it a spelling under prompt.labels.");
        for (std::size_t j = 0; j < m_answers.ids.size(); ++j) {
            if (i == j || !begins(ids, m_answers.ids[j])) continue;
            if (ids.size() == m_answers.ids[j].size())
                throw Error(ErrorCode::BadInput,
                            fmt::format("The labels \"{}\" and \"{}\" are the same tokens for this model.",
                                        m_answers.labels[std::min(i, j)], m_answers.labels[std::max(i, j)]),
                            "Spell them apart under prompt.labels.");
            nested = true;
        }
    }
    if (nested) {
        if (tokenizer.eos() < 0)
            throw Error(ErrorCode::BadInput,
                        "One label's tokens begin another's, and this model has no end-of-text token to tell them apart.",
                        "Spell the labels apart under prompt.labels.");
        for (auto& ids : m_answers.ids) ids.push_back(tokenizer.eos());
    }
    m_appendEos = countAll && !nested && tokenizer.eos() >= 0;

    std::size_t longest = 0;
    for (const auto& ids : m_answers.ids) longest = std::max(longest, ids.size());
    m_room = maxTokens - static_cast<std::int64_t>(longest) - (m_appendEos ? 1 : 0);
    const auto bare = static_cast<std::int64_t>(tokens({}).size());
    if (m_room < std::max<std::int64_t>(1, bare + 1))
        throw Error(ErrorCode::BadInput,
                    fmt::format("The prompt's template and its answer take {} tokens, which leaves no room for text within {}.",
                                bare + maxTokens - m_room, maxTokens),
                    "Raise train.max_tokens (no model reads more than its own limit) or shorten the template.");
}

std::vector<std::int32_t> SampleEncoder::tokens(const std::string& text) const {
    std::vector<std::int32_t> ids = m_tokenizer.encode(m_prompt.question(text));
    if (m_tokenizer.addsBos()) ids.insert(ids.begin(), m_tokenizer.bos());
    return ids;
}

// The room is the same for every label, so that the length of a cut text tells nothing of its answer.
std::vector<std::int32_t> SampleEncoder::question(const std::string& text) {
    std::vector<std::int32_t> ids = tokens(text);
    const auto fits = [&] { return static_cast<std::int64_t>(ids.size()) <= m_room; };
    if (fits()) return ids;
    ++m_cut;
    const std::vector<std::size_t> ends = characterEnds(text);
    std::size_t low = 0, high = ends.size() - 1; // low fits, high does not
    std::vector<std::int32_t> best = tokens({});
    while (high - low > 1) {
        const std::size_t middle = low + (high - low) / 2;
        ids = tokens(text.substr(0, ends[middle]));
        if (fits()) {
            low = middle;
            best = std::move(ids);
        } else {
            high = middle;
        }
    }
    return best;
}

Sample SampleEncoder::encode(const Example& example) {
    Sample sample{example.record, example.label, question(example.text), 0, 0};
    if (sample.ids.empty())
        throw Error(ErrorCode::BadInput, fmt::format("Record {} makes an empty question.", example.record),
                    "Put some words before {label} into prompt.template.");
    sample.answerBegin = static_cast<std::int64_t>(sample.ids.size());
    sample.lossBegin = m_countAll ? 1 : sample.answerBegin;
    const auto& answer = m_answers.ids.at(static_cast<std::size_t>(example.label));
    sample.ids.insert(sample.ids.end(), answer.begin(), answer.end());
    if (m_appendEos) sample.ids.push_back(m_tokenizer.eos());
    return sample;
}

std::vector<Sample> SampleEncoder::encode(const std::vector<Example>& examples, const std::vector<std::size_t>& indexes,
                                          std::stop_token stop) {
    std::vector<Sample> samples;
    samples.reserve(indexes.size());
    for (std::size_t index : indexes) {
        if (stop.stop_requested()) throw StopRequested{};
        samples.push_back(encode(examples.at(index)));
    }
    return samples;
}

} // namespace engine
