// SPDX-License-Identifier: GPL-3.0-or-later
// The tree tells where a value begins; where it ends is found in the text.
#include "engine/words/yaml_edit.h"

#include "engine/words/yaml_tree.h"

#include <algorithm>

namespace engine {

namespace {

using Kind = YamlNode::Kind;

class Text {
public:
    explicit Text(const std::string& yaml) : m_crlf(yaml.find("\r\n") != std::string::npos) {
        for (std::size_t i = 0; i < yaml.size(); ++i)
            if (yaml[i] != '\r' || i + 1 >= yaml.size() || yaml[i + 1] != '\n') m_text += yaml[i];
        m_lines.push_back(0);
        for (std::size_t i = 0; i < m_text.size(); ++i)
            if (m_text[i] == '\n') m_lines.push_back(i + 1);
    }

    const std::string& text() const { return m_text; }
    std::size_t begin(const YamlNode& node) const {
        const auto line = static_cast<std::size_t>(std::max(node.line, 1)) - 1;
        return std::min(m_text.size(),
                        m_lines[std::min(line, m_lines.size() - 1)] + static_cast<std::size_t>(std::max(node.column, 1)) - 1);
    }
    std::size_t lineEnd(std::size_t at) const { return std::min(m_text.find('\n', at), m_text.size()); }
    bool isFlow(const YamlNode& node) const {
        const std::size_t at = begin(node);
        return at < m_text.size() && (m_text[at] == '{' || m_text[at] == '[');
    }

    /// Past the end of a scalar or of what stands in brackets; npos: none that is understood.
    std::size_t end(std::size_t at, bool inFlow) const {
        if (at >= m_text.size()) return std::string::npos;
        switch (m_text[at]) {
        case '"':
        case '\'': return quotedEnd(at);
        case '{':
        case '[': return bracketsEnd(at);
        case '|':
        case '>':
        case '&':
        case '*':
        case '!': return std::string::npos;
        default: return plainEnd(at, inFlow);
        }
    }
    /// Past the lines that are indented deeper than `indent`, from the one after `at` on, without blank lines and comments that
    /// follow them.
    std::size_t blockEnd(std::size_t at, std::size_t indent) const {
        std::size_t end = lineEnd(at);
        for (std::size_t next = end; next < m_text.size();) {
            const std::size_t line = next + 1, stop = lineEnd(line), first = m_text.find_first_not_of(' ', line);
            next = stop;
            if (first >= stop || m_text[first] == '#') continue;
            if (first - line <= indent) break;
            end = stop;
        }
        return end;
    }

    std::string replaced(std::size_t from, std::size_t to, const std::string& by) const {
        std::string edited = m_text;
        edited.replace(from, to - from, by);
        if (!m_crlf) return edited;
        std::string lines;
        for (const char c : edited) lines += c == '\n' ? "\r\n" : std::string(1, c);
        return lines;
    }

private:
    std::size_t quotedEnd(std::size_t at) const {
        const char quote = m_text[at];
        for (std::size_t i = at + 1; i < m_text.size(); ++i) {
            if (m_text[i] == '\\' && quote == '"') {
                ++i;
            } else if (m_text[i] == quote) {
                if (quote != '\'' || i + 1 >= m_text.size() || m_text[i + 1] != '\'') return i + 1;
                ++i;
            }
        }
        return std::string::npos;
    }
    std::size_t bracketsEnd(std::size_t at) const {
        int depth = 0;
        for (std::size_t i = at; i < m_text.size(); ++i) {
            const char c = m_text[i];
            if ((c == '"' || c == '\'') && std::string_view(" [{,:\n").find(m_text[i - 1]) != std::string_view::npos) {
                i = quotedEnd(i);
                if (i == std::string::npos) return i;
                --i;
            } else if (c == '#' && (m_text[i - 1] == ' ' || m_text[i - 1] == '\n')) {
                i = lineEnd(i);
            } else if (c == '{' || c == '[') {
                ++depth;
            } else if ((c == '}' || c == ']') && --depth == 0) {
                return i + 1;
            }
        }
        return std::string::npos;
    }
    std::size_t plainEnd(std::size_t at, bool inFlow) const {
        std::size_t end = lineEnd(at);
        if (const std::size_t comment = m_text.find(" #", at); comment < end) end = comment;
        if (inFlow) end = std::min(end, m_text.find_first_of(",}]", at));
        while (end > at && (m_text[end - 1] == ' ' || m_text[end - 1] == '\t')) --end;
        return end;
    }

