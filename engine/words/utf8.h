// SPDX-License-Identifier: GPL-3.0-or-later
// Well-formed UTF-8 (Unicode 15, table 3-7), looked over in bulk.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace engine {

/// The bytes of text before the first one of 0x80 or more.
std::size_t asciiPrefix(std::string_view text);

struct Malformed {
    std::size_t offset = std::string_view::npos; // npos: none
    std::size_t size = 0;                        // bytes that together stand for one U+FFFD
    std::int64_t multibyte = 0;                  // well-formed sequences of more than one byte passed on the way
};
/// The first malformed bytes at or after `from`.
Malformed findMalformed(std::string_view text, std::size_t from = 0);

/// Whether all of it is well-formed.
bool isUtf8(std::string_view text);

} // namespace engine
