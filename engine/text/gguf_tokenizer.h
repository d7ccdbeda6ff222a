// SPDX-License-Identifier: GPL-3.0-or-later
// A tokenizer as a GGUF file's metadata, for writing.
#pragma once
#include "engine/weights/gguf_writer.h"

#include <cstdint>
#include <filesystem>

namespace engine {

/// What a file to be written says of its tokenizer: the keys tokenizer.* .
struct GgufTokenizer {
    GgufMetadata metadata;
    std::vector<std::string> remarks; // what a GGUF file says otherwise, a sentence each
};

/// Of a model folder's tokenizer files; ids up to `vocabulary` that no token has are filled with unused ones. `bos`, `eos`: the
/// model's own, where the files name none; -1: none. Throws Error(BadInput) for a tokenizer that GGUF files cannot say.
GgufTokenizer ggufTokenizer(const std::filesystem::path& folder, std::int64_t vocabulary, std::int32_t bos, std::int32_t eos);
/// Of another GGUF file: as it has them.
GgufTokenizer ggufTokenizer(const GgufFile& file);

} // namespace engine
