// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/text/tokenizer_export.h"
#include "engine/error.h"
#include "engine/files/new_file.h"
#include "engine/text/gguf_split.h"
#include "engine/text/token_lists.h"
#include "engine/text/tokenizer_parts.h"
#include "engine/weights/gguf.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace engine {

namespace {

using Json = nlohmann::ordered_json;

class Export {
public:
    explicit Export(const GgufFile& file)
        : m_file(file), m_parts(partsFromGguf(file)), m_byteLevel(file.text("tokenizer.ggml.model") == "gpt2") {
        if (m_byteLevel) m_split = ggufSplit(file);
    }

    Json tokenizer() const {
        return {{"version", "1.0"},
                {"truncation", nullptr},
                {"padding", nullptr},
                {"added_tokens", addedTokens()},
                {"normalizer", normalizer()},
                {"pre_tokenizer", preTokenizer()},
                {"post_processor", postProcessor()},
                {"decoder", decoder()},
                {"model", model()}};
    }

    Json config() const {
        Json config{{"tokenizer_class", "PreTrainedTokenizerFast"},
                    {"add_bos_token", addsBos()},
                    {"clean_up_tokenization_spaces", false}};
        if (m_file.value("general.architecture"))
            if (const std::string length = m_file.text("general.architecture") + ".context_length"; m_file.value(length))
                config["model_max_length"] = m_file.integer(length);
        const std::pair<const char*, const char*> special[]{
            {"bos_token", "bos"}, {"eos_token", "eos"}, {"unk_token", "unknown"}, {"pad_token", "padding"}};
        for (const auto& [key, name] : special)
            if (const std::int32_t id = tokenOf(name); id >= 0) config[key] = m_parts.vocabulary.at(id);
        if (m_file.value("tokenizer.chat_template")) config["chat_template"] = m_file.text("tokenizer.chat_template");
        return config;
    }

private:
    bool addsBos() const { return m_parts.addsBos && m_parts.bos >= 0; }
    std::int32_t tokenOf(const std::string& name) const {
        const std::string key = "tokenizer.ggml." + name + "_token_id";
        const std::int64_t id = m_file.value(key) ? m_file.integer(key) : -1;
        return m_parts.vocabulary.has(id) ? static_cast<std::int32_t>(id) : -1;
    }

    Json addedTokens() const {
        std::vector<AddedToken> added = m_parts.added;
        std::sort(added.begin(), added.end(), [](const AddedToken& a, const AddedToken& b) { return a.id < b.id; });
        Json list = Json::array();
        for (const AddedToken& token : added)
            list.push_back({{"id", token.id},
                            {"content", token.content},
                            {"single_word", token.single_word},
                            {"lstrip", token.lstrip},
                            {"rstrip", token.rstrip},
                            {"normalized", token.normalized},
                            {"special", token.special}});
        return list;
    }

    bool prefixesSpace() const { return !m_byteLevel && m_parts.spelling.dropsFirstSpace; }

