// SPDX-License-Identifier: GPL-3.0-or-later
// Which keys each row of a pack sees in which layer, as dense masks, and the attention by ATen's operation for it.
#pragma once
#include "engine/model/kv_cache.h"

#include <ATen/core/Tensor.h>
#include <map>
#include <vector>

namespace engine::device {

/// Made once a pack, used by every layer.
class Attention {
public:
    /// `cache` may be null when no node continues a segment.
    Attention(const DecoderConfig& config, const Pack& pack, KvCache* cache, at::Device device);

    /// [N, heads * head_dim] of q [N, heads, head_dim] and the pack's own keys and values [N, kv_heads, head_dim].
    at::Tensor forward(std::int64_t layer, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) const;
    /// Copies storing nodes' keys and values into the cache.
    void store(std::int64_t layer, const at::Tensor& k, const at::Tensor& v) const;
    /// Tells the cache what was stored, once all layers have.
    void commit() const;

private:
    /// Cached rows, then the pack's own, as [1, heads, rows, head_dim].
    at::Tensor allKeys(const at::Tensor& cached, const at::Tensor& own) const;

    std::int64_t m_heads, m_kvHeads, m_headDim;
    double m_scale;
    KvCache* m_cache;
    std::vector<KvCache::Stored> m_stored;
    const DecoderConfig& m_config;
    std::map<std::int64_t, at::Tensor> m_masks; // by the layers' windows: [1, 1, N, cached + N], true where seen
    at::Tensor m_cachedRows;                    // of the cache's buffers; undefined: none
};

} // namespace engine::device
