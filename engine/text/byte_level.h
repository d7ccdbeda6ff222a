// SPDX-License-Identifier: GPL-3.0-or-later
// GPT-2's printable stand-ins for the 256 bytes.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace engine {

const std::string& byteSymbol(unsigned char byte);
/// The bytes that a token of these stand-ins means; nothing if another character is in it.
std::optional<std::string> bytesOfSymbols(std::string_view token);

} // namespace engine