    Json normalizer() const {
        if (m_byteLevel) return m_split.nfc ? Json{{"type", "NFC"}} : Json();
        Json steps = Json::array();
        if (prefixesSpace()) steps.push_back({{"type", "Prepend"}, {"prepend", m_parts.spelling.space}});
        steps.push_back({{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", m_parts.spelling.space}});
        return {{"type", "Sequence"}, {"normalizers", steps}};
    }

    Json preTokenizer() const {
        if (!m_byteLevel) return {};
        const bool own = m_split.expression == PreTokenizer::expression(KnownSplit::Gpt2); // ByteLevel's own
        Json steps = Json::array();
        if (m_split.digits) steps.push_back({{"type", "Digits"}, {"individual_digits", true}});
        if (!own)
            steps.push_back(
                {{"type", "Split"}, {"pattern", {{"Regex", m_split.expression}}}, {"behavior", "Isolated"}, {"invert", false}});
        steps.push_back(byteLevel(own));
        return steps.size() == 1 ? steps[0] : Json{{"type", "Sequence"}, {"pretokenizers", steps}};
    }

    static Json byteLevel(bool splits) {
        return {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", splits}};
    }

    Json postProcessor() const {
        if (!addsBos()) return {};
        const std::string bos = m_parts.vocabulary.at(m_parts.bos);
        const auto special = [&](int type) { return Json{{"SpecialToken", {{"id", bos}, {"type_id", type}}}}; };
        const auto text = [](const char* id, int type) { return Json{{"Sequence", {{"id", id}, {"type_id", type}}}}; };
        return {{"type", "TemplateProcessing"},
                {"single", {special(0), text("A", 0)}},
                {"pair", {special(0), text("A", 0), special(1), text("B", 1)}},
                {"special_tokens", {{bos, {{"id", bos}, {"ids", {m_parts.bos}}, {"tokens", {bos}}}}}}};
    }

    Json decoder() const {
        if (m_byteLevel) return byteLevel(true);
        Json steps{{{"type", "Replace"}, {"pattern", {{"String", m_parts.spelling.space}}}, {"content", " "}},
                   {{"type", "ByteFallback"}},
                   {{"type", "Fuse"}}};
        if (prefixesSpace()) steps.push_back({{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
        return {{"type", "Sequence"}, {"decoders", steps}};
    }

    Json model() const {
        const std::int32_t unknown = m_byteLevel ? -1 : tokenOf("unknown");
        Json vocab = Json::object();
        auto& entries = vocab.get_ref<Json::object_t&>(); // a list of pairs: looking for each key in all before it would take the
                                                          // square of their number
        for (std::int32_t id = 0; id < m_parts.vocabulary.size(); ++id) entries.push_back({m_parts.vocabulary.at(id), id});
        return {{"type", "BPE"},
                {"dropout", nullptr},
                {"unk_token", unknown >= 0 ? Json(m_parts.vocabulary.at(unknown)) : Json()},
                {"continuing_subword_prefix", nullptr},
                {"end_of_word_suffix", nullptr},
                {"fuse_unk", !m_byteLevel},
                {"byte_fallback", !m_byteLevel},
                {"ignore_merges", m_split.ignoresMerges},
                {"vocab", std::move(vocab)},
                {"merges", merges()}};
    }

    Json merges() const {
        Json list = Json::array();
        if (m_byteLevel) {
            std::pair<std::string, std::string> pair;
            for (const std::string& line : std::get<std::vector<std::string>>(*m_file.value("tokenizer.ggml.merges")))
                if (splitMerge(line, pair)) list.push_back({pair.first, pair.second});
            return list;
        }
        const auto& scores = std::get<std::vector<double>>(*m_file.value("tokenizer.ggml.scores"));
        const auto* given = m_file.value("tokenizer.ggml.token_type");
        const std::vector<std::int64_t> types =
            given ? std::get<std::vector<std::int64_t>>(*given) : std::vector<std::int64_t>(scores.size(), 1);
        for (const Merge& merge : mergesFromScores(m_parts.vocabulary, scores, types))
            list.push_back({m_parts.vocabulary.at(merge.left), m_parts.vocabulary.at(merge.right)});
        return list;
    }

    const GgufFile& m_file;
    TokenizerParts m_parts;
    bool m_byteLevel;
    GgufSplit m_split;
};

void write(const std::filesystem::path& path, const std::string& text) {
    NewFile file(path);
    file.write(text);
    file.commit();
}

} // namespace

void writeGgufTokenizer(const GgufFile& file, const std::filesystem::path& folder) {
    const Export tokens(file);
    try {
        write(folder / "tokenizer.json", tokens.tokenizer().dump(2) + "\n");
        write(folder / "tokenizer_config.json", tokens.config().dump(2) + "\n");
    } catch (const nlohmann::json::exception&) {
        throw Error(ErrorCode::BadInput, file.path().string() + ": a token or the chat template is not UTF-8.");
    }
}

} // namespace engine
