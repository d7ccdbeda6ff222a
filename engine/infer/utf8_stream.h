// SPDX-License-Identifier: GPL-3.0-or-later
// Bytes that come in pieces, as text in whole characters.
#pragma once
#include <string>
#include <string_view>

namespace engine {

class Utf8Stream {
public:
    /// The whole characters that these bytes complete; bytes that can be no character become U+FFFD.
    std::string push(std::string_view bytes);
    /// What is left at the end: U+FFFD for a character cut short, else nothing.
    std::string finish();

private:
    std::string m_held; // the beginning of a character
};

} // namespace engine
