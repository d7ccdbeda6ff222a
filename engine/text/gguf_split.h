// SPDX-License-Identifier: GPL-3.0-or-later
// What a GGUF's tokenizer.ggml.pre stands for (names as in llama.cpp).
#pragma once
#include "engine/text/pretokenize.h"

#include <string>

namespace engine {

struct GgufSplit {
    KnownSplit split = KnownSplit::Gpt2;
    bool digits = false; // split one by one before
    bool nfc = false;
    bool ignoresMerges = false;
    bool addsBos = false; // unless the file says otherwise
};

/// Throws Error(BadInput), beginning with `where`, for a name that is not known.
GgufSplit ggufSplit(const std::string& pre, const std::string& where);
/// The name to write for this way to split; empty: there is none.
std::string ggufSplitName(const GgufSplit& split);

} // namespace engine
