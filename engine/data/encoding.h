// SPDX-License-Identifier: GPL-3.0-or-later
// Which encoding a file's bytes are in, and those bytes as UTF-8.
#pragma once
#include "engine/error.h"

#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace engine {

struct Decoded {
    std::string text;     // UTF-8, no byte-order mark
    std::string encoding; // "UTF-8", "UTF-16LE", "ISO-8859-1", "windows-1252", …
    bool byteOrderMark = false;
    std::vector<Issue> issues; // bytes that the encoding does not know, with line
};

/// encoding "auto": byte-order mark, then NUL patterns of UTF-16, then valid UTF-8 (a few bad bytes among many good sequences are
/// still UTF-8), then ICU's guess, where Windows-1252 wins over Latin-1 only if bytes in 0x80..0x9F are used, and most of them as
/// its text uses them (quotes, dashes, …). Bytes that the encoding does not know become U+FFFD. Throws Error(BadInput) for a name
/// ICU does not know; StopRequested.
Decoded decode(std::string_view bytes, const std::string& encoding, const std::string& fileName, std::stop_token stop = {});

/// How many bytes of mark stand before text that `encoding` (auto, UTF-8) takes as UTF-8 if it is well-formed; nullopt: it does
/// not. `head` are the first 64 KiB of a file of `size` bytes, or more of it.
std::optional<std::size_t> utf8Mark(std::string_view head, std::size_t size, const std::string& encoding);

/// The text within `bytes` when they are well-formed UTF-8 and `encoding` (auto, UTF-8) takes them as that: nothing need be
/// copied.
std::optional<std::string_view> asUtf8(std::string_view bytes, const std::string& encoding);

} // namespace engine
