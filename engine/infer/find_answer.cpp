// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/infer/find_answer.h"
#include "engine/text/letters.h"

namespace engine {

namespace {

std::string trimmed(const std::string& text) {
    const auto begin = text.find_first_not_of(" \t\r\n"), end = text.find_last_not_of(" \t\r\n");
    return begin == std::string::npos ? std::string() : text.substr(begin, end - begin + 1);
}

/// Whether what stands at `at` is part of a longer label.
bool insideLonger(const std::string& text, std::size_t at, const std::string& word, const std::vector<std::string>& words) {
    for (const std::string& longer : words) {
        if (longer.size() <= word.size()) continue;
        for (auto offset = longer.find(word); offset != std::string::npos; offset = longer.find(word, offset + 1))
            if (offset <= at && text.compare(at - offset, longer.size(), longer) == 0) return true;
    }
    return false;
}

} // namespace

std::optional<int> findAnswer(const std::string& text, const std::vector<std::string>& spellings) {
    const std::string lower = lowerCase(text);
    std::vector<std::string> words;
    for (const std::string& spelling : spellings) words.push_back(lowerCase(trimmed(spelling)));
    for (std::size_t n = 0; n < words.size(); ++n) {
        const std::size_t label = n == 0 ? words.size() - 1 : n - 1;
        const std::string& word = words[label];
        if (word.empty()) continue;
        for (auto at = lower.find(word); at != std::string::npos; at = lower.find(word, at + 1))
            if (!insideLonger(lower, at, word, words)) return static_cast<int>(label);
    }
    return std::nullopt;
}

} // namespace engine
