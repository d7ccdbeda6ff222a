// SPDX-License-Identifier: GPL-3.0-or-later
// A model's weights as the hub lays them out, written tensor by tensor.
#pragma once
#include "engine/weights/safetensors.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace engine {

/// model.safetensors, or, beyond `shardBytes`, shards of at most so many with model.safetensors.index.json; a larger tensor has a
/// shard of its own. All members throw Error(BadInput) for what the format cannot hold, Error(Io).
class ShardedWriter {
public:
    static constexpr std::uint64_t kShardBytes = 5'000'000'000; // as save_pretrained

    /// Bytes of `tensors` are not looked at.
    ShardedWriter(const std::filesystem::path& folder, std::vector<TensorView> tensors, std::uint64_t shardBytes = kShardBytes);
    ~ShardedWriter();
    /// Which tensors write() wants, one after the other.
    const std::vector<std::size_t>& order() const { return m_order; }
    std::uint64_t byteCount() const { return m_total; }
    std::size_t fileCount() const { return m_shards.size(); }
    /// All bytes of the next tensor.
    void write(std::span<const std::byte> bytes);
    /// Throws Error(Internal) unless every tensor was written.
    void finish();

private:
    struct Shard {
        std::string name;
        std::vector<std::size_t> tensors;
    };

    void writeIndex() const;

    std::filesystem::path m_folder;
    std::vector<TensorView> m_tensors;
    std::vector<Shard> m_shards;
    std::vector<std::size_t> m_order;
    std::uint64_t m_total = 0;
    std::size_t m_shard = 0, m_written = 0; // the shard at work, and how many of its tensors are in it
    std::unique_ptr<SafetensorsWriter> m_writer;
};

} // namespace engine
