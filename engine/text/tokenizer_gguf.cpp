// SPDX-License-Identifier: GPL-3.0-or-later
// The tokenizer in a GGUF file's metadata (FORMATS §A3; names of tokenizer.ggml.pre as in llama.cpp).
#include "engine/error.h"
#include "engine/text/gguf_split.h"
#include "engine/text/token_lists.h"
#include "engine/text/tokenizer_parts.h"
#include "engine/weights/gguf.h"
#include "engine/words/utf8.h"

#include <algorithm>
#include <limits>

namespace engine {

namespace {

enum TokenType : std::int64_t { Normal = 1, Unknown = 2, Control = 3, UserDefined = 4, Unused = 5, Byte = 6 };

constexpr const char* kSpace = "\xE2\x96\x81"; // ▁, SentencePiece's blank

[[noreturn]] void refuse(const std::string& where, const std::string& what, const std::string& hint = {}) {
    throw Error(ErrorCode::BadInput, where + ": " + what, hint);
}

template <typename T> const T* listOf(const GgufFile& file, const std::string& key) {
    const GgufFile::Value* value = file.value(key);
    if (!value) return nullptr;
    const T* list = std::get_if<T>(value);
    if (!list) refuse(file.path().string(), key + " is of the wrong kind.");
    return list;
}

bool flagOf(const GgufFile& file, const std::string& key, bool fallback) {
    const GgufFile::Value* value = file.value(key);
    if (!value) return fallback;
    const bool* flag = std::get_if<bool>(value);
    if (!flag) refuse(file.path().string(), key + " is not true or false.");
    return *flag;
}

std::int32_t idOf(const GgufFile& file, const std::string& key, const Vocabulary& vocabulary) {
    if (!file.value(key)) return -1;
    const std::int64_t id = file.integer(key);
    if (!vocabulary.has(id))
        refuse(file.path().string(),
               key + " is " + std::to_string(id) + ", but the file has " + std::to_string(vocabulary.size()) + " tokens.");
    return static_cast<std::int32_t>(id);
}

void chooseSplit(TokenizerParts& parts, BpeOptions& options, const GgufSplit& chosen, const std::string& where) {
    if (chosen.digits) parts.preTokenizer.add(PreTokenizer::Digits{true});
    if (chosen.nfc) parts.normalizer.add(Normalizer::Form::Nfc);
    options.ignoreMerges = chosen.ignoresMerges;
    parts.addsBos = chosen.addsBos;
    parts.preTokenizer.add(chosen.step(where));
}

void readSentencePiece(TokenizerParts& parts, const GgufFile& file, const std::vector<std::int64_t>& types) {
    const std::string where = file.path().string();
    const auto* scores = listOf<std::vector<double>>(file, "tokenizer.ggml.scores");
    if (!scores || scores->size() != types.size()) refuse(where, "tokenizer.ggml.scores are missing, or not one for each token.");
    if (std::any_of(scores->begin(), scores->end(), [](double score) { return !(score == score); }))
        refuse(where, "tokenizer.ggml.scores holds a score that is no number.");
    if (flagOf(file, "tokenizer.ggml.add_space_prefix", true)) {
        parts.normalizer.add(Normalizer::Prepend{kSpace});
        parts.spelling.dropsFirstSpace = true;
    }
    parts.normalizer.add(Normalizer::Replace{Pattern::literal(" "), kSpace});
    parts.spelling.byteLevel = false;
    parts.spelling.byteFallback = true;
    parts.spelling.space = kSpace;
    BpeOptions options;
    options.byteLevel = false;
    options.byteFallback = true;
    options.fuseUnknown = true;
    options.unknown = idOf(file, "tokenizer.ggml.unknown_token_id", parts.vocabulary);
    std::vector<double> merging = *scores;
    for (std::size_t id = 0; id < merging.size(); ++id)
        if (types[id] != Normal) merging[id] = std::numeric_limits<double>::quiet_NaN();
    parts.bpe = Bpe(parts.vocabulary, merging, options);
    parts.addsBos = true;
}

void readByteLevel(TokenizerParts& parts, const GgufFile& file) {
    const std::string where = file.path().string();
    const auto* lines = listOf<std::vector<std::string>>(file, "tokenizer.ggml.merges");
    if (!lines) refuse(where, "tokenizer.ggml.merges are missing.");
    std::vector<std::pair<std::string, std::string>> merges(lines->size());
    for (std::size_t n = 0; n < lines->size(); ++n)
        if (!splitMerge((*lines)[n], merges[n]))
            refuse(where, "tokenizer.ggml.merges: merge " + std::to_string(n + 1) + " is " + quote((*lines)[n]) +
                              ", not two tokens with a space between.");
    BpeOptions options;
    chooseSplit(parts, options, ggufSplit(file), where);
    parts.bpe = Bpe(parts.vocabulary, resolveMerges(merges, parts.vocabulary, where + ": tokenizer.ggml.merges"), options);
}

} // namespace

std::vector<Merge> mergesFromScores(const Vocabulary& vocabulary, const std::vector<double>& scores,
                                    const std::vector<std::int64_t>& types) {
    std::vector<std::int32_t> order;
    for (std::int32_t id = 0; id < vocabulary.size(); ++id)
        if (types[static_cast<std::size_t>(id)] == Normal) order.push_back(id);
    const auto score = [&](std::int32_t id) { return scores[static_cast<std::size_t>(id)]; };
    std::stable_sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) { return score(a) > score(b); });
    std::vector<Merge> merges;
    std::uint32_t rank = 0;
    for (std::size_t n = 0; n < order.size(); ++n) {
        if (n > 0 && score(order[n]) < score(order[n - 1])) ++rank;
        const std::string_view token = vocabulary.at(order[n]);
        for (std::size_t at = 1; at < token.size(); ++at) {
            if (!beginsCharacter(token[at])) continue; // inside a character
            const std::int32_t left = vocabulary.find(token.substr(0, at));
            const std::int32_t right = vocabulary.find(token.substr(at));
            if (left >= 0 && right >= 0) merges.push_back({left, right, order[n], rank});
        }
    }
    return merges;
}