    std::string m_text;
    std::vector<std::size_t> m_lines; // where each begins
    bool m_crlf;
};

const YamlEntry* entryOf(const YamlNode& map, const std::string& key) {
    const auto found =
        std::find_if(map.entries.begin(), map.entries.end(), [&](const YamlEntry& entry) { return entry.key.text == key; });
    return found == map.entries.end() ? nullptr : &*found;
}

std::size_t indentOf(const YamlNode& key) {
    return static_cast<std::size_t>(std::max(key.column, 1)) - 1;
}

/// Past the end of an entry; npos: not understood.
std::size_t endOf(const Text& text, const YamlEntry& entry, bool inFlow) {
    const std::size_t at = text.begin(entry.value);
    if (inFlow || text.isFlow(entry.value)) return text.end(at, inFlow);
    const bool isBlock = entry.value.kind == Kind::Map || entry.value.kind == Kind::List || entry.value.line != entry.key.line ||
                         std::string_view("|>").find(text.text()[std::min(at, text.text().size() - 1)]) != std::string_view::npos;
    if (entry.value.kind == Kind::Null) return text.lineEnd(text.begin(entry.key));
    if (isBlock) {
        const std::size_t indent = indentOf(entry.key);
        // A block list may stand as deep as its key.
        const bool flat = entry.value.kind == Kind::List && !entry.value.items.empty() && indentOf(entry.value) == indent;
        return flat ? std::string::npos : text.blockEnd(text.begin(entry.key), indent);
    }
    const std::size_t end = text.end(at, false);
    if (end == std::string::npos) return end;
    // Words that go on in further lines.
    return text.text()[at] == '"' || text.text()[at] == '\'' || text.blockEnd(at, indentOf(entry.key)) == text.lineEnd(at)
               ? end
               : text.blockEnd(at, indentOf(entry.key));
}

/// The rest of a path that is not there yet, as it stands on the line of its first key.
std::string nested(const std::vector<std::string>& path, std::size_t from, const std::string& value) {
    std::string text = path[from] + ": ";
    for (std::size_t i = from + 1; i < path.size(); ++i) text += "{" + path[i] + ": ";
    text += value;
    return text + std::string(path.size() - from - 1, '}');
}

std::optional<std::string> added(const Text& text, const YamlNode& map, const std::string& entry) {
    if (map.entries.empty()) {
        if (!text.isFlow(map)) return std::nullopt;
        const std::size_t at = text.begin(map) + 1;
        return text.replaced(at, at, entry);
    }
    const bool inFlow = text.isFlow(map);
    const std::size_t end = endOf(text, map.entries.back(), inFlow);
    if (end == std::string::npos) return std::nullopt;
    if (inFlow) return text.replaced(end, end, ", " + entry);
    const std::size_t stop = text.lineEnd(end);
    return text.replaced(stop, stop, "\n" + std::string(indentOf(map.entries.back().key), ' ') + entry);
}

} // namespace

std::optional<std::string> withYamlValue(const std::string& yaml, const std::vector<std::string>& path,
                                         const std::string& value) {
    std::vector<Issue> issues;
    const YamlNode root = parseYamlTree(yaml, {}, issues);
    if (!issues.empty() || root.kind != Kind::Map) return std::nullopt;
    const Text text(yaml);
    const YamlNode* map = &root;
    bool inFlow = text.isFlow(root); // what a map stands in decides where its values end
    for (std::size_t i = 0; i < path.size(); ++i) {
        const YamlEntry* entry = entryOf(*map, path[i]);
        if (!entry) return added(text, *map, nested(path, i, value));
        const bool last = i + 1 == path.size();
        if (last || entry->value.kind != Kind::Map) {
            const std::string by = last ? value : nested(path, i, value).substr(path[i].size() + 2);
            if (entry->value.kind == Kind::Null) {
                const std::size_t at = text.text().find(':', text.begin(entry->key) + entry->key.text.size());
                return at == std::string::npos ? std::nullopt : std::optional(text.replaced(at + 1, at + 1, " " + by));
            }
            const std::size_t end = endOf(text, *entry, inFlow);
            if (end == std::string::npos) return std::nullopt;
            std::size_t begin = text.begin(entry->value);
            if (entry->value.line != entry->key.line) { // a block below its key
                begin = text.text().find(':', text.begin(entry->key) + entry->key.text.size());
                if (begin == std::string::npos) return std::nullopt;
                return text.replaced(begin + 1, end, " " + by);
            }
            return text.replaced(begin, end, by);
        }
        map = &entry->value;
        inFlow = inFlow || text.isFlow(*map);
    }
    return std::nullopt;
}

} // namespace engine
