// SPDX-License-Identifier: GPL-3.0-or-later
// What bytes say of their encoding.
#pragma once
#include <string>
#include <string_view>

namespace engine {

struct ByteOrderMark {
    std::string_view bytes;
    const char* encoding;
};
/// The byte-order mark that the bytes begin with; nullptr: none.
const ByteOrderMark* byteOrderMark(std::string_view bytes);

/// "UTF-16LE" or "UTF-16BE" where NULs in every second byte give it away: those of line ends, separators and Latin letters.
/// nullptr: it is not. `head` are the first 64 KiB of `size` bytes, or more of them.
const char* utf16ByNuls(std::string_view head, std::size_t size);

struct EncodingGuess {
    std::string encoding;
    bool sure = true;
};
/// Of bytes that have no mark and are neither UTF-16 nor well-formed UTF-8.
EncodingGuess guessEncoding(std::string_view bytes);

} // namespace engine
