// SPDX-License-Identifier: GPL-3.0-or-later
// The large lists of a tokenizer's files, vocabulary and merges, read without building a tree of them.
#pragma once
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace engine {

struct TokenLists {
    std::vector<std::pair<std::string, std::int64_t>> vocab;
    std::vector<std::pair<std::string, std::string>> merges;
    bool hasVocab = false, hasMerges = false;
};

/// tokenizer.json; model.vocab and model.merges go to `lists` where they are an object and an array, and are left out of the
/// tree. This and the next read 64 MiB at most, and throw Error(NotFound, Io), or BadInput naming the file and what is wrong: not
/// JSON, a key given twice, too deep, too many values.
nlohmann::json readTokenizerJson(const std::filesystem::path& file, TokenLists& lists);
/// {"token": id, …}: vocab.json or added_tokens.json.
void readTokenIds(const std::filesystem::path& file, TokenLists& lists);
/// merges.txt: "a b" a line.
void readMergesText(const std::filesystem::path& file, TokenLists& lists);

/// "a b" as two; false if it is not exactly that.
bool splitMerge(std::string_view merge, std::pair<std::string, std::string>& parts);

} // namespace engine
