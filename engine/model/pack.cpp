// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/pack.h"

namespace engine {

int Pack::add(std::span<const std::int32_t> tokens, int parent) {
    PackNode node{rows(), static_cast<std::int64_t>(tokens.size()), parent, -1, false};
    std::int32_t position = 0;
    if (parent >= 0) {
        const PackNode& above = nodes[static_cast<std::size_t>(parent)];
        node.segment = above.segment;
        position = positions[static_cast<std::size_t>(above.begin + above.count - 1)] + 1;
    }
    for (std::int32_t id : tokens) {
        ids.push_back(id);
        positions.push_back(position++);
    }
    nodes.push_back(node);
    return static_cast<int>(nodes.size()) - 1;
}

int Pack::addStored(std::span<const std::int32_t> tokens, int parent, int segment) {
    const int node = add(tokens, parent);
    nodes.back().segment = segment;
    nodes.back().store = true;
    return node;
}

int Pack::addCached(std::span<const std::int32_t> tokens, int segment, std::int64_t cached, bool store) {
    nodes.push_back({rows(), static_cast<std::int64_t>(tokens.size()), -1, segment, store});
    auto position = static_cast<std::int32_t>(cached);
    for (std::int32_t id : tokens) {
        ids.push_back(id);
        positions.push_back(position++);
    }
    return static_cast<int>(nodes.size()) - 1;
}

std::int64_t Pack::lastRow(int node) const {
    const PackNode& n = nodes[static_cast<std::size_t>(node)];
    return n.begin + n.count - 1;
}

} // namespace engine
