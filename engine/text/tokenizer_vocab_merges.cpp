// SPDX-License-Identifier: GPL-3.0-or-later
// vocab.json with merges.txt and, if it is there, added_tokens.json: the older files of GPT-2 and Phi.
#include "engine/error.h"
#include "engine/files/json_file.h"
#include "engine/text/json_access.h"
#include "engine/text/token_lists.h"
#include "engine/text/tokenizer_parts.h"
#include "engine/weights/tensor_view.h"

#include <algorithm>
#include <array>

namespace engine {

namespace {

using Json = nlohmann::json;

// What the class named in tokenizer_config.json does to the text first.
void chooseSteps(TokenizerParts& parts, const std::filesystem::path& folder) {
    const std::filesystem::path file = folder / "tokenizer_config.json";
    std::error_code status;
    const Json config = std::filesystem::exists(file, status) ? readJsonObject(file) : Json::object();
    std::string type = textOf(config, "tokenizer_class", file.string(), "GPT2Tokenizer");
    if (type.ends_with("Fast")) type.resize(type.size() - 4);
    constexpr std::array<std::string_view, 4> kLikeGpt2{"GPT2Tokenizer", "CodeGenTokenizer", "PreTrainedTokenizer",
                                                        "TokenizersBackend"};
    if (type == "Qwen2Tokenizer") {
        parts.normalizer.add(Normalizer::Form::Nfc);
        parts.preTokenizer.add(PreTokenizer::Known{KnownSplit::Qwen2});
    } else if (std::find(kLikeGpt2.begin(), kLikeGpt2.end(), type) != kLikeGpt2.end()) {
        if (flagOf(config, "add_prefix_space", false, file.string())) parts.preTokenizer.add(PreTokenizer::PrefixSpace{});
        parts.preTokenizer.add(PreTokenizer::Known{KnownSplit::Gpt2});
    } else {
        throw Error(ErrorCode::BadInput,
                    file.string() + ": the tokenizer_class " + quote(type) + " is not supported without a tokenizer.json.",
                    "Save the tokenizer with transformers' save_pretrained, which writes one.");
    }
    parts.addsBos = flagOf(config, "add_bos_token", false, file.string());
}

} // namespace

TokenizerParts partsFromVocabAndMerges(const std::filesystem::path& folder) {
    const std::string vocab = (folder / "vocab.json").string();
    const std::filesystem::path merges = folder / "merges.txt";
    TokenLists lists;
    readTokenIds(vocab, lists);
    readMergesText(merges, lists);
    TokenizerParts parts;
    for (auto& [token, id] : lists.vocab) parts.vocabulary.add(std::move(token), id, vocab);
    if (parts.vocabulary.size() == 0) throw Error(ErrorCode::BadInput, vocab + ": there is no token in it.");
    chooseSteps(parts, folder);
    parts.bpe = Bpe(parts.vocabulary, resolveMerges(lists.merges, parts.vocabulary, merges.string()), BpeOptions{});

    const std::filesystem::path added = folder / "added_tokens.json";
    if (std::error_code status; std::filesystem::exists(added, status)) {
        TokenLists more;
        readTokenIds(added, more);
        for (auto& [content, id] : more.vocab) {
            if (id < 0 || id >= Vocabulary::kMaxIds)
                throw Error(ErrorCode::BadInput, added.string() + ": the token " + quote(content) + " has the id " +
                                                     std::to_string(id) + ", but ids go from 0 to " +
                                                     std::to_string(Vocabulary::kMaxIds - 1) + ".");
            AddedToken token;
            token.content = std::move(content);
            token.id = static_cast<std::int32_t>(id);
            token.normalized = true;
            addToken(parts, std::move(token), added.string());
        }
    }
    readConfigTokens(parts, folder);

    const std::string end = "<|endoftext|>"; // GPT-2's and CodeGen's bos and eos where no file names them
    if (parts.eos >= 0 || parts.vocabulary.find(end) < 0) return parts;
    AddedToken token;
    token.content = end;
    token.special = true;
    addToken(parts, std::move(token), vocab);
    parts.eos = parts.vocabulary.find(end);
    if (parts.bos < 0) parts.bos = parts.eos;
    return parts;
}

} // namespace engine
