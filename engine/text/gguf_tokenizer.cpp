// SPDX-License-Identifier: GPL-3.0-or-later
// Keys and kinds of tokens as llama.cpp reads them (FORMATS §A3).
#include "engine/text/gguf_tokenizer.h"
#include "engine/error.h"
#include "engine/files/json_file.h"
#include "engine/text/gguf_split.h"
#include "engine/text/json_access.h"
#include "engine/text/token_lists.h"
#include "engine/text/tokenizer_parts.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <unordered_map>

namespace engine {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

enum TokenType : std::int64_t { Normal = 1, Unknown = 2, Control = 3, UserDefined = 4, Unused = 5, Byte = 6 };

bool isThere(const fs::path& path) {
    std::error_code ignored;
    return fs::exists(path, ignored);
}

/// "<0x0A>".
bool isByte(const std::string& token) {
    return token.size() == 6 && token.starts_with("<0x") && token.back() == '>';
}

bool takesMore(const AddedToken& token) {
    return token.lstrip || token.rstrip || token.single_word;
}

class Metadata {
public:
    Metadata(const fs::path& folder, std::int64_t vocabulary, std::int32_t bos, std::int32_t eos)
        : m_folder(folder), m_vocabulary(vocabulary), m_fromJson(isThere(folder / "tokenizer.json")),
          m_parts(m_fromJson ? partsFromTokenizerJson(folder) : partsFromVocabAndMerges(folder)) {
        if (m_parts.bos < 0) m_parts.bos = bos;
        if (m_parts.eos < 0) m_parts.eos = eos;
        if (isThere(folder / "tokenizer_config.json")) m_config = readJsonObject(folder / "tokenizer_config.json");
        if (m_fromJson)
            readTokenizerJson(folder / "tokenizer.json", m_lists);
        else
            readMergesText(folder / "merges.txt", m_lists);
    }

    GgufTokenizer written() const {
        GgufTokenizer out;
        const bool byteLevel = m_parts.bpe.options().byteLevel;
        GgufMetadata& all = out.metadata;
        all.emplace_back("tokenizer.ggml.model", std::string(byteLevel ? "gpt2" : "llama"));
        if (byteLevel) all.emplace_back("tokenizer.ggml.pre", splitName());
        std::vector<std::string> texts;
        std::vector<std::int64_t> types;
        fillTokens(texts, types);
        if (byteLevel) {
            all.emplace_back("tokenizer.ggml.merges", merges());
        } else {
            requireSentencePiece();
            all.emplace_back("tokenizer.ggml.scores", scores(types));
            all.emplace_back("tokenizer.ggml.add_space_prefix", prependsSpace());
            if (prependsOnce())
                out.remarks.emplace_back(
                    "Blanks at the beginning of a text and behind special tokens are read otherwise from a GGUF file.");
            out.remarks.emplace_back(
                "The tokenizer's scores were made from the order of its merges, which tokenizer.json has in their place.");
        }
        all.emplace_back("tokenizer.ggml.tokens", std::move(texts));
        all.emplace_back("tokenizer.ggml.token_type", std::move(types));
        addSpecial(all);
        if (std::any_of(m_parts.added.begin(), m_parts.added.end(), takesMore))
            out.remarks.emplace_back(
                "Tokens that take the blanks beside them, or stand alone only, do not do so in a GGUF file.");
        if (const std::string chat = chatTemplate(); !chat.empty()) all.emplace_back("tokenizer.chat_template", chat);
        return out;
    }

private:
    [[noreturn]] void refuse(const std::string& what) const {
        throw Error(ErrorCode::BadInput, m_folder.string() + ": " + what,
                    "Export as safetensors instead, or begin from a GGUF file, whose tokenizer is passed on.");
    }

    /// The whole pre-tokenizer and normalizer as one of the ways that GGUF files have names for.
    std::string splitName() const {
        GgufSplit split;
        split.ignoresMerges = m_parts.bpe.options().ignoreMerges;
        bool known = true;
        for (const Normalizer::Step& step : m_parts.normalizer.steps()) {
            const auto* form = std::get_if<Normalizer::Form>(&step);
            split.nfc = form && *form == Normalizer::Form::Nfc;
            known = known && split.nfc;
        }
        int splits = 0;
        for (const PreTokenizer::Step& step : m_parts.preTokenizer.steps()) {
            if (const auto* digits = std::get_if<PreTokenizer::Digits>(&step)) {
                known = known && digits->individual && splits == 0;
                split.digits = true;
            } else if (const auto* named = std::get_if<PreTokenizer::Known>(&step)) {
                known = known && ++splits == 1;
                split.expression = PreTokenizer::expression(named->split);
            } else if (const auto* search = std::get_if<PreTokenizer::Split>(&step)) {
                known = known && ++splits == 1 && search->behavior == SplitBehavior::Isolated && !search->invert;
                split.expression = search->pattern.expression();
            } else {
                known = false;
            }
        }
        const std::string name = known && splits == 1 ? ggufSplitName(split) : "";
        if (name.empty()) refuse("its tokenizer splits text in a way that GGUF files have no name for here.");
        return name;
    }

    /// One that is looked for in texts as they are, spelled as no text is: merges alone make it.
    bool isNeverFound(const AddedToken& token) const {
        const std::string& space = m_parts.spelling.space;
        return !token.special && !token.normalized && !space.empty() && !m_parts.bpe.options().byteLevel &&
               token.content.find(space) != std::string::npos;
    }