TokenizerParts partsFromGguf(const GgufFile& file) {
    const std::string where = file.path().string();
    const std::string model = file.text("tokenizer.ggml.model");
    if (model != "gpt2" && model != "llama")
        refuse(where,
               "tokenizer.ggml.model is " + quote(model) + "; only 'gpt2' (byte-level) and 'llama' (SentencePiece) are read.");
    const auto* tokens = listOf<std::vector<std::string>>(file, "tokenizer.ggml.tokens");
    if (!tokens || tokens->empty()) refuse(where, "tokenizer.ggml.tokens are missing.");
    const auto* given = listOf<std::vector<std::int64_t>>(file, "tokenizer.ggml.token_type");
    const std::vector<std::int64_t> types = given ? *given : std::vector<std::int64_t>(tokens->size(), Normal);
    if (types.size() != tokens->size())
        refuse(where, "tokenizer.ggml.token_type has " + std::to_string(types.size()) + " entries, but there are " +
                          std::to_string(tokens->size()) + " tokens.");

    TokenizerParts parts;
    for (std::size_t id = 0; id < tokens->size(); ++id)
        parts.vocabulary.add((*tokens)[id], static_cast<std::int64_t>(id), where + ": tokenizer.ggml.tokens");
    if (model == "gpt2")
        readByteLevel(parts, file);
    else
        readSentencePiece(parts, file, types);
    const auto add = [&](std::int32_t id, bool special) {
        AddedToken token;
        token.content = parts.vocabulary.at(id);
        token.id = id;
        token.special = special;
        addToken(parts, std::move(token), where);
    };
    for (std::size_t id = 0; id < types.size(); ++id)
        if (types[id] == Control || types[id] == UserDefined) add(static_cast<std::int32_t>(id), types[id] == Control);
    parts.bos = idOf(file, "tokenizer.ggml.bos_token_id", parts.vocabulary);
    parts.eos = idOf(file, "tokenizer.ggml.eos_token_id", parts.vocabulary);
    for (std::int32_t id : {parts.bos, parts.eos})
        if (id >= 0) add(id, true);
    parts.addsBos = flagOf(file, "tokenizer.ggml.add_bos_token", parts.addsBos);
    return parts;
}

} // namespace engine
