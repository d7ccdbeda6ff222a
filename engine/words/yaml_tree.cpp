// SPDX-License-Identifier: GPL-3.0-or-later
// Reads events of yaml-cpp's parser: no node graph, so nothing an alias could blow up.
#include "engine/words/yaml_tree.h"

#include "engine/words/quoting.h"
#include "engine/words/utf8.h"

#include <fmt/core.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <istream>
#include <streambuf>

namespace engine {

namespace {

constexpr std::size_t kDepth = 16;
constexpr std::size_t kIssues = 100;

struct Refused {}; // the rest of the document is not worth reading

class Builder : public YAML::EventHandler {
public:
    Builder(const std::string& fileName, std::vector<Issue>& issues) : m_fileName(fileName), m_issues(issues) {}

    void OnDocumentStart(const YAML::Mark&) override {}
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark& mark, YAML::anchor_t) override { add(node(YamlNode::Kind::Null, mark)); }
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
        complain(mark, "aliases (*name) are not read here; write the value out.");
        add(node(YamlNode::Kind::Refused, mark));
    }
    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t, const std::string& value) override {
        checkTag(mark, tag);
        YamlNode scalar = node(YamlNode::Kind::Scalar, mark);
        scalar.text = value;
        scalar.quoted = tag == "!";
        if (!scalar.quoted && (value == "~" || value == "null" || value == "Null" || value == "NULL" || value.empty()))
            scalar.kind = YamlNode::Kind::Null;
        add(std::move(scalar));
    }
    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t, YAML::EmitterStyle::value) override {
        open(YamlNode::Kind::List, mark, tag);
    }
    void OnSequenceEnd() override { close(); }
    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t, YAML::EmitterStyle::value) override {
        open(YamlNode::Kind::Map, mark, tag);
    }
    void OnMapEnd() override { close(); }

    void complain(const YAML::Mark& mark, const std::string& message) { complain(mark.line + 1, mark.column + 1, message); }
    void complain(int line, int column, const std::string& message) {
        if (m_issues.size() >= kIssues) throw Refused{};
        m_issues.push_back({Severity::Error, m_fileName, line, column, message});
    }
    YamlNode take() { return std::move(m_root); }

private:
    struct Open {
        YamlNode node;
        bool expectsValue = false; // of a Map: its newest key waits
    };

    static YamlNode node(YamlNode::Kind kind, const YAML::Mark& mark) {
        YamlNode made;
        made.kind = kind;
        made.line = mark.line + 1;
        made.column = mark.column + 1;
        return made;
    }

    void checkTag(const YAML::Mark& mark, const std::string& tag) {
        if (!tag.empty() && tag != "?" && tag != "!")
            complain(mark, fmt::format("tags ({}) are not read here; leave it out.", excerpt(tag)));
    }

    void open(YamlNode::Kind kind, const YAML::Mark& mark, const std::string& tag) {
        checkTag(mark, tag);
        if (m_open.size() >= kDepth) {
            complain(mark, fmt::format("nested deeper than {} levels.", kDepth));
            throw Refused{};
        }
        m_open.push_back({node(kind, mark)});
    }

    void close() {
        YamlNode done = std::move(m_open.back().node);
        m_open.pop_back();
        add(std::move(done));
    }

    void add(YamlNode child) {
        if (m_open.empty()) {
            m_root = std::move(child);
            return;
        }
        Open& top = m_open.back();
        if (top.node.kind == YamlNode::Kind::List) {
            top.node.items.push_back(std::move(child));
        } else if (top.expectsValue) {
            top.node.entries.back().value = std::move(child);
            top.expectsValue = false;
        } else {
            addKey(top, std::move(child));
        }
    }

    void addKey(Open& top, YamlNode key) {
        if (key.kind != YamlNode::Kind::Scalar) {
            complain(key.line, key.column, "a key must be a word.");
            key.kind = YamlNode::Kind::Refused;
        }
        // Maps here have tens of keys, so looking through them is quick; a larger one is no experiment.
        if (top.node.entries.size() >= 10000) {
            complain(key.line, key.column, "more than 10000 keys in one place.");
            throw Refused{};
        }
        for (const auto& [known, value] : top.node.entries) {
            if (known.text != key.text || key.kind == YamlNode::Kind::Refused) continue;
            complain(key.line, key.column, fmt::format("\"{}\" is set twice, first on line {}.", excerpt(key.text), known.line));
            key.kind = YamlNode::Kind::Refused;
            break;
        }
        top.node.entries.push_back({std::move(key), {}});
        top.expectsValue = true;
    }

    const std::string& m_fileName;
    std::vector<Issue>& m_issues;
    std::vector<Open> m_open;
    YamlNode m_root;
};

// A stream over memory that is not copied.
class Buffer : public std::streambuf {
public:
    explicit Buffer(std::string& bytes) { setg(bytes.data(), bytes.data(), bytes.data() + bytes.size()); }
};

std::string readable(std::string_view yaml) {
    std::string text;
    text.reserve(yaml.size());
    for (std::size_t i = 0; i < yaml.size(); ++i)
        if (yaml[i] != '\r' || i + 1 >= yaml.size() || yaml[i + 1] != '\n') text += yaml[i];
    // yaml-cpp takes a quote that is still open after the last line for closed, but not one that is open within a comment.
    if (text.ends_with('\n')) text += '#';
    return text;
}

} // namespace

YamlNode parseYamlTree(std::string_view yaml, const std::string& fileName, std::vector<Issue>& issues) {
    if (yaml.size() > kYamlBytes) {
        issues.push_back({Severity::Error, fileName, 0, 0, "is larger than 1 MiB, so it is no experiment."});
        return {};
    }
    int line = 1, column = 1;
    for (std::size_t at = 0; at < yaml.size();) {
        const Utf8Step step = utf8Step(yaml, at);
        if (step.kind != Utf8Step::Whole || step.code == 0) {
            issues.push_back(
                {Severity::Error, fileName, line, column,
                 step.code == 0 ? "holds a zero byte; it is no text file." : "is not UTF-8 here; save it as UTF-8."});
            return {};
        }
        column = yaml[at] == '\n' ? 1 : column + 1;
        line += yaml[at] == '\n';
        at += step.bytes;
    }
    std::string text = readable(yaml);
    Buffer buffer(text);
    std::istream stream(&buffer);
    Builder builder(fileName, issues);
    try {
        YAML::Parser parser(stream);
        parser.HandleNextDocument(builder);
        YamlNode root = builder.take();
        std::vector<Issue> ignored;
        Builder rest(fileName, ignored);
        if (issues.empty() && parser.HandleNextDocument(rest)) {
            const YamlNode second = rest.take();
            builder.complain(second.line, second.column, "a second document begins here; an experiment is one.");
        }
        return root;
    } catch (const YAML::Exception& problem) {
        const bool known = problem.mark.line >= 0;
        issues.push_back({Severity::Error, fileName, known ? problem.mark.line + 1 : 0, known ? problem.mark.column + 1 : 0,
                          "is not YAML: " + problem.msg + "."});
    } catch (const Refused&) {}
    return {};
}

} // namespace engine
