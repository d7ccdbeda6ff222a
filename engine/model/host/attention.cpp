// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/host/attention.h"
#include "engine/model/host/rows.h"

#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <algorithm>
#include <cmath>

namespace engine::host {

namespace {

/// Query rows of one item: small enough to share a long text among threads, large enough for the kernel's blocks.
constexpr std::int64_t kItemRows = 128;

/// The layers' windows, each once.
std::vector<std::int64_t> windows(const DecoderConfig& config) {
    std::vector<std::int64_t> all;
    for (std::int64_t layer = 0; layer < config.layers; ++layer) {
        const std::int64_t window = config.kind(layer).window;
        if (std::find(all.begin(), all.end(), window) == all.end()) all.push_back(window);
    }
    return all;
}

/// f(node, first, end, out): the rows [first, end) of a node are queries, written from row `out` on.
template <class F> void forQueries(const Pack& pack, const std::vector<std::int64_t>* only, const F& f) {
    if (!only) {
        for (const PackNode& node : pack.nodes) f(node, node.begin, node.begin + node.count, node.begin);
        return;
    }
    for (std::size_t i = 0; i < only->size();) {
        const std::int64_t first = (*only)[i];
        const PackNode& node = *std::prev(std::upper_bound(pack.nodes.begin(), pack.nodes.end(), first,
                                                           [](std::int64_t row, const PackNode& n) { return row < n.begin; }));
        const std::size_t begin = i++;
        while (i < only->size() && (*only)[i] == (*only)[i - 1] + 1 && (*only)[i] < node.begin + node.count) ++i;
        f(node, first, (*only)[i - 1] + 1, static_cast<std::int64_t>(begin));
    }
}

} // namespace

Attention::Attention(const DecoderConfig& config, const Pack& pack, KvCache* cache, const std::vector<std::int64_t>* only)
    : m_heads(config.heads), m_kvHeads(config.kv_heads), m_headDim(config.head_dim), m_rows(pack.rows()),
      m_scale(static_cast<float>(config.attentionScale())), m_config(config), m_cache(cache) {
    for (const std::int64_t window : windows(config)) m_plans.push_back({window, {}});
    forQueries(pack, only, [&](const PackNode& node, std::int64_t first, std::int64_t last, std::int64_t out) {
        std::vector<Span> before;
        for (int parent = node.parent; parent >= 0;) {
            const PackNode& above = pack.nodes[static_cast<std::size_t>(parent)];
            before.push_back({false, above.begin, above.count});
            parent = above.parent;
        }
        for (int segment = node.segment; segment >= 0; segment = cache->segment(segment).parent) {
            const KvCache::Segment& cached = cache->segment(segment);
            if (cached.length) before.push_back({true, cached.begin, cached.length});
        }
        std::reverse(before.begin(), before.end());
        std::int64_t keys = 0;
        for (const Span& span : before) keys += span.rows;
        for (std::int64_t begin = first; begin < last; begin += kItemRows) {
            const std::int64_t end = std::min(last, begin + kItemRows), own = end - node.begin;
            Item item{begin, end - begin, out + begin - first, before, keys + own};
            item.spans.push_back({false, node.begin, own});
            for (Plan& plan : m_plans) {
                Item seen = item;
                // Before this lies what not even the first of these queries sees.
                if (plan.window) dropFirst(seen, seen.keys - seen.count + 1 - plan.window);
                plan.items.push_back(std::move(seen));
            }
        }
    });
    if (cache) m_stored = cache->places(pack);
}

void Attention::dropFirst(Item& item, std::int64_t keys) {
    for (; keys > 0; item.spans.erase(item.spans.begin())) {
        Span& first = item.spans.front();
        const std::int64_t dropped = std::min(keys, first.rows);
        first.begin += dropped;
        first.rows -= dropped;
        item.keys -= dropped;
        keys -= dropped;
        if (first.rows > 0) return;
    }
}

const Attention::Plan& Attention::planOf(std::int64_t layer) const {
    const std::int64_t window = m_config.kind(layer).window;
    return *std::find_if(m_plans.begin(), m_plans.end(), [&](const Plan& plan) { return plan.window == window; });
}

template <class F> void Attention::forPairs(const Plan& plan, std::int64_t chunks, const F& f) const {
    const auto cost = [](const Item& item) { return (item.count + 4) * item.keys; };
    std::int64_t total = 0;
    for (const Item& item : plan.items) total += cost(item) * m_kvHeads;
    at::parallel_for(0, chunks, 1, [&](std::int64_t first, std::int64_t last) {
        for (std::int64_t chunk = first; chunk < last; ++chunk) {
            std::int64_t done = 0;
            for (const Item& item : plan.items)
                for (std::int64_t head = 0; head < m_kvHeads; ++head) {
                    // A pair belongs to the chunk in which its middle lies.
                    const std::int64_t middle = 2 * done + cost(item);
                    done += cost(item);
                    if (std::min(chunks - 1, middle * chunks / (2 * std::max<std::int64_t>(1, total))) == chunk)
                        f(item, head, chunk);
                }
        }
    });
}

kernels::AttentionTask Attention::task(std::int64_t layer, std::int64_t window, const Item& item, std::int64_t kvHead,
                                       const at::Tensor& qkv, const at::Tensor& out, const at::Tensor& lse,
                                       std::vector<kernels::KeySpan>& spans) const {
    const kernels::Rows rows = rowsOf(qkv);
    const std::int64_t size = kernels::sizeOf(rows.type), groups = m_heads / m_kvHeads;
    const auto at = [&](const kernels::Rows& r, std::int64_t row, std::int64_t column) {
        return static_cast<char*>(r.data) + (row * r.stride + column) * kernels::sizeOf(r.type);
    };
    spans.clear();
    for (const Span& span : item.spans) {
        if (span.cached) {
            const kernels::Rows keys = rowsOf(m_cache->keys(layer)), values = rowsOf(m_cache->values(layer));
            spans.push_back({at(keys, span.begin, kvHead * m_headDim), at(values, span.begin, kvHead * m_headDim), keys.stride,
                             span.rows, keys.type, -1});
        } else {
            char* keys = at(rows, span.begin, (m_heads + kvHead) * m_headDim);
            spans.push_back({keys, keys + m_kvHeads * m_headDim * size, rows.stride, span.rows, rows.type, span.begin});
        }
    }
    kernels::AttentionTask task;
    task.q = at(rows, item.begin, kvHead * groups * m_headDim);
    task.qStride = rows.stride;
    task.qRows = item.count;
    task.type = rows.type;
    task.groups = groups;
    task.headDim = m_headDim;
    task.scale = m_scale;
    task.window = window;
    task.spans = spans.data();
    task.spanCount = static_cast<std::int64_t>(spans.size());
    const kernels::Rows outRows = rowsOf(out);
    task.out = at(outRows, item.out, kvHead * groups * m_headDim);
    task.outStride = outRows.stride;
    if (lse.defined()) {
        task.lse = lse.data_ptr<float>() + item.out * m_heads + kvHead * groups;
        task.lseStride = m_heads;
    }
    return task;
}

void Attention::forward(std::int64_t layer, const at::Tensor& qkv, at::Tensor& out, const at::Tensor& lse) const {
    const Plan& plan = planOf(layer);
    forPairs(plan, at::get_num_threads(), [&](const Item& item, std::int64_t head, std::int64_t) {
        std::vector<kernels::KeySpan> spans;
        kernels::attentionForward(task(layer, plan.window, item, head, qkv, out, lse, spans));
    });
}

void Attention::backward(std::int64_t layer, const at::Tensor& qkv, const at::Tensor& out, const at::Tensor& lse,
                         const at::Tensor& dOut, at::Tensor& dqkv) const {
    const std::int64_t chunks = at::get_num_threads(), width = m_kvHeads * m_headDim;
    // Nodes share their ancestors' keys, so each chunk adds into gradients of its own: [chunk][dK | dV][N, width].
    const at::Tensor sums = at::zeros({chunks * 2, m_rows, width}, at::kFloat);
    float* base = sums.data_ptr<float>();
    const kernels::Rows dOutRows = rowsOf(dOut), dqkvRows = rowsOf(dqkv);
    const Plan& plan = planOf(layer);
    forPairs(plan, chunks, [&](const Item& item, std::int64_t head, std::int64_t chunk) {
        std::vector<kernels::KeySpan> spans;
        const kernels::AttentionTask forward = task(layer, plan.window, item, head, qkv, out, lse, spans);
        const std::int64_t column = head * (m_heads / m_kvHeads) * m_headDim, size = kernels::sizeOf(dOutRows.type);
        kernels::AttentionGradient gradient;
        gradient.dOut = static_cast<const char*>(dOutRows.data) + (item.begin * dOutRows.stride + column) * size;
        gradient.dOutStride = dOutRows.stride;
        gradient.dq = static_cast<char*>(dqkvRows.data) + (item.begin * dqkvRows.stride + column) * size;
        gradient.dqStride = dqkvRows.stride;
        gradient.dk = base + chunk * 2 * m_rows * width + head * m_headDim;
        gradient.dv = gradient.dk + m_rows * width;
        gradient.dkvStride = width;
        kernels::attentionBackward(forward, gradient);
    });
    forRows(m_rows, 2 * width, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t which = 0; which < 2; ++which) {
            float* first = base + (which * m_rows + begin) * width;
            for (std::int64_t chunk = 1; chunk < chunks; ++chunk)
                kernels::addRows(first, {base + ((chunk * 2 + which) * m_rows + begin) * width, width, kernels::Scalar::F32},
                                 end - begin, width);
            kernels::Rows to = rowsOf(dqkv, begin);
            to.data = static_cast<char*>(to.data) + (m_heads + which * m_kvHeads) * m_headDim * kernels::sizeOf(to.type);
            kernels::castRows(first, end - begin, width, to);
        }
    });
}

void Attention::store(std::int64_t layer, const at::Tensor& qkv) const {
    const std::int64_t width = m_kvHeads * m_headDim;
    for (const KvCache::Stored& stored : m_stored) {
        const at::Tensor rows = qkv.narrow(0, stored.from, stored.count);
        m_cache->store(layer, stored, rows.narrow(1, m_heads * m_headDim, width),
                       rows.narrow(1, m_heads * m_headDim + width, width));
    }
}

void Attention::commit() const {
    if (m_cache) m_cache->commit(m_stored);
}

} // namespace engine::host
