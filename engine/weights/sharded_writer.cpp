// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/weights/sharded_writer.h"
#include "engine/files/new_file.h"
#include "engine/weights/safetensors_header.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace engine {

namespace {

std::uint64_t sizeOf(const TensorView& tensor) {
    const auto size = safetensorsSize(tensor.type, tensor.shape);
    if (!size)
        throw Error(ErrorCode::BadInput,
                    "The tensor " + quote(tensor.name) + " " + shapeText(tensor.shape) + " is beyond any size.");
    return *size;
}

} // namespace

ShardedWriter::ShardedWriter(const std::filesystem::path& folder, std::vector<TensorView> tensors, std::uint64_t shardBytes)
    : m_folder(folder), m_tensors(std::move(tensors)) {
    std::uint64_t held = 0;
    for (std::size_t i = 0; i < m_tensors.size(); ++i) {
        const std::uint64_t size = sizeOf(m_tensors[i]);
        if (m_shards.empty() || (held > 0 && held + size > shardBytes)) {
            m_shards.emplace_back();
            held = 0;
        }
        m_shards.back().tensors.push_back(i);
        held += size;
        m_total += size;
    }
    for (std::size_t i = 0; i < m_shards.size(); ++i) {
        char name[64] = "model.safetensors";
        if (m_shards.size() > 1) std::snprintf(name, sizeof name, "model-%05zu-of-%05zu.safetensors", i + 1, m_shards.size());
        m_shards[i].name = name;
        // Wider types first, so that every tensor lies at a multiple of its type's size.
        std::stable_sort(m_shards[i].tensors.begin(), m_shards[i].tensors.end(), [&](std::size_t a, std::size_t b) {
            return safetensorsRank(m_tensors[a].type) > safetensorsRank(m_tensors[b].type);
        });
        m_order.insert(m_order.end(), m_shards[i].tensors.begin(), m_shards[i].tensors.end());
    }
}

ShardedWriter::~ShardedWriter() = default;

void ShardedWriter::write(std::span<const std::byte> bytes) {
    if (m_shard == m_shards.size()) throw Error(ErrorCode::Internal, "More tensors are written than were announced.");
    const Shard& shard = m_shards[m_shard];
    if (!m_writer) {
        std::vector<TensorView> views;
        for (const std::size_t i : shard.tensors) views.push_back(m_tensors[i]);
        m_writer = std::make_unique<SafetensorsWriter>(m_folder / shard.name, views,
                                                       std::map<std::string, std::string>{{"format", "pt"}});
    }
    const TensorView& tensor = m_tensors[shard.tensors[m_written]];
    if (bytes.size() != sizeOf(tensor))
        throw Error(ErrorCode::Internal, "The tensor " + quote(tensor.name) + " is of another size than was announced.");
    m_writer->write(bytes);
    if (++m_written < shard.tensors.size()) return;
    m_writer->commit();
    m_writer.reset();
    m_written = 0;
    ++m_shard;
}

void ShardedWriter::writeIndex() const {
    nlohmann::ordered_json map = nlohmann::ordered_json::object();
    for (const Shard& shard : m_shards)
        for (const std::size_t i : shard.tensors) map.emplace(m_tensors[i].name, shard.name);
    const nlohmann::ordered_json index{{"metadata", {{"total_size", m_total}}}, {"weight_map", map}};
    NewFile file(m_folder / "model.safetensors.index.json");
    file.write(index.dump(2) + "\n");
    file.commit();
}

void ShardedWriter::finish() {
    if (m_shard != m_shards.size()) throw Error(ErrorCode::Internal, "A tensor that was announced was not written.");
    if (m_shards.size() > 1) writeIndex();
}

} // namespace engine
