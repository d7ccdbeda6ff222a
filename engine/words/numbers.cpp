// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/words/numbers.h"

#include <charconv>
#include <system_error>

namespace engine {

bool isNumber(std::string_view text) {
    const std::size_t first = text.find_first_not_of(" +");
    if (first == std::string_view::npos) return false;
    text = text.substr(first, text.find_last_not_of(" %") + 1 - first);
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && end == text.data() + text.size();
}

} // namespace engine
