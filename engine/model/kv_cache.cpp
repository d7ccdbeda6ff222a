// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/kv_cache.h"
#include "engine/model/compute_type.h"

#include <ATen/Functions.h>
#include <algorithm>

namespace engine {

KvCache::KvCache(const DecoderConfig& config, Precision precision, at::Device device)
    : m_width(config.kv_heads * config.head_dim), m_keys(static_cast<std::size_t>(config.layers)),
      m_values(static_cast<std::size_t>(config.layers)) {
    for (auto* buffers : {&m_keys, &m_values})
        for (at::Tensor& buffer : *buffers)
            buffer = at::empty({0, m_width}, at::TensorOptions(computeType(precision)).device(device));
}

void KvCache::grow(std::int64_t capacity) {
    for (auto* buffers : {&m_keys, &m_values})
        for (at::Tensor& buffer : *buffers) {
            at::Tensor larger = at::empty({capacity, m_width}, buffer.options());
            if (m_used) larger.narrow(0, 0, m_used).copy_(buffer.narrow(0, 0, m_used));
            buffer = larger;
        }
}

void KvCache::reserve(std::int64_t tokens) {
    if (m_used + tokens > m_keys.front().size(0)) grow(m_used + tokens);
}

int KvCache::addSegment(std::int64_t capacity, int parent) {
    const std::int64_t needed = m_used + capacity, have = m_keys.front().size(0);
    if (needed > have) grow(std::max(needed, have + have / 2));
    m_segments.push_back({m_used, 0, capacity, parent});
    m_used = needed;
    return static_cast<int>(m_segments.size()) - 1;
}

std::int64_t KvCache::chainLength(int segment) const {
    std::int64_t length = 0;
    for (; segment >= 0; segment = m_segments[static_cast<std::size_t>(segment)].parent)
        length += m_segments[static_cast<std::size_t>(segment)].length;
    return length;
}

void KvCache::truncate(int segment, std::int64_t length) {
    auto& kept = m_segments[static_cast<std::size_t>(segment)].length;
    kept = std::min(kept, length);
}

void KvCache::release(int segment) {
    m_used = m_segments[static_cast<std::size_t>(segment)].begin;
    m_segments.resize(static_cast<std::size_t>(segment));
}

std::vector<KvCache::Stored> KvCache::places(const Pack& pack) const {
    std::vector<Stored> all;
    for (const PackNode& node : pack.nodes) {
        if (!node.store) continue;
        const Segment& kept = segment(node.segment);
        if (kept.length + node.count > kept.capacity)
            throw Error(ErrorCode::Internal, "A cache segment of " + std::to_string(kept.capacity) +
                                                 " tokens was asked to hold " + std::to_string(kept.length + node.count) + ".");
        all.push_back({node.segment, node.begin, kept.begin + kept.length, node.count});
    }
    return all;
}

void KvCache::store(std::int64_t layer, const Stored& stored, const at::Tensor& newKeys, const at::Tensor& newValues) {
    keys(layer).narrow(0, stored.to, stored.count).copy_(newKeys);
    values(layer).narrow(0, stored.to, stored.count).copy_(newValues);
}

void KvCache::commit(const std::vector<Stored>& places) {
    for (const Stored& stored : places) m_segments[static_cast<std::size_t>(stored.segment)].length += stored.count;
}

std::int64_t lastPosition(const Pack& pack, const KvCache* cache) {
    const auto last = std::max_element(pack.positions.begin(), pack.positions.end());
    const std::int64_t own = last == pack.positions.end() ? 0 : *last;
    return cache ? std::max(own, cache->longest() - 1) : own;
}

} // namespace engine
