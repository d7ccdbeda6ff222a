// SPDX-License-Identifier: GPL-3.0-or-later
// The visited list of settings: how each value is read from and written as text.
#include "engine/experiment.h"
#include "engine/other_settings.h"
#include "engine/setting_words.h"
#include "engine/weights/hub.h"
#include "engine/words/quoting.h"
#include "engine/words/yaml_tree.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

namespace engine {

namespace {

constexpr std::size_t kTextBytes = 64 << 10;
constexpr std::size_t kNameBytes = 500; // yaml-cpp reads keys of up to 1024 characters, escapes included

[[noreturn]] void refuse(const std::string& key, const std::string& what, const std::string& got) {
    throw Error(ErrorCode::BadInput, key + " must be " + what + ", not \"" + excerpt(got) + "\".");
}

std::string trimmed(const std::string& text) {
    const auto from = text.find_first_not_of(" \t");
    return from == std::string::npos ? std::string() : text.substr(from, text.find_last_not_of(" \t") - from + 1);
}

std::optional<double> readNumber(const std::string& text) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return {};
    return value;
}

std::optional<std::int64_t> readInteger(const std::string& text) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc() && end == text.data() + text.size()) return value;
    const auto number = readNumber(text); // "1e3", "300.0"
    if (!number || *number != std::floor(*number) || std::abs(*number) > 9007199254740992.0) return {};
    return static_cast<std::int64_t>(*number);
}

std::string range(const Field& field) {
    return "from " + yamlNumber(field.minimum) + " to " + yamlNumber(field.maximum);
}

void checkText(const std::string& key, const std::string& text) {
    if (text.size() > kTextBytes) throw Error(ErrorCode::BadInput, key + " is longer than 64 KiB.");
    if (!isUtf8(text) || text.find('\0') != std::string::npos) throw Error(ErrorCode::BadInput, key + " is not text in UTF-8.");
}

// The tree of a list or map written on one line.
YamlNode flowTree(const std::string& key, const std::string& text, YamlNode::Kind kind, const char* example) {
    std::vector<Issue> issues;
    YamlNode node = parseYamlTree(text, key, issues);
    if (!issues.empty())
        throw Error(ErrorCode::BadInput, key + " " + issues.front().message, std::string("Write it like ") + example + ".");
    if (node.kind != kind) refuse(key, std::string("like ") + example, text);
    return node;
}

const std::string& wordOf(const std::string& key, const YamlNode& node) {
    if (node.kind != YamlNode::Kind::Scalar)
        throw Error(ErrorCode::BadInput, key + " may hold words only; put words that mean something to YAML in quotes.");
    return node.text;
}

std::vector<std::string> readList(const std::string& key, const std::string& text) {
    std::vector<std::string> items;
    const std::string inner = trimmed(text);
    if (inner.starts_with('[')) {
        for (const YamlNode& item : flowTree(key, inner, YamlNode::Kind::List, "[one, two]").items)
            items.push_back(wordOf(key, item));
    } else {
        for (std::size_t from = 0; !inner.empty() && from <= inner.size();) {
            const std::size_t comma = std::min(inner.find(',', from), inner.size());
            items.push_back(trimmed(inner.substr(from, comma - from)));
            from = comma + 1;
        }
    }
    if (std::any_of(items.begin(), items.end(), [](const std::string& item) { return trimmed(item).empty(); }))
        throw Error(ErrorCode::BadInput, key + " has an empty item.");
    return items;
}

std::vector<std::pair<std::string, std::string>> readMap(const std::string& key, const std::string& text) {
    std::vector<std::pair<std::string, std::string>> entries;
    if (trimmed(text).empty()) return entries;
    for (const auto& [name, value] :
         flowTree(key, text, YamlNode::Kind::Map, "{negative: \" bad\", positive: \" good\"}").entries) {
        if (name.text.size() > kNameBytes) throw Error(ErrorCode::BadInput, key + " names a label of over 500 bytes.");
        entries.emplace_back(name.text, wordOf(key, value));
    }
    return entries;
}

