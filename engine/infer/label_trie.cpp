// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/infer/label_trie.h"

#include <map>
#include <numeric>

namespace engine {

LabelTrie::LabelTrie(const std::vector<std::vector<std::int32_t>>& labels) : m_paths(labels.size()) {
    std::vector<std::size_t> all(labels.size());
    std::iota(all.begin(), all.end(), std::size_t{0});
    grow(labels, all, 0, -1, 0);
    for (const Chain& chain : m_chains) m_rows += static_cast<std::int64_t>(chain.tokens.size());
}

// `members` share their first `depth` tokens, which end at `offset` of `chain`.
void LabelTrie::grow(const std::vector<std::vector<std::int32_t>>& labels, const std::vector<std::size_t>& members,
                     std::size_t depth, int chain, std::int64_t offset) {
    std::map<std::int32_t, std::vector<std::size_t>> children;
    for (std::size_t label : members) children[labels[label][depth]].push_back(label);
    std::vector<std::pair<std::int32_t, std::vector<std::size_t>>> inner;
    for (const auto& [token, group] : children) {
        for (std::size_t label : group) m_paths[label].push_back(m_edges.size());
        m_edges.push_back({chain, offset, token});
        if (labels[group.front()].size() > depth + 1) inner.emplace_back(token, group);
    }
    for (const auto& [token, group] : inner) {
        if (chain >= 0 && inner.size() == 1) {
            m_chains[static_cast<std::size_t>(chain)].tokens.push_back(token);
            grow(labels, group, depth + 1, chain, offset + 1);
        } else {
            m_chains.push_back({chain, {token}});
            grow(labels, group, depth + 1, static_cast<int>(m_chains.size()) - 1, 0);
        }
    }
}

void LabelTrie::add(Pack& pack, int question, std::vector<Target>& targets) const {
    std::vector<int> nodes;
    for (const Chain& chain : m_chains)
        nodes.push_back(pack.add(chain.tokens, chain.parent < 0 ? question : nodes[static_cast<std::size_t>(chain.parent)]));
    for (const Edge& edge : m_edges) {
        const std::int64_t row =
            edge.chain < 0
                ? pack.lastRow(question)
                : pack.nodes[static_cast<std::size_t>(nodes[static_cast<std::size_t>(edge.chain)])].begin + edge.offset;
        targets.push_back({row, edge.token, 1});
    }
}

std::vector<double> LabelTrie::logProbabilities(const float* edges) const {
    std::vector<double> sums;
    for (const auto& path : m_paths) {
        double sum = 0;
        for (std::size_t edge : path) sum += static_cast<double>(edges[edge]);
        sums.push_back(sum);
    }
    return sums;
}

} // namespace engine
