// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/text/token_lists.h"
#include "engine/files/mapped_file.h"
#include "engine/weights/tensor_view.h"

#include <algorithm>

namespace engine {

namespace {

using Json = nlohmann::json;

constexpr std::size_t kMaxBytes = std::size_t(64) << 20;
constexpr std::size_t kMaxDepth = 64;
constexpr std::size_t kMaxValues = 2'000'000;

enum class Layout { Tokenizer, Ids };

/// Builds the tree, except for the vocabulary and the merges.
class Reader : public nlohmann::json_sax<Json> {
public:
    Reader(std::string where, Layout layout, TokenLists& lists) : m_where(std::move(where)), m_layout(layout), m_lists(lists) {}
    Json take() { return std::move(m_root); }

    bool null() override { return value(nullptr); }
    bool boolean(bool v) override { return value(v); }
    bool number_float(number_float_t v, const string_t&) override { return value(v); }
    bool binary(binary_t&) override { return false; }
    bool number_integer(number_integer_t v) override { return m_mode == Mode::Vocab ? token(v) : value(v); }
    bool number_unsigned(number_unsigned_t v) override {
        if (m_mode != Mode::Vocab) return value(v);
        return token(v > static_cast<number_unsigned_t>(INT64_MAX) ? INT64_MAX : static_cast<std::int64_t>(v));
    }

    bool string(string_t& v) override {
        if (m_mode == Mode::Tree || m_mode == Mode::Vocab) return value(std::move(v));
        if (m_mode == Mode::Pair) {
            if (m_part < 2) (m_part == 0 ? m_lists.merges.back().first : m_lists.merges.back().second) = std::move(v);
            ++m_part;
            return true;
        }
        std::pair<std::string, std::string> parts;
        if (!splitMerge(v, parts))
            refuse("merge " + std::to_string(m_lists.merges.size() + 1) + " is " + quote(v) +
                   ", not two tokens with a space between.");
        m_lists.merges.push_back(std::move(parts));
        return true;
    }

    bool start_object(std::size_t) override {
        const bool vocabulary = (m_layout == Layout::Ids && m_stack.empty()) ||
                                (m_layout == Layout::Tokenizer && m_stack.size() == 2 && m_path == "/model/vocab");
        if (vocabulary && m_mode == Mode::Tree) {
            if (m_lists.hasVocab) refuse("the key vocab is there twice.");
            m_lists.hasVocab = true;
            m_mode = Mode::Vocab;
            return true;
        }
        return open(Json::object());
    }
    bool end_object() override {
        if (m_mode == Mode::Vocab)
            m_mode = Mode::Tree;
        else
            close();
        return true;
    }
    bool start_array(std::size_t) override {
        if (m_mode == Mode::Merges) {
            m_lists.merges.emplace_back();
            m_mode = Mode::Pair;
            m_part = 0;
            return true;
        }
        if (m_mode == Mode::Tree && m_layout == Layout::Tokenizer && m_stack.size() == 2 && m_path == "/model/merges") {
            if (m_lists.hasMerges) refuse("the key merges is there twice.");
            m_lists.hasMerges = true;
            m_mode = Mode::Merges;
            return true;
        }
        return open(Json::array());
    }
    bool end_array() override {
        if (m_mode == Mode::Pair) {
            if (m_part != 2)
                refuse("merge " + std::to_string(m_lists.merges.size()) + " has " + std::to_string(m_part) + " tokens, not two.");
            m_mode = Mode::Merges;
        } else if (m_mode == Mode::Merges) {
            m_mode = Mode::Tree;
        } else {
            close();
        }
        return true;
    }

    bool key(string_t& v) override {
        m_key = std::move(v);
        if (m_mode == Mode::Vocab) return true;
        if (m_stack.back()->contains(m_key)) refuse("the key " + quote(m_key) + " is there twice.");
        if (m_stack.size() == 1) m_top = m_key;
        m_path = m_stack.size() == 2 ? "/" + m_top + "/" + m_key : std::string();
        return true;
    }

    bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception& e) override {
        std::string what = e.what();
        if (const auto end = what.find("] "); end != std::string::npos) what = what.substr(end + 2);
        if (what.size() > 300) what.resize(300);
        throw Error(ErrorCode::BadInput, m_where + ": this is not JSON: " + what + ".",
                    "The file is damaged or incomplete: fetch or write it again.");
    }

private:
    enum class Mode { Tree, Vocab, Merges, Pair };

