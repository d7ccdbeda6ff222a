// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/words/nearest.h"

#include <algorithm>

namespace engine {

namespace {

constexpr std::size_t kLongest = 40; // what follows is no key and only costs time

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c == '-' ? '_' : c;
}

std::string_view lastPart(std::string_view key) {
    const auto dot = key.rfind('.');
    return dot == std::string_view::npos ? key : key.substr(dot + 1);
}

bool isNear(std::string_view left, std::string_view right) {
    return 3 * editDistance(left, right) <= std::max(left.size(), right.size());
}

/// "warmup" in "warmup_ratio", "decay" in "weight_decay".
bool isWordOf(std::string_view word, std::string_view key) {
    if (word.size() < 4 || key.size() <= word.size()) return false;
    const std::size_t rest = key.size() - word.size();
    return (editDistance(word, key.substr(0, word.size())) == 0 && key[word.size()] == '_') ||
           (editDistance(word, key.substr(rest)) == 0 && key[rest - 1] == '_');
}

/// A whole key counts only where `key` has no section: else what the two share would be the section.
bool isNearKey(std::string_view key, std::string_view candidate) {
    const std::string_view left = lastPart(key), right = lastPart(candidate);
    return isNear(left, right) || isWordOf(left, right) || isWordOf(right, left) ||
           (left.size() == key.size() && isNear(key, candidate));
}

} // namespace

std::size_t editDistance(std::string_view left, std::string_view right) {
    left = left.substr(0, kLongest);
    right = right.substr(0, kLongest);
    std::vector<std::size_t> before, last(right.size() + 1), row(right.size() + 1);
    for (std::size_t j = 0; j <= right.size(); ++j) last[j] = j;
    before = last;
    for (std::size_t i = 1; i <= left.size(); ++i) {
        row[0] = i;
        for (std::size_t j = 1; j <= right.size(); ++j) {
            const bool same = lower(left[i - 1]) == lower(right[j - 1]);
            row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0 : 1)});
            const bool swapped =
                i > 1 && j > 1 && lower(left[i - 1]) == lower(right[j - 2]) && lower(left[i - 2]) == lower(right[j - 1]);
            if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
        }
        std::swap(before, last);
        std::swap(last, row);
    }
    return last[right.size()];
}

std::string nearestKey(const std::string& key, const std::vector<std::string>& known) {
    std::string nearest;
    std::size_t best = static_cast<std::size_t>(-1);
    for (const std::string& candidate : known) {
        if (!isNearKey(key, candidate)) continue;
        // The last word decides; the way to it settles ties, so that a key in the wrong place is found where it belongs.
        const std::size_t distance = std::min(8 * editDistance(lastPart(key), lastPart(candidate)) +
                                                  std::min<std::size_t>(7, editDistance(key, candidate)),
                                              8 * editDistance(key, candidate));
        if (distance >= best) continue;
        best = distance;
        nearest = candidate;
    }
    return nearest;
}

} // namespace engine
