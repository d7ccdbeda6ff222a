// SPDX-License-Identifier: GPL-3.0-or-later
// YAML as a small tree that knows where everything stands, and scalars as YAML spells them.
#pragma once
#include "engine/error.h"
#include "engine/words/utf8.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace engine {

struct YamlEntry;

struct YamlNode {
    enum class Kind { Null, Scalar, List, Map, Refused }; // Refused: already an issue
    Kind kind = Kind::Null;
    std::string text;               // of a Scalar
    bool quoted = false;            // a Scalar in quotes or as a block is text, never a number
    int line = 0, column = 0;       // 1-based
    std::vector<YamlNode> items;    // of a List
    std::vector<YamlEntry> entries; // of a Map, in the order written; keys are scalars, none twice
};

struct YamlEntry {
    YamlNode key, value;
};

/// One document. Bytes over 1 MiB, other than UTF-8, nested deeper than 16, aliases, tags and doubled keys are refused: each
/// problem is appended to `issues` with its line and column, and the tree is what could be read.
YamlNode parseYamlTree(std::string_view yaml, const std::string& fileName, std::vector<Issue>& issues);

inline constexpr std::size_t kYamlBytes = 1 << 20;

/// `text` so that YAML reads exactly it: plain where that is safe everywhere, else in double quotes.
std::string yamlScalar(const std::string& text);
/// The same over several lines that go on at `indent` blanks, where the text has several.
std::string yamlText(const std::string& text, int indent);
/// "[a, b]" and "{a: b}".
std::string yamlList(const std::vector<std::string>& items);
std::string yamlMap(const std::vector<std::pair<std::string, std::string>>& entries);
/// The shortest decimal that reads back as the same number: "2e-4", "16".
std::string yamlNumber(double value);

} // namespace engine
