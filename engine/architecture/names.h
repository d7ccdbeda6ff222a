// SPDX-License-Identifier: GPL-3.0-or-later
// What a tensor is called in the several namings of files (FORMATS §A1, §A3).
#pragma once
#include "engine/architecture/architecture.h"

#include <cstdint>
#include <string>
#include <vector>

namespace engine {

/// Where a tensor may lie: all of the file's tensor, or one of `parts` equal blocks of its rows.
struct FileName {
    std::string name;
    std::int64_t part = 0, parts = 1;
    bool interleaved = false;    // the parts alternate head by head
    std::int64_t turnedHead = 0; // rows of each head, whose halves the file interleaves; 0: they lie as they are
    double added = 0;            // the file holds the values with this added
};

/// For a Hugging Face name: itself, then the names of older files.
std::vector<FileName> folderNames(const DecoderConfig& config, const std::string& name);
/// For a Hugging Face name: GGUF's, the one to write first. Empty for a name that is none of the model's.
std::vector<FileName> ggufNames(const DecoderConfig& config, const std::string& name);

} // namespace engine
