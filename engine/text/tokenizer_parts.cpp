// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/text/tokenizer_parts.h"
#include "engine/error.h"
#include "engine/files/json_file.h"
#include "engine/text/json_access.h"
#include "engine/weights/tensor_view.h"

#include <algorithm>
#include <charconv>

namespace engine {

namespace {

using Json = nlohmann::json;

constexpr std::size_t kMaxContent = 1024;                  // bytes of one added token
constexpr std::size_t kMaxContents = std::size_t(4) << 20; // and of all of them

[[noreturn]] void refuse(const std::string& where, const std::string& what) {
    throw Error(ErrorCode::BadInput, where + ": " + what);
}

// "<|endoftext|>", or {"content": "<|endoftext|>", …}; "" for null.
std::string contentOf(const Json& json, const std::string& where) {
    if (json.is_null()) return {};
    if (json.is_string()) return json.get<std::string>();
    return textOf(json, "content", where);
}

void readAddedTokensDecoder(TokenizerParts& parts, const Json& config, const std::string& where) {
    const Json& decoder = optionalOf(config, "added_tokens_decoder");
    if (decoder.is_null()) return;
    if (!decoder.is_object()) refuse(where, "added_tokens_decoder is not an object.");
    for (const auto& [key, json] : decoder.items()) {
        const std::string entry = where + ": added_tokens_decoder " + quote(key);
        AddedToken token;
        const auto [end, status] = std::from_chars(key.data(), key.data() + key.size(), token.id);
        if (status != std::errc{} || end != key.data() + key.size()) refuse(entry, "the key is no token id.");
        token.content = textOf(json, "content", entry);
        token.single_word = flagOf(json, "single_word", false, entry);
        token.lstrip = flagOf(json, "lstrip", false, entry);
        token.rstrip = flagOf(json, "rstrip", false, entry);
        token.special = flagOf(json, "special", false, entry);
        token.normalized = flagOf(json, "normalized", !token.special, entry);
        addToken(parts, std::move(token), where);
    }
}

} // namespace

std::vector<Merge> resolveMerges(const std::vector<std::pair<std::string, std::string>>& merges, const Vocabulary& vocabulary,
                                 const std::string& where) {
    std::vector<Merge> resolved;
    resolved.reserve(merges.size());
    for (const auto& [left, right] : merges) {
        const Merge merge{vocabulary.find(left), vocabulary.find(right), vocabulary.find(left + right),
                          static_cast<std::uint32_t>(resolved.size())};
        const auto need = [&](std::int32_t id, const std::string& token) {
            if (id < 0)
                refuse(where, "merge " + std::to_string(resolved.size() + 1) + ", of " + quote(left) + " and " + quote(right) +
                                  ", needs the token " + quote(token) + ", which is not in the vocabulary.");
        };
        need(merge.left, left);
        need(merge.right, right);
        need(merge.result, left + right);
        resolved.push_back(merge);
    }
    return resolved;
}

void addToken(TokenizerParts& parts, AddedToken token, const std::string& where) {
    if (token.content.empty()) return;
    const std::int32_t known = parts.vocabulary.find(token.content);
    if (token.id < 0) token.id = known;
    if (known < 0)
        parts.vocabulary.add(token.content, token.id, where);
    else if (token.id != known)
        refuse(where, "the token " + quote(token.content) + " has two ids, " + std::to_string(known) + " and " +
                          std::to_string(token.id) + ".");
    if (!parts.addedIds.insert(token.id).second) return;
    if (token.content.size() > kMaxContent)
        refuse(where, "the added token " + quote(token.content) + " is longer than 1024 bytes.");
    parts.addedBytes += token.content.size();
    if (parts.addedBytes > kMaxContents) refuse(where, "the added tokens are longer than 4 MiB together.");
    parts.added.push_back(std::move(token));
}

void readConfigTokens(TokenizerParts& parts, const std::filesystem::path& folder) {
    for (const char* name : {"tokenizer_config.json", "special_tokens_map.json"}) {
        const std::filesystem::path file = folder / name;
        if (std::error_code status; !std::filesystem::exists(file, status)) continue;
        const Json config = readJsonObject(file);
        const std::string where = file.string();
        readAddedTokensDecoder(parts, config, where);
        const auto special = [&](const char* key) {
            const std::string content = contentOf(optionalOf(config, key), where + ": " + key);
            if (content.empty()) return std::int32_t(-1);
            const std::int32_t id = parts.vocabulary.find(content);
            if (id < 0) refuse(where, std::string(key) + " is " + quote(content) + ", which is not in the vocabulary.");
            AddedToken token;
            token.content = content;
            token.id = id;
            token.special = true;
            addToken(parts, std::move(token), where);
            return id;
        };
        const std::int32_t bos = special("bos_token");
        const std::int32_t eos = special("eos_token");
        if (parts.bos < 0) parts.bos = bos;
        if (parts.eos < 0) parts.eos = eos;
    }
}

} // namespace engine
