// SPDX-License-Identifier: GPL-3.0-or-later
// An adapter merged into its base: a model folder for other programs.
#pragma once
#include "engine/exports/merge_source.h"

#include <cstdint>
#include <filesystem>
#include <stop_token>
#include <string>

namespace engine {

struct MergeJob {
    MergeSource source;
    std::filesystem::path folder;
    std::uint64_t shardBytes = 5'000'000'000; // larger models get an index and shards of at most so many
};

struct Merged {
    std::filesystem::path folder;
    std::string type; // "bfloat16", …: of most weights
    std::int64_t parameters = 0, bytes = 0, files = 0;
    std::string remark; // what is to be known of its numbers; may be empty
};

/// Writes a Hugging Face folder that transformers and Phibench load: config.json, safetensors, tokenizer and generation settings;
/// one tensor at a time in memory. The folder is there whole or not at all. Throws Error (BadInput where `folder` holds something
/// already); StopRequested.
Merged mergeIntoFolder(const MergeJob& job, const Sink& sink, std::stop_token stop);

} // namespace engine
