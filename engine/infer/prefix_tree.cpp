// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/infer/prefix_tree.h"

#include <algorithm>
#include <numeric>

namespace engine {

PrefixTree::PrefixTree(const std::vector<Text>& texts, std::size_t least)
    : ends(texts.size(), -1), m_least(std::max<std::size_t>(1, least)), m_order(texts.size()), m_shared(texts.size(), 0) {
    std::iota(m_order.begin(), m_order.end(), std::size_t{0});
    std::stable_sort(m_order.begin(), m_order.end(),
                     [&](std::size_t a, std::size_t b) { return std::ranges::lexicographical_compare(texts[a], texts[b]); });
    for (std::size_t i = 1; i < m_order.size(); ++i) {
        const Text &one = texts[m_order[i - 1]], &two = texts[m_order[i]];
        m_shared[i] = static_cast<std::size_t>(std::ranges::mismatch(one, two).in1 - one.begin());
    }
    grow(texts, 0, texts.size(), 0, -1);
}

void PrefixTree::grow(const std::vector<Text>& texts, std::size_t first, std::size_t last, std::size_t depth, int parent) {
    while (first < last) {
        const Text& text = texts[m_order[first]];
        if (text.size() == depth) { // sorted first: it ends with the parent
            ends[m_order[first++]] = parent;
            continue;
        }
        std::size_t end = first + 1, shared = text.size();
        const auto worthIt = [&](std::size_t length) { return length >= depth + m_least || length == text.size(); };
        while (end < last && worthIt(m_shared[end])) shared = std::min(shared, m_shared[end++]);
        nodes.push_back({parent, text.subspan(depth, shared - depth)});
        grow(texts, first, end, shared, static_cast<int>(nodes.size()) - 1);
        first = end;
    }
}

} // namespace engine
