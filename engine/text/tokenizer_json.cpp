// SPDX-License-Identifier: GPL-3.0-or-later
// tokenizer.json, as the tokenizers library writes it (FORMATS §A1).
#include "engine/error.h"
#include "engine/text/json_access.h"
#include "engine/text/token_lists.h"
#include "engine/text/tokenizer_parts.h"
#include "engine/weights/tensor_view.h"

namespace engine {

namespace {

using Json = nlohmann::json;

[[noreturn]] void refuse(const std::string& where, const std::string& what, const std::string& hint = {}) {
    throw Error(ErrorCode::BadInput, where + ": " + what, hint);
}

BpeOptions readModel(const Json& model, const TokenLists& lists, const Vocabulary& vocabulary, const std::string& where) {
    const std::string type = textOf(model, "type", where, lists.hasVocab && lists.hasMerges ? "BPE" : "");
    if (type != "BPE")
        refuse(where, type.empty() ? "the model has no type." : "models of the type " + quote(type) + " are not supported.",
               "Phibench reads byte-pair tokenizers (BPE), as the GPT-2 and Llama families have.");
    if (!lists.hasVocab) refuse(where, "vocab is missing or is not an object of tokens and their ids.");
    if (!lists.hasMerges) refuse(where, "merges are missing or are not a list.");
    for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"})
        if (!textOf(model, key, where, "").empty())
            refuse(where, std::string(key) + " " + quote(textOf(model, key, where)) + " is not supported.");
    const Json& dropout = optionalOf(model, "dropout");
    if (!dropout.is_null() && dropout != 0)
        refuse(where, "dropout would make the tokens of a text random, which is not supported.");

    BpeOptions options;
    options.byteFallback = flagOf(model, "byte_fallback", false, where);
    options.ignoreMerges = flagOf(model, "ignore_merges", false, where);
    options.fuseUnknown = flagOf(model, "fuse_unk", false, where);
    const std::string unknown = textOf(model, "unk_token", where, "");
    if (unknown.empty()) return options;
    options.unknown = vocabulary.find(unknown);
    if (options.unknown < 0) refuse(where, "unk_token " + quote(unknown) + " is not in the vocabulary.");
    return options;
}

AddedToken readAddedToken(const Json& json, const std::string& where) {
    AddedToken token;
    token.content = textOf(json, "content", where);
    const Json& id = memberOf(json, "id", where);
    if (!id.is_number_integer() || id.get<double>() < 0 || id.get<double>() >= static_cast<double>(Vocabulary::kMaxIds))
        refuse(where, "the added token " + quote(token.content) + " has the id " + id.dump() + ", but ids go from 0 to " +
                          std::to_string(Vocabulary::kMaxIds - 1) + ".");
    token.id = id.get<std::int32_t>();
    token.single_word = flagOf(json, "single_word", false, where);
    token.lstrip = flagOf(json, "lstrip", false, where);
    token.rstrip = flagOf(json, "rstrip", false, where);
    token.special = flagOf(json, "special", false, where);
    token.normalized = flagOf(json, "normalized", !token.special, where);
    return token;
}

} // namespace

TokenizerParts partsFromTokenizerJson(const std::filesystem::path& folder) {
    const std::filesystem::path file = folder / "tokenizer.json";
    const std::string where = file.string();
    TokenLists lists;
    const Json json = readTokenizerJson(file, lists);

    TokenizerParts parts;
    for (auto& [token, id] : lists.vocab) parts.vocabulary.add(std::move(token), id, where + ": model.vocab");
    BpeOptions options = readModel(memberOf(json, "model", where), lists, parts.vocabulary, where + ": model");
    parts.normalizer = readNormalizer(optionalOf(json, "normalizer"), where + ": normalizer");
    parts.preTokenizer = readPreTokenizer(optionalOf(json, "pre_tokenizer"), where + ": pre_tokenizer", options.byteLevel);
    parts.spelling = readDecoder(optionalOf(json, "decoder"), where + ": decoder");
    parts.spelling.byteLevel = parts.spelling.byteLevel || options.byteLevel;
    parts.bpe = Bpe(parts.vocabulary, resolveMerges(lists.merges, parts.vocabulary, where + ": model.merges"), options);
    if (!optionalOf(json, "added_tokens").is_null())
        for (const Json& token : listOf(json, "added_tokens", where))
            addToken(parts, readAddedToken(token, where + ": added_tokens"), where);
    readConfigTokens(parts, folder);
    const std::string processor = where + ": post_processor";
    if (const std::string first = readPostProcessor(optionalOf(json, "post_processor"), processor); !first.empty()) {
        parts.addsBos = true;
        parts.bos = parts.vocabulary.find(first);
        if (parts.bos < 0) refuse(processor, "it puts " + quote(first) + " before a text, which is not in the vocabulary.");
    }
    return parts;
}

} // namespace engine
