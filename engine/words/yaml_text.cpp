// SPDX-License-Identifier: GPL-3.0-or-later
// Scalars, lists and maps as YAML spells them.
#include "engine/words/yaml_tree.h"

#include "engine/words/utf8.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace engine {

namespace {

bool isPlainCharacter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '/' ||
           c == '-' || c == '+' || c == ' ';
}

// Words that some YAML reader takes for something else than text.
bool isSpecialWord(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
    static constexpr std::array words{"null", "true", "false", "yes",  "no",    "on",   "off",
                                      "y",    "n",    ".inf",  ".nan", "-.inf", "+.inf"};
    return std::find(words.begin(), words.end(), text) != words.end();
}

bool isPlain(const std::string& text) {
    if (text.empty() || text.size() > 200 || text.front() == ' ' || text.back() == ' ' || text.front() == '-' ||
        text.front() == '+')
        return false;
    return std::all_of(text.begin(), text.end(), isPlainCharacter) && !text.starts_with("...") && !isSpecialWord(text);
}

// Of code points that YAML must not see raw: controls, C1 controls, line and paragraph separators, the byte-order mark, the
// no-characters.
bool needsEscape(char32_t code) {
    return code < 0x20 || (code >= 0x7F && code <= 0xA0) || code == 0x2028 || code == 0x2029 || code == 0xFEFF ||
           code == 0xFFFE || code == 0xFFFF;
}

std::string hexEscape(char32_t code) {
    static constexpr char digits[] = "0123456789abcdef";
    if (code < 0x100) return {'\\', 'x', digits[code >> 4], digits[code & 15]};
    return {'\\', 'u', digits[code >> 12], digits[(code >> 8) & 15], digits[(code >> 4) & 15], digits[code & 15]};
}

// What stands between the double quotes. `breaks` holds what follows an escaped newline.
std::string escaped(const std::string& text, const std::string& breaks) {
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
        const auto [code, length, kind] = utf8Step(text, at);
        const bool afterBreak = !breaks.empty() && (at == 0 || text[at - 1] == '\n');
        if (code == '"' || code == '\\')
            out += std::string("\\") + text[at];
        else if (code == '\n')
            out += at + 1 < text.size() ? "\\n" + breaks : "\\n";
        else if (code == '\t')
            out += "\\t";
        else if (code == '\r')
            out += "\\r";
        else if (code == ' ' && afterBreak)
            out += "\\ ";
        else if (kind == Utf8Step::Whole && needsEscape(code))
            out += hexEscape(code);
        else
            out += text.substr(at, length);
        at += length;
    }
    return out;
}

} // namespace

std::string yamlScalar(const std::string& text) {
    return isPlain(text) ? text : '"' + escaped(text, "") + '"';
}

std::string yamlText(const std::string& text, int indent) {
    if (text.find('\n') == std::string::npos) return yamlScalar(text);
    const std::string start = "\\\n" + std::string(static_cast<std::size_t>(indent), ' ');
    return '"' + start + escaped(text, start) + '"';
}

std::string yamlList(const std::vector<std::string>& items) {
    std::string out = "[";
    for (const std::string& item : items) out += (out.size() > 1 ? ", " : "") + yamlScalar(item);
    return out + "]";
}

std::string yamlMap(const std::vector<std::pair<std::string, std::string>>& entries) {
    std::string out = "{";
    for (const auto& [key, value] : entries) out += (out.size() > 1 ? ", " : "") + yamlScalar(key) + ": " + yamlScalar(value);
    return out + "}";
}

std::string yamlNumber(double value) {
    if (!std::isfinite(value)) return std::isnan(value) ? ".nan" : value > 0 ? ".inf" : "-.inf";
    std::array<char, 64> buffer{};
    const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
    std::string text(buffer.data(), end);
    // "2e-04" is written "2e-4".
    if (const auto e = text.find('e'); e != std::string::npos) {
        const std::size_t digits = e + 2;
        while (digits + 1 < text.size() && text[digits] == '0') text.erase(digits, 1);
        if (text[e + 1] == '+') text.erase(e + 1, 1);
    }
    return text;
}

} // namespace engine
