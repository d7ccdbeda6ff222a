// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/device/attention.h"
#include "engine/model/device/upload.h"

#include <map>

namespace engine::device {

Attention::Attention(const DecoderConfig& config, const Pack& pack, KvCache* cache, at::Device device)
    : m_heads(config.heads), m_kvHeads(config.kv_heads), m_headDim(config.head_dim), m_scale(config.attentionScale()),
      m_cache(cache), m_config(config) {
    if (cache) m_stored = cache->places(pack);
    const auto nodes = static_cast<std::int64_t>(pack.nodes.size());
    // Every key belongs to a group: a node, or after these a cached segment.
    std::vector<std::int64_t> nodeOfRow, cachedRows, cachedGroups, positions; // positions: of all keys
    std::map<int, std::int64_t> groupOfSegment;
    for (std::int64_t index = 0; index < nodes; ++index) {
        const PackNode& node = pack.nodes[static_cast<std::size_t>(index)];
        nodeOfRow.insert(nodeOfRow.end(), static_cast<std::size_t>(node.count), index);
        for (int segment = node.segment; segment >= 0; segment = cache->segment(segment).parent) {
            const auto [at, isNew] = groupOfSegment.try_emplace(segment, nodes + std::ssize(groupOfSegment));
            if (!isNew) continue;
            const KvCache::Segment& kept = cache->segment(segment);
            const std::int64_t before = kept.parent >= 0 ? cache->chainLength(kept.parent) : 0;
            for (std::int64_t place = 0; place < kept.length; ++place) {
                cachedRows.push_back(kept.begin + place);
                cachedGroups.push_back(at->second);
                positions.push_back(before + place);
            }
        }
    }
    const std::int64_t groups = nodes + std::ssize(groupOfSegment);
    std::vector<std::uint8_t> sees(static_cast<std::size_t>(nodes * groups), 0);
    for (std::int64_t index = 0; index < nodes; ++index) {
        const auto see = [&](std::int64_t group) { sees[static_cast<std::size_t>(index * groups + group)] = 1; };
        for (auto above = static_cast<int>(index); above >= 0; above = pack.nodes[static_cast<std::size_t>(above)].parent)
            see(above);
        for (int segment = pack.nodes[static_cast<std::size_t>(index)].segment; segment >= 0;
             segment = cache->segment(segment).parent)
            see(groupOfSegment.at(segment));
    }
    const auto cached = static_cast<std::int64_t>(cachedRows.size()), rows = pack.rows();
    std::vector<std::int64_t> groupOfKey = cachedGroups;
    groupOfKey.insert(groupOfKey.end(), nodeOfRow.begin(), nodeOfRow.end());
    const at::Tensor byGroups = uploaded(sees, device).to(at::kBool).view({nodes, groups});
    at::Tensor mask =
        at::index_select(at::index_select(byGroups, 0, uploaded(nodeOfRow, device)), 1, uploaded(groupOfKey, device));
    // Of its own node a row sees what comes before it; ancestors lie before it anyway.
    mask = at::tril(mask, cached);
    positions.insert(positions.end(), pack.positions.begin(), pack.positions.end());
    const at::Tensor ofKeys = uploaded(positions, device), ofRows = ofKeys.narrow(0, cached, rows).unsqueeze(1);
    for (std::int64_t layer = 0; layer < config.layers; ++layer) {
        const std::int64_t window = config.kind(layer).window;
        at::Tensor& seen = m_masks[window];
        if (seen.defined()) continue;
        seen = window ? at::logical_and(mask, at::gt(ofKeys, ofRows - window)) : mask;
        seen = seen.view({1, 1, rows, cached + rows});
    }
    if (cached > 0) m_cachedRows = uploaded(cachedRows, device);
}

at::Tensor Attention::allKeys(const at::Tensor& cached, const at::Tensor& own) const {
    at::Tensor all = own;
    if (m_cachedRows.defined())
        all = at::cat({at::index_select(cached, 0, m_cachedRows).view({-1, m_kvHeads, m_headDim}), own}, 0);
    const std::int64_t groups = m_heads / m_kvHeads, rows = all.size(0);
    if (groups > 1) all = all.unsqueeze(2).expand({rows, m_kvHeads, groups, m_headDim}).reshape({rows, m_heads, m_headDim});
    return all.transpose(0, 1).unsqueeze(0);
}

at::Tensor Attention::forward(std::int64_t layer, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) const {
    const at::Tensor none;
    const at::Tensor keys = allKeys(m_cache ? m_cache->keys(layer) : none, k),
                     values = allKeys(m_cache ? m_cache->values(layer) : none, v);
    const at::Tensor out = at::scaled_dot_product_attention(q.transpose(0, 1).unsqueeze(0), keys, values,
                                                            m_masks.at(m_config.kind(layer).window), 0.0, false, m_scale);
    return out.squeeze(0).transpose(0, 1).reshape({q.size(0), m_heads * m_headDim});
}

void Attention::store(std::int64_t layer, const at::Tensor& k, const at::Tensor& v) const {
    for (const KvCache::Stored& stored : m_stored)
        m_cache->store(layer, stored, k.narrow(0, stored.from, stored.count).flatten(1),
                       v.narrow(0, stored.from, stored.count).flatten(1));
}

void Attention::commit() const {
    if (m_cache) m_cache->commit(m_stored);
}

} // namespace engine::device
