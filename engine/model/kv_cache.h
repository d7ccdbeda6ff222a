// SPDX-License-Identifier: GPL-3.0-or-later
// Keys and values of tokens already read, in segments that chain: a prefix kept once, a segment for each text that goes on from
// it.
#pragma once
#include "engine/architecture/architecture.h"
#include "engine/architecture/precision.h"
#include "engine/model/pack.h"

#include <ATen/core/Tensor.h>
#include <vector>

namespace engine {

class KvCache {
public:
    struct Segment {
        std::int64_t begin = 0, length = 0, capacity = 0;
        int parent = -1;
    };

    /// In the type and on the device that the model computes keys and values in.
    KvCache(const DecoderConfig& config, Precision precision, at::Device device = at::kCPU);
    /// Passes with this cache are parts of texts of up to so many tokens: LongRope turns all of them as it would in one pass.
    void setLongest(std::int64_t tokens) { m_longest = tokens; }
    std::int64_t longest() const { return m_longest; }
    /// Room for this many more tokens at once.
    void reserve(std::int64_t tokens);
    /// Room for `capacity` tokens that go on from `parent`'s (-1: from nothing). Grows the buffers.
    int addSegment(std::int64_t capacity, int parent = -1);
    /// Tokens in the segment and all it goes on from.
    std::int64_t chainLength(int segment) const;
    /// Forgets tokens of this segment past `length`.
    void truncate(int segment, std::int64_t length);
    /// Forgets this segment and all made after it.
    void release(int segment);
    const Segment& segment(int index) const { return m_segments[static_cast<std::size_t>(index)]; }

    /// Buffers [capacity, kv_heads * head_dim], rotary applied to keys.
    at::Tensor& keys(std::int64_t layer) { return m_keys[static_cast<std::size_t>(layer)]; }
    at::Tensor& values(std::int64_t layer) { return m_values[static_cast<std::size_t>(layer)]; }

    /// Rows of a pack that go into a segment: [from, from + count) to the buffers' [to, to + count).
    struct Stored {
        int segment = -1;
        std::int64_t from = 0, to = 0, count = 0;
    };
    /// Where the storing nodes' rows go. Throws Error(Internal) when a segment is too small.
    std::vector<Stored> places(const Pack& pack) const;
    /// A layer's keys and values [count, kv_heads * head_dim] of these rows.
    void store(std::int64_t layer, const Stored& stored, const at::Tensor& keys, const at::Tensor& values);
    /// To be called once all layers have.
    void commit(const std::vector<Stored>& places);

private:
    void grow(std::int64_t capacity);

    std::int64_t m_width = 0;
    std::int64_t m_used = 0, m_longest = 0;
    std::vector<at::Tensor> m_keys, m_values;
    std::vector<Segment> m_segments;
};

/// The largest position of the texts that a pass is a part of; 0: it has no rows.
std::int64_t lastPosition(const Pack& pack, const KvCache* cache);

} // namespace engine
