// SPDX-License-Identifier: GPL-3.0-or-later
// JSON that others wrote, read strictly: no key twice, bounded size and depth. For .cpp files only.
#pragma once
#include "engine/error.h"

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace engine {

/// Throws Error(NotFound, Io), or BadInput naming the file and what is wrong: not JSON, a key twice, deeper than 64, larger than
/// `mostBytes`.
nlohmann::json readJsonObject(const std::filesystem::path& file, std::size_t mostBytes = std::size_t{64} << 20);
/// The same with keys in the file's order; for small files, as its look-ups go through all keys.
nlohmann::ordered_json readOrderedJsonObject(const std::filesystem::path& file, std::size_t mostBytes);
/// The same of a text; `where` begins the error's sentence.
nlohmann::json parseJsonObject(std::string_view text, const std::string& where);

} // namespace engine
