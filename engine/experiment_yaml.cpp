// SPDX-License-Identifier: GPL-3.0-or-later
// Experiments to and from YAML.
#include "engine/experiment.h"
#include "engine/files/new_file.h"
#include "engine/setting_words.h"
#include "engine/words/quoting.h"
#include "engine/words/yaml_edit.h"
#include "engine/words/yaml_tree.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <set>

namespace engine {

namespace {

using Kind = YamlNode::Kind;
constexpr std::size_t kIssues = 100; // whoever mends them may ask again

std::string kindName(const YamlNode& node) {
    switch (node.kind) {
    case Kind::Null:
    case Kind::Refused: return "nothing";
    case Kind::List: return "a list";
    case Kind::Map: return "a map";
    case Kind::Scalar: break;
    }
    return node.quoted ? "text" : "\"" + excerpt(node.text) + "\"";
}

class Reader {
public:
    Reader(std::string fileName, std::vector<Issue>& issues) : m_fileName(std::move(fileName)), m_issues(issues) {
        for (const Field& field : experimentFields())
            for (auto dot = field.key.find('.'); dot != std::string::npos; dot = field.key.find('.', dot + 1))
                m_sections.insert(field.key.substr(0, dot));
    }

    void section(Experiment& experiment, const std::string& path, const YamlNode& node) {
        for (const auto& [name, value] : node.entries) {
            if (m_issues.size() >= kIssues) return;
            if (name.kind == Kind::Refused || value.kind == Kind::Refused) continue;
            const std::string key = path.empty() ? name.text : path + "." + name.text;
            if (const Field* field = findField(key)) {
                m_named.insert(key);
                leaf(experiment, *field, name, value);
            } else if (!m_sections.contains(key)) {
                m_unknown.push_back(key);
                complain(name, "unknown key \"" + excerpt(name.text) + "\"" + (path.empty() ? "" : " in " + path) + "; " +
                                   adviceOnKey(key, true));
            } else if (value.kind == Kind::Map) {
                section(experiment, key, value);
            } else if (value.kind != Kind::Null) {
                complain(value, key + " must be a map of settings, not " + kindName(value) + ".");
            }
        }
    }

    /// Keys that were read, and keys that are no settings.
    const std::set<std::string>& named() const { return m_named; }
    const std::vector<std::string>& unknown() const { return m_unknown; }

private:
    void complain(const YamlNode& at, std::string message) {
        if (m_issues.size() < kIssues) m_issues.push_back({Severity::Error, m_fileName, at.line, at.column, std::move(message)});
    }

    void leaf(Experiment& experiment, const Field& field, const YamlNode& name, const YamlNode& value) {
        const bool isList = field.kind == FieldKind::TextList, isMap = field.kind == FieldKind::TextMap;
        if (value.kind == Kind::Null) return complain(name, field.key + " has no value; give one or leave the key out.");
        if (isMap ? value.kind != Kind::Map : isList ? value.kind == Kind::Map : value.kind != Kind::Scalar)
            return complain(value, field.key + " must be " +
                                       (isMap    ? "a map"
                                        : isList ? "a list"
                                                 : "a single value") +
                                       ", not " + kindName(value) + ".");
        const bool isNumber = field.kind == FieldKind::Integer || field.kind == FieldKind::Number;
        if ((isNumber || field.kind == FieldKind::Flag) && value.quoted)
            return complain(value, field.key + " must be " + (isNumber ? "a number" : "true or false") +
                                       ", not text: leave the quotes out.");
        const std::size_t before = m_issues.size();
        const std::string text = isMap ? mapText(field.key, value) : isList ? listText(field.key, value) : value.text;
        if (m_issues.size() > before) return;
        try {
            field.set(experiment, text);
        } catch (const Error& error) { complain(value, error.what()); }
    }

    void checkWord(const std::string& key, const YamlNode& item) {
        if (item.kind != Kind::Scalar && item.kind != Kind::Refused)
            complain(item, key + " may hold words only, not " + kindName(item) +
                               (item.kind == Kind::Null ? "; put null and ~ in quotes." : "."));
    }

