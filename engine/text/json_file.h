// SPDX-License-Identifier: GPL-3.0-or-later
// A tokenizer's JSON files, of bounded size and depth, with their vocabulary and merges as lists rather than a tree.
#pragma once
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

namespace engine {

struct TokenLists {
    std::vector<std::pair<std::string, std::int64_t>> vocab;
    std::vector<std::pair<std::string, std::string>> merges;
    bool hasVocab = false, hasMerges = false;
};

/// All of a file of 64 MiB at most. Throws Error(NotFound, Io, BadInput) naming it.
std::string readTextFile(const std::filesystem::path& file);

/// Any JSON object. Throws Error(BadInput) naming file, line and column: not JSON, a key given twice, too deep, too many values.
nlohmann::json readJsonFile(const std::filesystem::path& file);
/// tokenizer.json; model.vocab and model.merges go to `lists` if they are an object and an array, and are left out of the tree.
nlohmann::json readTokenizerJson(const std::filesystem::path& file, TokenLists& lists);
/// {"token": id, …}: vocab.json or added_tokens.json.
void readTokenIds(const std::filesystem::path& file, TokenLists& lists);

/// "a b" as two; false if it is not exactly that.
bool splitMerge(std::string_view merge, std::pair<std::string, std::string>& parts);

} // namespace engine
