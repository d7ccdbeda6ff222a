// SPDX-License-Identifier: GPL-3.0-or-later
// Texts as a forest of tokens, so that what several begin with is read once.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace engine {

struct PrefixTree {
    using Text = std::span<const std::int32_t>;

    /// Tokens that follow the parent's in all texts below.
    struct Node {
        int parent = -1; // -1: a text begins here
        Text tokens;
    };
    std::vector<Node> nodes; // parents first
    std::vector<int> ends;   // the node that each text ends with

    /// No text may be empty. Fewer shared tokens than `least` are not worth a node. The texts must outlive the tree.
    explicit PrefixTree(const std::vector<Text>& texts, std::size_t least = 3);

private:
    /// Texts [first, last) of m_order, which share their first `depth` tokens: those of `parent` and above.
    void grow(const std::vector<Text>& texts, std::size_t first, std::size_t last, std::size_t depth, int parent);

    std::size_t m_least;
    std::vector<std::size_t> m_order;  // texts, sorted
    std::vector<std::size_t> m_shared; // tokens that each of these shares with the one before
};

} // namespace engine