    std::string listText(const std::string& key, const YamlNode& value) {
        std::vector<std::string> items;
        if (value.kind == Kind::Scalar) items.push_back(value.text);
        for (const YamlNode& item : value.items) {
            checkWord(key, item);
            items.push_back(item.text);
        }
        return yamlList(items);
    }

    std::string mapText(const std::string& key, const YamlNode& value) {
        std::vector<std::pair<std::string, std::string>> entries;
        for (const auto& [name, item] : value.entries) {
            checkWord(key, item);
            if (name.kind != Kind::Refused) entries.emplace_back(name.text, item.text);
        }
        return yamlMap(entries);
    }

    std::string m_fileName;
    std::vector<Issue>& m_issues;
    std::set<std::string> m_sections, m_named;
    std::vector<std::string> m_unknown;
};

void readTree(const std::string& yaml, const std::string& fileName, Reader& reader, Experiment& experiment,
              std::vector<Issue>& issues) {
    const YamlNode root = parseYamlTree(yaml, fileName, issues);
    if (root.kind == Kind::Map)
        reader.section(experiment, "", root);
    else if (issues.empty() && root.kind == Kind::Null)
        issues.push_back({Severity::Error, fileName, 0, 0, "is empty; an experiment begins with \"name:\" or \"model:\"."});
    else if (issues.empty())
        issues.push_back({Severity::Error, fileName, root.line, root.column,
                          "an experiment is a map of settings such as \"name: first\", not " + kindName(root) + "."});
}

void refuseIssues(std::vector<Issue>& issues) {
    if (issues.empty()) return;
    std::stable_sort(issues.begin(), issues.end(),
                     [](const Issue& a, const Issue& b) { return std::pair(a.line, a.column) < std::pair(b.line, b.column); });
    std::string message;
    for (const Issue& issue : issues) message += (message.empty() ? "" : "\n") + toString(issue);
    throw Error(ErrorCode::BadInput, message);
}

std::string listed(const std::vector<std::string>& keys) {
    std::string all;
    for (const std::string& key : keys) all += (all.empty() ? "" : ", ") + excerpt(key);
    return all;
}

std::string asError(int number) {
    return std::strerror(number);
}

} // namespace

Experiment parseExperiment(const std::string& yaml, const std::string& fileName, const std::filesystem::path& directory,
                           const Experiment& rest) {
    std::vector<Issue> issues;
    Experiment experiment = rest;
    experiment.directory = directory;
    Reader reader(fileName, issues);
    readTree(yaml, fileName, reader, experiment, issues);
    refuseIssues(issues);
    return experiment;
}

Experiment parseRecorded(const std::string& yaml, const std::string& runName) {
    std::vector<Issue> issues;
    Experiment experiment = defaultExperiment();
    Reader reader(runName, issues);
    readTree(yaml, runName, reader, experiment, issues);
    if (!reader.unknown().empty())
        throw Error(ErrorCode::BadInput,
                    runName + " was recorded by a newer Phibench: this one does not know its " + listed(reader.unknown()) + ".",
                    "Use that version for it.");
    refuseIssues(issues);
    std::vector<std::string> missing;
    for (const Field& field : experimentFields()) {
        if (reader.named().contains(field.key)) continue;
        if (field.before)
            field.set(experiment, *field.before);
        else
            missing.push_back(field.key);
    }
    if (!missing.empty())
        throw Error(ErrorCode::BadInput, "The record of " + runName + " is damaged: it lacks " + listed(missing) + ".",
                    "Start a new run instead.");
    return experiment;
}

std::string experimentText(const std::filesystem::path& file) {
    std::error_code problem;
    const auto status = std::filesystem::status(file, problem);
    if (!std::filesystem::exists(status)) throw Error(ErrorCode::NotFound, "There is no file " + file.string() + ".");
    if (std::filesystem::is_directory(status))
        throw Error(ErrorCode::BadInput, file.string() + " is a folder, not an experiment.");
    std::ifstream stream(file, std::ios::binary);
    if (!stream) throw Error(ErrorCode::Io, "Cannot read " + file.string() + ": " + asError(errno) + ".");
    std::string yaml(kYamlBytes + 1, '\0'); // one byte more shows that it is too large
    stream.read(yaml.data(), static_cast<std::streamsize>(yaml.size()));
    if (stream.bad()) throw Error(ErrorCode::Io, "Cannot read " + file.string() + ": " + asError(errno) + ".");
    yaml.resize(static_cast<std::size_t>(stream.gcount()));
    return yaml;
}

Experiment loadExperiment(const std::filesystem::path& file, const Experiment& rest) {
    return parseExperiment(experimentText(file), file.string(), std::filesystem::absolute(file).parent_path(), rest);
}

namespace {

std::string spelled(const Field& field, const Experiment& experiment) {
    const std::string value = field.get(experiment);
    return field.kind == FieldKind::Text || field.kind == FieldKind::Template ? yamlScalar(value) : value;
}

std::vector<std::string> parts(const std::string& key) {
    std::vector<std::string> all{""};
    for (const char c : key) {
        if (c == '.')
            all.emplace_back();
        else
            all.back() += c;
    }
    return all;
}

} // namespace

std::string editedYaml(const std::string& yaml, const Experiment& experiment) {
    try {
        std::string edited = yaml;
        const Experiment before = parseExperiment(yaml, {}, experiment.directory);
        for (const Field& field : experimentFields()) {
            if (field.get(before) == field.get(experiment)) continue;
            const auto next = withYamlValue(edited, parts(field.key), spelled(field, experiment));
            if (!next) return toYaml(experiment);
            edited = *next;
        }
        if (diff(parseExperiment(edited, {}, experiment.directory), experiment).empty()) return edited;
    } catch (const Error&) { // the text is not one that reads as an experiment
    }
    return toYaml(experiment);
}

std::string toYaml(const Experiment& experiment) {
    std::string yaml;
    std::string section;
    for (const Field& field : experimentFields()) {
        const auto dot = field.key.rfind('.');
        const std::string parent = dot == std::string::npos ? "" : field.key.substr(0, dot);
        const std::string name = dot == std::string::npos ? field.key : field.key.substr(dot + 1);
        if (parent != section) {
            const auto inner = parent.rfind('.');
            yaml += inner == std::string::npos ? parent + ":\n" : "  " + parent.substr(inner + 1) + ":\n";
            section = parent;
        }
        const int depth = parent.empty() ? 0 : parent.find('.') == std::string::npos ? 2 : 4;
        std::string value = field.get(experiment);
        if (field.kind == FieldKind::Text) value = yamlScalar(value);
        if (field.kind == FieldKind::Template) value = yamlText(value, depth + 2);
        yaml += std::string(static_cast<std::size_t>(depth), ' ') + name + ": " + value + "\n";
    }
    return yaml;
}

std::string saveExperiment(const Experiment& experiment, const std::filesystem::path& file, const std::string& readFrom) {
    Experiment moved = experiment;
    const std::filesystem::path directory = std::filesystem::absolute(file).parent_path().lexically_normal();
    const std::filesystem::path csv = moved.data.csv;
    // A relative path starts at the experiment's file, so it changes when that lies elsewhere.
    if (!csv.empty() && csv.is_relative() && !experiment.directory.empty()) {
        const auto from = std::filesystem::absolute(experiment.directory).lexically_normal();
        if (from != directory) moved.data.csv = (from / csv).lexically_normal().lexically_proximate(directory).string();
    }
    const std::string text = readFrom.empty() ? toYaml(moved) : editedYaml(readFrom, moved);
    NewFile yaml(file);
    yaml.write(text);
    yaml.commit();
    return text;
}

} // namespace engine