std::string textOf(std::int64_t value) {
    return std::to_string(value);
}
std::string textOf(double value) {
    return yamlNumber(value);
}
std::string textOf(bool value) {
    return value ? "true" : "false";
}
std::string textOf(const std::string& value) {
    return value;
}
template <Worded E> std::string textOf(E value) {
    return wordOf(value);
}
std::string textOf(const std::vector<std::string>& value) {
    return yamlList(value);
}
std::string textOf(const std::vector<std::pair<std::string, std::string>>& value) {
    return yamlMap(value);
}

void read(const Field& field, const std::string& text, std::int64_t& value) {
    const auto number = readInteger(trimmed(text));
    if (!number || static_cast<double>(*number) < field.minimum || static_cast<double>(*number) > field.maximum)
        refuse(field.key, "a whole number " + range(field), text);
    value = *number;
}
void read(const Field& field, const std::string& text, double& value) {
    const auto number = readNumber(trimmed(text));
    if (!number || *number < field.minimum || *number > field.maximum) refuse(field.key, "a number " + range(field), text);
    value = *number;
}
void read(const Field& field, const std::string& text, bool& value) {
    const std::string word = trimmed(text);
    if (word != "true" && word != "false") refuse(field.key, "true or false", text);
    value = word == "true";
}
std::string chosen(const Field& field, const std::string& text) {
    const std::string word = trimmed(text);
    if (std::find(field.choices.begin(), field.choices.end(), word) == field.choices.end()) {
        std::string all;
        for (std::size_t i = 0; i < field.choices.size(); ++i)
            all += (i == 0 ? "" : i + 1 == field.choices.size() ? " or " : ", ") + field.choices[i];
        refuse(field.key, all, text);
    }
    return word;
}
template <Worded E> void read(const Field& field, const std::string& text, E& value) {
    value = *valueOf<E>(chosen(field, text));
}
void read(const Field& field, const std::string& text, std::string& value) {
    if (field.kind == FieldKind::Choice) return void(value = chosen(field, text));
    checkText(field.key, text);
    value = text;
}
void read(const Field& field, const std::string& text, std::vector<std::string>& value) {
    checkText(field.key, text);
    value = readList(field.key, text);
}
void read(const Field& field, const std::string& text, std::vector<std::pair<std::string, std::string>>& value) {
    checkText(field.key, text);
    value = readMap(field.key, text);
}

FieldKind kindOf(const Field&, std::int64_t) {
    return FieldKind::Integer;
}
FieldKind kindOf(const Field&, double) {
    return FieldKind::Number;
}
FieldKind kindOf(const Field&, bool) {
    return FieldKind::Flag;
}
template <Worded E> FieldKind kindOf(const Field&, E) {
    return FieldKind::Choice;
}
FieldKind kindOf(const Field& field, const std::string&) {
    return field.kind;
}
FieldKind kindOf(const Field&, const std::vector<std::string>&) {
    return FieldKind::TextList;
}
FieldKind kindOf(const Field&, const std::vector<std::pair<std::string, std::string>>&) {
    return FieldKind::TextMap;
}

struct AnyValue {
    template <class Value> void operator()(const Field&, const std::string&, Value&) const {}
};

/// What the sections' visit() calls for each setting.
template <class Of> class Lister {
public:
    Lister(std::vector<Field>& fields, Of of) : m_fields(fields), m_of(of) {}

    template <class Section, class Value, class Narrow = AnyValue>
    void operator()(Value Section::*member, Field field, Narrow narrow = {}) const {
        field.kind = kindOf(field, Value());
        if (field.kind == FieldKind::Flag) field.choices = {"false", "true"};
        if constexpr (Worded<Value>) field.choices = wordsOf<Value>();
        const auto at = [of = m_of, member](auto& experiment) -> auto& { return of(experiment).*member; };
        field.get = [at](const Experiment& experiment) { return textOf(at(experiment)); };
        field.set = [at, narrow, said = field](Experiment& experiment, const std::string& text) {
            Value value{};
            read(said, text, value);
            narrow(said, text, value);
            at(experiment) = std::move(value);
        };
        m_fields.push_back(std::move(field));
    }

private:
    std::vector<Field>& m_fields;
    Of m_of;
};

