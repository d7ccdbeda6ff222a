// SPDX-License-Identifier: GPL-3.0-or-later
// Label spellings as one tree of tokens, so that what several begin with is read once.
#pragma once
#include "engine/model/pack.h"

#include <cstdint>
#include <vector>

namespace engine {

class LabelTrie {
public:
    /// No sequence may be empty or begin another.
    explicit LabelTrie(const std::vector<std::vector<std::int32_t>>& labels);
    /// Rows that add() appends for one question. Labels of one token need none.
    std::int64_t rows() const { return m_rows; }
    /// Appends the labels after `question` (a node of the pack) and its edges as targets, by row.
    void add(Pack& pack, int question, std::vector<Target>& targets) const;
    std::size_t edges() const { return m_edges.size(); }
    /// Each label's log-probability, the sum of its tokens', given one question's edges' log-probabilities.
    std::vector<double> logProbabilities(const float* edges) const;

private:
    /// Tokens read one after the other, after the end of another chain (-1: the question).
    struct Chain {
        int parent = -1;
        std::vector<std::int32_t> tokens;
    };
    /// A token predicted after `offset` + 1 tokens of a chain (chain -1: after the question).
    struct Edge {
        int chain = -1;
        std::int64_t offset = 0;
        std::int32_t token = 0;
    };

    void grow(const std::vector<std::vector<std::int32_t>>& labels, const std::vector<std::size_t>& members, std::size_t depth,
              int chain, std::int64_t offset);

    std::vector<Chain> m_chains;                   // parents first
    std::vector<Edge> m_edges;                     // by chain, then offset
    std::vector<std::vector<std::size_t>> m_paths; // edges of each label
    std::int64_t m_rows = 0;
};

} // namespace engine
