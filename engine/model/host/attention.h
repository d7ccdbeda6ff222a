// SPDX-License-Identifier: GPL-3.0-or-later
// Which keys each row of a pack sees in which layer, and the attention of all its nodes divided among the threads.
#pragma once
#include "engine/kernels/kernels.h"
#include "engine/model/kv_cache.h"
#include "engine/model/pack.h"

#include <ATen/core/Tensor.h>
#include <vector>

namespace engine::host {

/// Made once a pack, used by every layer. Queries, keys and values lie side by side in one tensor [N, (heads + 2 kv_heads) *
/// head_dim].
class Attention {
public:
    /// `cache` may be null when no node continues a segment. With `only`, the queries are these rows alone, in this order.
    Attention(const DecoderConfig& config, const Pack& pack, KvCache* cache, const std::vector<std::int64_t>* only = nullptr);

    /// out [queries, >= heads * head_dim]: its first columns are written; lse [N, heads] float or undefined.
    void forward(std::int64_t layer, const at::Tensor& qkv, at::Tensor& out, const at::Tensor& lse) const;
    /// dqkv, as qkv, is written. out and lse are those of forward, dOut [N, >= heads * head_dim].
    void backward(std::int64_t layer, const at::Tensor& qkv, const at::Tensor& out, const at::Tensor& lse, const at::Tensor& dOut,
                  at::Tensor& dqkv) const;
    /// Copies storing nodes' keys and values into the cache.
    void store(std::int64_t layer, const at::Tensor& qkv) const;
    /// Tells the cache what was stored, once all layers have.
    void commit() const;

private:
    struct Span {
        bool cached = false;
        std::int64_t begin = 0, rows = 0; // rows of the cache's buffers or of the pack
    };
    struct Item {
        std::int64_t begin = 0, count = 0; // query rows
        std::int64_t out = 0;              // where they are written
        std::vector<Span> spans;
        std::int64_t keys = 0;
    };

    /// What the layers of one window compute.
    struct Plan {
        std::int64_t window = 0; // 0: none
        std::vector<Item> items;
    };

    std::int64_t m_heads, m_kvHeads, m_headDim, m_rows;
    float m_scale;
    const DecoderConfig& m_config;
    KvCache* m_cache;
    std::vector<Plan> m_plans;
    std::vector<KvCache::Stored> m_stored;
    static void dropFirst(Item& item, std::int64_t keys);
    const Plan& planOf(std::int64_t layer) const;
    /// f(item, kv head, chunk) for all pairs; pairs of one chunk run on one thread, in order, and chunks are the same for a
    /// thread count.
    template <class F> void forPairs(const Plan& plan, std::int64_t chunks, const F& f) const;
    kernels::AttentionTask task(std::int64_t layer, std::int64_t window, const Item& item, std::int64_t kvHead,
                                const at::Tensor& qkv, const at::Tensor& out, const at::Tensor& lse,
                                std::vector<kernels::KeySpan>& spans) const;
};

} // namespace engine::host
