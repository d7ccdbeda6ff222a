// SPDX-License-Identifier: GPL-3.0-or-later
// The rows of one forward pass: sequences without padding, a shared beginning held once.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace engine {

/// Rows [begin, begin + count) that follow `parent`'s rows in their text. A row sees its own node's earlier rows, all rows of its
/// ancestors, and, where the root of its branch continues a cache segment, that segment's chain.
struct PackNode {
    std::int64_t begin = 0, count = 0;
    int parent = -1;    // index of an earlier node of this pack; -1: none
    int segment = -1;   // KvCache segment that this branch continues; -1: none
    bool store = false; // append this node's keys and values to `segment`
};

/// A forest of token rows: the root is the prompts' common beginning, its children the samples, their children the answers to
/// compare.
struct Pack {
    std::vector<std::int32_t> ids;       // [N]
    std::vector<std::int32_t> positions; // [N] place in the row's own text
    std::vector<PackNode> nodes;         // cover the rows in order

    std::int64_t rows() const { return static_cast<std::int64_t>(ids.size()); }
    /// Appends tokens after `parent`'s (or as the beginning of a text) and gives the new node's index.
    int add(std::span<const std::int32_t> tokens, int parent = -1);
    /// The same, stored in `segment`, which goes on from the parent's.
    int addStored(std::span<const std::int32_t> tokens, int parent, int segment);
    /// Appends tokens that continue a cache segment holding `cached` tokens in its chain.
    int addCached(std::span<const std::int32_t> tokens, int segment, std::int64_t cached, bool store);
    /// The row whose hidden state predicts the first token of what follows `node`.
    std::int64_t lastRow(int node) const;
};

/// A counted prediction: hidden state `row` should predict `token`.
struct Target {
    std::int64_t row = 0;
    std::int32_t token = 0;
    float weight = 1;
};

} // namespace engine
