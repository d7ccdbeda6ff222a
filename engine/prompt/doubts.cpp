// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/prompt/doubts.h"

#include "engine/prompt/template.h"
#include "engine/words/quoting.h"

#include <fmt/format.h>

#include <algorithm>

namespace engine {

namespace {

constexpr std::size_t kNamed = 20; // a template that leaves labels out does so for brevity where there are more

bool isWord(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           static_cast<unsigned char>(c) >= 0x80;
}

std::string folded(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return text;
}

/// Does `text` hold `word` with no letter beside it? Both folded.
bool names(const std::string& text, const std::string& word) {
    for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) {
        const std::size_t end = at + word.size();
        if ((at == 0 || !isWord(text[at - 1])) && (end == text.size() || !isWord(text[end]))) return true;
    }
    return false;
}

std::string trimmed(const std::string& text) {
    const auto from = text.find_first_not_of(" \t\n");
    return from == std::string::npos ? std::string() : text.substr(from, text.find_last_not_of(" \t\n") - from + 1);
}

std::string listed(const std::vector<std::string>& words) {
    std::string all;
    for (std::size_t i = 0; i < words.size() && i < 4; ++i) all += (i ? ", " : "") + quote(words[i]);
    return words.size() > 4 ? fmt::format("{} and {} more", all, words.size() - 4) : all;
}

/// Lists to choose from, such as "good, bad or fair" and "one of: good, bad", as their words.
std::vector<std::vector<std::string>> choices(const std::string& text) {
    std::vector<std::vector<std::string>> all;
    for (std::size_t at = 0; at < text.size();) {
        std::vector<std::string> words;
        bool isChoice = at >= 2 && text.compare(at - 2, 2, ": ") == 0;
        std::size_t next = at;
        const auto takes = [&](std::string_view by) {
            const bool is = text.compare(next, by.size(), by) == 0;
            if (is) next += by.size();
            return is;
        };
        const auto takesWord = [&] {
            const std::size_t begin = next;
            while (next < text.size() && isWord(text[next])) ++next;
            if (next > begin) words.push_back(text.substr(begin, next - begin));
            return next > begin;
        };
        while (takesWord()) {
            if (takes(", or ") || takes(" or ")) {
                isChoice = takesWord() || isChoice;
                break;
            }
            if (!takes(", ")) break;
        }
        if (isChoice && words.size() > 1) all.push_back(words);
        if (next == at) ++next;
        while (next < text.size() && isWord(text[next]) && isWord(text[next - 1])) ++next; // not into the middle of a word
        at = next;
    }
    return all;
}

class Doubts {
public:
    Doubts(const PromptSpec& prompt, const Dataset& dataset) : m_prompt(prompt), m_dataset(dataset) {
        for (const std::string& label : dataset.labels) {
            std::string spelling = label;
            for (const auto& [of, as] : prompt.labels)
                if (of == label) spelling = as;
            m_spellings.push_back(folded(trimmed(spelling)));
        }
    }

    std::vector<Issue> find(const std::vector<std::string>& columns) {
        for (std::size_t i = 0; i < columns.size(); ++i) {
            const std::string& column = columns[i];
            if (column.empty() || column == "text" || column == "label") continue;
            if (m_prompt.text_template.find("{" + column + "}") == std::string::npos) continue;
            say("prompt.template",
                fmt::format(
                    "{{{}}} is a column of the table, but only {{text}} and {{label}} are filled in; {{text}} is the column {}.",
                    column, quote(columns[static_cast<std::size_t>(m_dataset.textColumn)])));
        }
        unfilledWords(columns);
        otherLabels();
        stickyAnswer();
        return std::move(m_issues);
    }

private:
    void say(const char* key, std::string message) { m_issues.push_back({Severity::Warning, key, 0, 0, std::move(message)}); }

    /// Those that are columns' names are said otherwise.
    void unfilledWords(const std::vector<std::string>& columns) {
        std::vector<std::string> known{"text", "label"};
        known.insert(known.end(), columns.begin(), columns.end());
        const std::string& text = m_prompt.text_template;
        for (std::size_t at = text.find('{'); at != std::string::npos; at = text.find('{', at + 1)) {
            std::size_t end = at + 1;
            while (end < text.size() && isWord(text[end])) ++end;
            const std::string word = text.substr(at + 1, end - at - 1);
            if (end == text.size() || text[end] != '}' || word.empty() || (word[0] >= '0' && word[0] <= '9')) continue;
            if (std::find(known.begin(), known.end(), word) != known.end()) continue;
            say("prompt.template", fmt::format("{{{}}} is sent as it stands; only {{text}} and {{label}} are filled in.", word));
            known.push_back(word); // said once
        }
    }

    void otherLabels() {
        std::string text = folded(m_prompt.text_template);
        std::vector<std::string> left;
        for (std::size_t i = 0; i < m_spellings.size(); ++i)
            if (!names(text, m_spellings[i]) && !names(text, folded(m_dataset.labels[i]))) left.push_back(m_dataset.labels[i]);
        if (!left.empty() && left.size() < m_spellings.size() && m_spellings.size() <= kNamed)
            say("prompt.template", fmt::format("names some of the labels, but not {}.", listed(left)));
        if (left.size() < m_spellings.size()) return;
        for (const auto& words : choices(text))
            if (words.size() > 2 || words.size() == m_spellings.size())
                return say("prompt.template",
                           fmt::format("asks for {}; the data's labels are {}.", listed(words), listed(m_dataset.labels)));
    }

    void stickyAnswer() {
        const std::string& text = m_prompt.text_template;
        const std::size_t at = text.rfind("{label}");
        if (at == 0 || (!isWord(text[at - 1]) && std::string_view(":=.}]").find(text[at - 1]) == std::string_view::npos)) return;
        std::vector<std::string> sticky;
        const PromptTemplate whole(m_prompt, m_dataset.labels);
        for (const std::string& answer : whole.answers())
            if (isWord(answer[0])) sticky.push_back(answer);
        if (!sticky.empty())
            say("prompt.template", fmt::format("puts no blank between \"{}\" and {}: end it in \" {{label}}\".",
                                               text.substr(at - 1, 1), listed(sticky)));
    }

    const PromptSpec& m_prompt;
    const Dataset& m_dataset;
    std::vector<std::string> m_spellings; // of the labels, folded
    std::vector<Issue> m_issues;
};

} // namespace

std::vector<Issue> promptDoubts(const PromptSpec& prompt, const Dataset& dataset, const std::vector<std::string>& columns) {
    try {
        PromptTemplate(prompt, dataset.labels);
    } catch (const Error&) { // also for spellings of labels that the data has not
        return {};
    }
    return Doubts(prompt, dataset).find(columns);
}

} // namespace engine