std::vector<Field> makeFields() {
    std::vector<Field> fields;
    Experiment::visitSections([&fields](auto of) {
        using Section = std::remove_reference_t<decltype(of(std::declval<Experiment&>()))>;
        Section::visit(Lister(fields, of));
    });
    return fields;
}

struct Settings {
    std::vector<Field> fields;
    Experiment defaults;
};

const Settings& ownSettings() {
    static const Settings settings{makeFields(), {}};
    return settings;
}

std::optional<Settings>& otherSettings() {
    static std::optional<Settings> settings;
    return settings;
}

const Settings& settings() {
    return otherSettings() ? *otherSettings() : ownSettings();
}

} // namespace

std::string modelHelp() {
    return "A Hugging Face folder, a .gguf file, a hub id such as microsoft/phi-2, or one of: " + namedModelsText() + ".";
}

std::vector<std::string> modelSuggestions() {
    std::vector<std::string> names;
    for (const NamedModel& model : namedModels()) names.push_back(model.name);
    names.push_back("microsoft/phi-2");
    return names;
}

void autoOrCount(const Field& field, const std::string& text, std::string& value) {
    const std::string word = trimmed(text);
    const auto count = readInteger(word);
    if (word != "auto" && (!count || *count < 1 || *count > 65536))
        refuse(field.key, "auto or a whole number from 1 to 65536", text);
    value = count ? std::to_string(*count) : word;
}

void notBetweenMinusOneAndZero(const Field& field, const std::string& text, double& value) {
    if (value < 0 && value != -1) refuse(field.key, "-1 or a number from 0 to " + yamlNumber(field.maximum), text);
}

void someLayer(const Field& field, const std::string&, std::vector<std::string>& value) {
    if (value.empty())
        throw Error(ErrorCode::BadInput, field.key + " names no layer, so there is nothing to train.", "Use all-linear.");
}

OtherSettings::OtherSettings(std::vector<Field> fields, Experiment defaults) {
    otherSettings() = Settings{std::move(fields), std::move(defaults)};
}

OtherSettings::~OtherSettings() {
    otherSettings().reset();
}

const std::vector<Field>& experimentFields() {
    return settings().fields;
}

const Experiment& defaultExperiment() {
    return settings().defaults;
}

const Field* findField(const std::string& key) {
    const auto& fields = experimentFields();
    const auto found = std::find_if(fields.begin(), fields.end(), [&](const Field& field) { return field.key == key; });
    return found == fields.end() ? nullptr : &*found;
}

const Field& experimentField(const std::string& key) {
    if (const Field* field = findField(key)) return *field;
    std::string advice = adviceOnKey(key, false);
    if (advice[0] >= 'a' && advice[0] <= 'z') advice[0] = static_cast<char>(advice[0] - 'a' + 'A');
    throw Error(ErrorCode::BadInput, "There is no setting \"" + excerpt(key) + "\".", advice);
}

Params paramsOf(const Experiment& experiment) {
    Params params;
    for (const Field& field : experimentFields()) params.emplace_back(field.key, field.get(experiment));
    return params;
}

Params completed(Params recorded) {
    for (const Field& field : experimentFields())
        if (field.before &&
            std::none_of(recorded.begin(), recorded.end(), [&](const auto& param) { return param.first == field.key; }))
            recorded.emplace_back(field.key, *field.before);
    return recorded;
}

} // namespace engine
