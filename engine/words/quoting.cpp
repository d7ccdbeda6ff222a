// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/words/quoting.h"

#include "engine/words/utf8.h"

#include <algorithm>

namespace engine {
namespace {

std::string shortened(std::string_view text, std::size_t mostBytes) {
    const std::string_view shown = wholeCharacters(text, mostBytes);
    return std::string(shown) + (shown.size() < text.size() ? "…" : "");
}

} // namespace

std::string excerpt(std::string_view text) {
    return shortened(text, 60);
}

std::string inQuotes(std::string_view text) {
    return "'" + excerpt(text) + "'";
}

std::string quote(std::string_view name) {
    std::string text = shortened(name, 120);
    std::replace_if(
        text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }, '?');
    return '"' + text + '"';
}

} // namespace engine
