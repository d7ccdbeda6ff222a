// SPDX-License-Identifier: GPL-3.0-or-later
// The words of an enum stand once, beside it: `constexpr std::array wordsOf(E)` gives its values in order, each with its word.
#pragma once
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace engine {

/// A row of such a table.
template <class E> using EnumWord = std::pair<E, const char*>;

template <class E>
concept Worded = requires(E value) { wordsOf(value); };

template <Worded E> std::string wordOf(E value) {
    for (const auto& [known, word] : wordsOf(value))
        if (known == value) return word;
    return {};
}

/// The value that is so called; none when none is.
template <Worded E> constexpr std::optional<E> valueOf(std::string_view word) {
    for (const auto& [value, known] : wordsOf(E{}))
        if (known == word) return value;
    return {};
}

/// All of them, in order.
template <Worded E> std::vector<std::string> wordsOf() {
    std::vector<std::string> words;
    for (const auto& [value, word] : wordsOf(E{})) words.emplace_back(word);
    return words;
}

} // namespace engine
