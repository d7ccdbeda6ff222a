// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/text/gguf_split.h"
#include "engine/error.h"
#include "engine/weights/tensor_view.h"

#include <algorithm>
#include <initializer_list>

namespace engine {

GgufSplit ggufSplit(const std::string& pre, const std::string& where) {
    const auto among = [&](std::initializer_list<const char*> names) {
        return std::find(names.begin(), names.end(), pre) != names.end();
    };
    if (among({"smollm", "starcoder", "refact", "codeshell"})) return {.digits = true};
    if (among({"llama-bpe", "llama3", "llama-v3", "falcon3", "pixtral"}))
        return {.split = KnownSplit::Llama3, .ignoresMerges = true, .addsBos = true};
    if (among({"dbrx", "smaug-bpe"})) return {.split = KnownSplit::Llama3};
    if (among({"qwen2", "deepseek-r1-qwen"})) return {.split = KnownSplit::Qwen2, .nfc = true};
    if (among({"default", "gpt-2", "phi-2", "olmo", "roberta-bpe", "jais", "trillion"})) return {};
    throw Error(ErrorCode::BadInput,
                where + ": tokenizer.ggml.pre is " + quote(pre) + ", a way to split text that is not known here.",
                "Use the model's Hugging Face folder with its tokenizer.json instead.");
}

std::string ggufSplitName(const GgufSplit& wanted) {
    for (const char* name : {"gpt-2", "smollm", "llama-bpe", "smaug-bpe", "qwen2"}) {
        const GgufSplit split = ggufSplit(name, name);
        if (split.split == wanted.split && split.digits == wanted.digits && split.nfc == wanted.nfc &&
            split.ignoresMerges == wanted.ignoresMerges)
            return name;
    }
    return {};
}

} // namespace engine
