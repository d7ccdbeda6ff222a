// SPDX-License-Identifier: GPL-3.0-or-later
// What every kind of file is read into; Tokenizer runs it.
#pragma once
#include "engine/text/added_tokens.h"
#include "engine/text/bpe.h"
#include "engine/text/normalize.h"
#include "engine/text/pretokenize.h"

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <unordered_set>

namespace engine {

class GgufFile;

struct TokenSpelling {
    bool byteLevel = true;     // tokens spell bytes by GPT-2's stand-ins
    std::string space;         // otherwise: what is written for a blank, if anything
    bool byteFallback = false; // "<0x0A>" is a byte
    bool dropsFirstSpace = false;
};

struct TokenizerParts {
    Vocabulary vocabulary; // with the added tokens
    Bpe bpe;
    std::vector<AddedToken> added;
    std::unordered_set<std::int32_t> addedIds;
    std::size_t addedBytes = 0; // of all their contents
    Normalizer normalizer;
    PreTokenizer preTokenizer;
    TokenSpelling spelling;
    std::int32_t bos = -1, eos = -1;
    bool addsBos = false;
};

TokenizerParts partsFromTokenizerJson(const std::filesystem::path& folder);
TokenizerParts partsFromVocabAndMerges(const std::filesystem::path& folder);
TokenizerParts partsFromGguf(const GgufFile& file);

/// Ids of the merges' tokens. Throws Error(BadInput), beginning with `where`, naming the merge whose token or result has no id.
std::vector<Merge> resolveMerges(const std::vector<std::pair<std::string, std::string>>& merges, const Vocabulary& vocabulary,
                                 const std::string& where);
/// SentencePiece's scores as merges: the pair whose token scores higher merges first. `types`: GGUF's of the tokens.
std::vector<Merge> mergesFromScores(const Vocabulary& vocabulary, const std::vector<double>& scores,
                                    const std::vector<std::int64_t>& types);
/// Enters an added token under its id, or with that which its content has already. The vocabulary may hold it; a token added
/// before keeps its flags. Throws Error(BadInput): another id than the vocabulary's, an id taken, content too long.
void addToken(TokenizerParts& parts, AddedToken token, const std::string& where);
/// bos, eos and further tokens of tokenizer_config.json and special_tokens_map.json, where these are there.
void readConfigTokens(TokenizerParts& parts, const std::filesystem::path& folder);

/// The members of tokenizer.json. Each throws Error(BadInput) naming the type it does not know.
Normalizer readNormalizer(const nlohmann::json& json, const std::string& where);
/// `byteLevel`: whether it ends in bytes' stand-ins.
PreTokenizer readPreTokenizer(const nlohmann::json& json, const std::string& where, bool& byteLevel);
TokenSpelling readDecoder(const nlohmann::json& json, const std::string& where);
/// The token that it puts before a text; "": none.
std::string readPostProcessor(const nlohmann::json& json, const std::string& where);

} // namespace engine
