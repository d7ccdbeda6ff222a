// SPDX-License-Identifier: GPL-3.0-or-later
// Members of a tokenizer's JSON by name and kind; each throws Error(BadInput) saying where, which key and what is wrong.
#pragma once
#include <nlohmann/json.hpp>
#include <string>

namespace engine {

const nlohmann::json& memberOf(const nlohmann::json& object, const char* key, const std::string& where);
/// null when the key is missing.
const nlohmann::json& optionalOf(const nlohmann::json& object, const char* key);
const nlohmann::json& listOf(const nlohmann::json& object, const char* key, const std::string& where);
std::string textOf(const nlohmann::json& object, const char* key, const std::string& where);
std::string textOf(const nlohmann::json& object, const char* key, const std::string& where, const std::string& fallback);
bool flagOf(const nlohmann::json& object, const char* key, bool fallback, const std::string& where);

} // namespace engine
