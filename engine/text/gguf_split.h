// SPDX-License-Identifier: GPL-3.0-or-later
// What a GGUF's tokenizer.ggml.pre stands for (names as in llama.cpp).
#pragma once
#include "engine/text/pretokenize.h"

#include <string>
#include <string_view>

namespace engine {

class GgufFile;

struct GgufSplit {
    std::string_view expression; // as in tokenizer.json's Split; ByteLevel's own is GPT-2's
    bool digits = false;         // split one by one before
    bool nfc = false;
    bool ignoresMerges = false;
    bool addsBos = false; // unless the file says otherwise

    /// Matched by hand where we can. `where` begins an error.
    PreTokenizer::Step step(const std::string& where) const;
};

/// "default" where the file names none. Throws Error(BadInput) for a name that is not known.
GgufSplit ggufSplit(const GgufFile& file);
/// The name to write for this way to split; empty: there is none.
std::string ggufSplitName(const GgufSplit& split);

} // namespace engine