    [[noreturn]] void refuse(const std::string& what) const { throw Error(ErrorCode::BadInput, m_where + ": " + what); }

    bool token(std::int64_t id) {
        m_lists.vocab.emplace_back(std::move(m_key), id);
        return true;
    }
    Json* place(Json v) {
        if (++m_values > kMaxValues)
            refuse("more than " + std::to_string(kMaxValues) + " values are in it; this is no tokenizer.");
        if (m_stack.empty()) {
            m_root = std::move(v);
            return &m_root;
        }
        Json& parent = *m_stack.back();
        if (parent.is_array()) {
            parent.push_back(std::move(v));
            return &parent.back();
        }
        return &(parent[m_key] = std::move(v));
    }
    bool value(Json v) {
        if (m_mode == Mode::Vocab) refuse("the token " + quote(m_key) + " has no whole number for an id.");
        if (m_mode != Mode::Tree)
            refuse("merge " + std::to_string(m_lists.merges.size() + (m_mode == Mode::Merges ? 1 : 0)) +
                   " is not a pair of strings.");
        place(std::move(v));
        return true;
    }
    bool open(Json v) {
        if (m_mode != Mode::Tree) return value(std::move(v));
        if (m_stack.size() >= kMaxDepth) refuse("it is nested deeper than " + std::to_string(kMaxDepth) + " levels.");
        m_stack.push_back(place(std::move(v)));
        return true;
    }
    void close() { m_stack.pop_back(); }

    std::string m_where;
    Layout m_layout;
    TokenLists& m_lists;
    Json m_root;
    std::vector<Json*> m_stack;
    std::string m_key, m_top, m_path;
    Mode m_mode = Mode::Tree;
    int m_part = 0;
    std::size_t m_values = 0;
};

std::string_view textOf(const MappedFile& file) {
    file.refusePointer("tokenizer");
    if (file.bytes().size() > kMaxBytes) file.refuse("this is larger than 64 MiB; it is no tokenizer.", {});
    return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

Json read(const std::filesystem::path& path, Layout layout, TokenLists& lists) {
    const MappedFile file(path);
    if (textOf(file).find('\0') != std::string_view::npos)
        file.refuse("this is not JSON."); // the parser would take it for the end
    Reader reader(path.string(), layout, lists);
    Json::sax_parse(textOf(file), &reader);
    return reader.take();
}

} // namespace

Json readTokenizerJson(const std::filesystem::path& file, TokenLists& lists) {
    Json json = read(file, Layout::Tokenizer, lists);
    if (!json.is_object())
        throw Error(ErrorCode::BadInput, file.string() + ": a JSON object is needed, but this is " + json.type_name() + ".");
    return json;
}

void readTokenIds(const std::filesystem::path& file, TokenLists& lists) {
    lists.hasVocab = false;
    read(file, Layout::Ids, lists);
    if (!lists.hasVocab) throw Error(ErrorCode::BadInput, file.string() + ": a JSON object of tokens and their ids is needed.");
}

void readMergesText(const std::filesystem::path& path, TokenLists& lists) {
    const MappedFile file(path);
    const std::string_view text = textOf(file);
    std::size_t number = 0;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        std::string_view line = text.substr(at, end - at);
        at = end + 1;
        ++number;
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (line.empty() || (number == 1 && line.starts_with("#version"))) continue;
        std::pair<std::string, std::string> parts;
        if (!splitMerge(line, parts))
            throw Error(ErrorCode::BadInput, path.string() + ":" + std::to_string(number) + ": " + quote(line) +
                                                 " is not two tokens with a space between.");
        lists.merges.push_back(std::move(parts));
    }
    lists.hasMerges = true;
}

bool splitMerge(std::string_view merge, std::pair<std::string, std::string>& parts) {
    const auto space = merge.find(' ');
    if (space == std::string_view::npos || space == 0 || space + 1 == merge.size() ||
        merge.find(' ', space + 1) != std::string_view::npos)
        return false;
    parts = {std::string(merge.substr(0, space)), std::string(merge.substr(space + 1))};
    return true;
}

} // namespace engine
