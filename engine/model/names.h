// SPDX-License-Identifier: GPL-3.0-or-later
// What a tensor is called in the several namings of files (FORMATS §A1, §A3). No torch here.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace engine {

/// Where a tensor may lie: all of the file's tensor, or one of `parts` equal blocks of its rows.
struct FileName {
    std::string name;
    std::int64_t part = 0, parts = 1;
    bool interleaved = false; // the parts alternate head by head
    bool rotated = false;     // Q or K, whose rows a llama GGUF interleaves
};

/// For a Hugging Face name: itself, then the names of older Phi files.
std::vector<FileName> folderNames(const std::string& name);
/// For a Hugging Face name: GGUF's.
std::vector<FileName> ggufNames(const std::string& name);

} // namespace engine