    void fillTokens(std::vector<std::string>& texts, std::vector<std::int64_t>& types) const {
        std::unordered_map<std::int32_t, std::int64_t> added;
        for (const AddedToken& token : m_parts.added)
            if (!isNeverFound(token)) added[token.id] = token.special ? Control : UserDefined;
        const auto unknown = m_parts.bpe.options().unknown;
        const std::int64_t count = std::max(m_vocabulary, m_parts.vocabulary.size());
        for (std::int64_t id = 0; id < count; ++id) {
            const auto known = added.find(static_cast<std::int32_t>(id));
            const std::string token = m_parts.vocabulary.has(id) ? m_parts.vocabulary.at(static_cast<std::int32_t>(id)) : "";
            types.push_back(token.empty()                                         ? Unused
                            : id == unknown                                       ? Unknown
                            : known != added.end()                                ? known->second
                            : m_parts.bpe.options().byteFallback && isByte(token) ? Byte
                                                                                  : Normal);
            texts.push_back(token.empty() ? "[PAD" + std::to_string(id) + "]" : token);
        }
    }

    std::vector<std::string> merges() const {
        std::vector<std::string> lines;
        for (const auto& [left, right] : m_lists.merges) {
            if (left.find(' ') != std::string::npos || right.find(' ') != std::string::npos)
                refuse("a merge's token holds a blank, which GGUF's merges cannot.");
            lines.push_back(left + " " + right);
        }
        return lines;
    }

    bool prependsSpace() const {
        for (const Normalizer::Step& step : m_parts.normalizer.steps())
            if (std::holds_alternative<Normalizer::Prepend>(step)) return true;
        for (const PreTokenizer::Step& step : m_parts.preTokenizer.steps())
            if (const auto* meta = std::get_if<PreTokenizer::Metaspace>(&step))
                return meta->prepend != PreTokenizer::Metaspace::Prepend::Never;
        return false;
    }

    /// Metaspace prepends no blank to one.
    bool prependsOnce() const {
        const auto& steps = m_parts.preTokenizer.steps();
        return prependsSpace() && std::any_of(steps.begin(), steps.end(), [](const PreTokenizer::Step& step) {
                   return std::holds_alternative<PreTokenizer::Metaspace>(step);
               });
    }

    void requireSentencePiece() const {
        if (!m_parts.bpe.options().byteFallback || m_parts.spelling.space != "\xE2\x96\x81")
            refuse("its tokenizer is neither byte-level nor SentencePiece's, which are the two that can be written.");
    }

    /// The pair that merges first has the highest score. A token that no merge makes is never made.
    std::vector<double> scores(const std::vector<std::int64_t>& types) const {
        std::vector<double> all(types.size(), 0);
        const auto last = -static_cast<double>(m_lists.merges.size()) - 1;
        for (std::size_t id = 0; id < types.size(); ++id)
            if (types[id] == Normal) all[id] = last;
        double rank = 0;
        for (const auto& [left, right] : m_lists.merges) {
            double& score = all[static_cast<std::size_t>(m_parts.vocabulary.find(left + right))];
            if (score == last) score = rank;
            --rank;
        }
        return all;
    }

    std::int32_t special(const char* key) const {
        const Json& value = optionalOf(m_config, key);
        const std::string content = value.is_string()   ? value.get<std::string>()
                                    : value.is_object() ? textOf(value, "content", m_folder.string(), "")
                                                        : "";
        return content.empty() ? -1 : m_parts.vocabulary.find(content);
    }

    void addSpecial(GgufMetadata& all) const {
        const auto add = [&](const char* name, std::int32_t id) {
            if (id >= 0) all.emplace_back("tokenizer.ggml." + std::string(name) + "_token_id", std::int64_t{id});
        };
        add("bos", m_parts.bos);
        add("eos", m_parts.eos);
        add("unknown", m_parts.bpe.options().unknown >= 0 ? m_parts.bpe.options().unknown : special("unk_token"));
        add("padding", special("pad_token"));
        all.emplace_back("tokenizer.ggml.add_bos_token", m_parts.addsBos && m_parts.bos >= 0);
        all.emplace_back("tokenizer.ggml.add_eos_token", false);
    }

    /// The template named default, where there are several.
    std::string chatTemplate() const {
        if (std::ifstream file(m_folder / "chat_template.jinja", std::ios::binary); file)
            return {std::istreambuf_iterator<char>(file), {}};
        const Json& value = optionalOf(m_config, "chat_template");
        if (value.is_string()) return value.get<std::string>();
        if (!value.is_array()) return {};
        for (const Json& named : value)
            if (named.is_object() && textOf(named, "name", m_folder.string(), "") == "default")
                return textOf(named, "template", m_folder.string(), "");
        return {};
    }

    fs::path m_folder;
    std::int64_t m_vocabulary;
    bool m_fromJson;
    TokenizerParts m_parts;
    TokenLists m_lists;
    Json m_config = Json::object();
};

} // namespace

GgufTokenizer ggufTokenizer(const fs::path& folder, std::int64_t vocabulary, std::int32_t bos, std::int32_t eos) {
    return Metadata(folder, vocabulary, bos, eos).written();
}

GgufTokenizer ggufTokenizer(const GgufFile& file) {
    GgufTokenizer out;
    for (const auto& [key, value] : file.metadata())
        if (key.starts_with("tokenizer.")) out.metadata.emplace_back(key, value);
    return out;
}

} // namespace engine
