// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/text/gguf_split.h"
#include "engine/error.h"
#include "engine/weights/gguf.h"

#include <algorithm>
#include <vector>

namespace engine {

namespace {

constexpr const char* kPre = "tokenizer.ggml.pre";

/// o200k's, with its case-wise words; PCRE2 matches it.
constexpr std::string_view kGpt4o =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
    R"(|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
    R"(|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

struct Kind {
    std::vector<std::string_view> names; // as in llama.cpp; the first is written
    GgufSplit split;
};

const Kind kKinds[] = {
    {{"gpt-2", "default", "phi-2", "olmo", "roberta-bpe", "jais", "trillion"}, {PreTokenizer::expression(KnownSplit::Gpt2)}},
    {{"smollm", "starcoder", "refact", "codeshell"}, {.expression = PreTokenizer::expression(KnownSplit::Gpt2), .digits = true}},
    {{"llama-bpe", "llama3", "llama-v3", "falcon3", "pixtral"},
     {.expression = PreTokenizer::expression(KnownSplit::Llama3), .ignoresMerges = true, .addsBos = true}},
    {{"smaug-bpe", "dbrx"}, {PreTokenizer::expression(KnownSplit::Llama3)}},
    {{"qwen2", "deepseek-r1-qwen"}, {.expression = PreTokenizer::expression(KnownSplit::Qwen2), .nfc = true}},
    {{"gpt-4o"}, {kGpt4o}}};

} // namespace

PreTokenizer::Step GgufSplit::step(const std::string& where) const {
    if (const KnownSplit* known = PreTokenizer::find(expression)) return PreTokenizer::Known{*known};
    return PreTokenizer::Split{Pattern::regex(std::string(expression), where), SplitBehavior::Isolated, false};
}

GgufSplit ggufSplit(const GgufFile& file) {
    const std::string pre = file.value(kPre) ? file.text(kPre) : "default";
    std::string known;
    for (const Kind& kind : kKinds)
        for (const std::string_view name : kind.names) {
            if (name == pre) return kind.split;
            known += (known.empty() ? "" : ", ") + std::string(name);
        }
    throw Error(ErrorCode::BadInput,
                file.path().string() + ": " + kPre + " is " + quote(pre) +
                    ", a way to split text that is not known here; known are " + known + ".",
                "Use the model's Hugging Face folder with its tokenizer.json instead.");
}

std::string ggufSplitName(const GgufSplit& wanted) {
    for (const Kind& kind : kKinds) {
        const GgufSplit& split = kind.split;
        if (split.expression == wanted.expression && split.digits == wanted.digits && split.nfc == wanted.nfc &&
            split.ignoresMerges == wanted.ignoresMerges)
            return std::string(kind.names.front());
    }
    return {};
}

} // namespace engine
