// SPDX-License-Identifier: GPL-3.0-or-later
// A GGUF's tokenizer as Hugging Face's files.
#pragma once
#include <filesystem>

namespace engine {

class GgufFile;

/// Writes tokenizer.json and tokenizer_config.json (with the chat template, if there is one) into `folder`: the same tokens for
/// every text as Tokenizer::fromGguf and the tokenizers library. Throws Error(BadInput, Io).
void writeGgufTokenizer(const GgufFile& file, const std::filesystem::path& folder);

} // namespace engine
