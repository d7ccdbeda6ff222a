// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/text/json_access.h"
#include "engine/error.h"

namespace engine {

namespace {

using Json = nlohmann::json;

[[noreturn]] void refuse(const std::string& where, const std::string& what) {
    throw Error(ErrorCode::BadInput, where + ": " + what);
}

} // namespace

const Json& optionalOf(const Json& object, const char* key) {
    static const Json nothing;
    const auto it = object.is_object() ? object.find(key) : object.end();
    return object.is_object() && it != object.end() ? *it : nothing;
}

const Json& memberOf(const Json& object, const char* key, const std::string& where) {
    if (!object.is_object())
        refuse(where, std::string("an object with the key ") + key + " is needed, but this is " + object.type_name() + ".");
    const Json& member = optionalOf(object, key);
    if (member.is_null()) refuse(where, std::string("the key ") + key + " is missing.");
    return member;
}

const Json& listOf(const Json& object, const char* key, const std::string& where) {
    const Json& member = memberOf(object, key, where);
    if (!member.is_array()) refuse(where, std::string(key) + " is not a list.");
    return member;
}

std::string textOf(const Json& object, const char* key, const std::string& where) {
    const Json& member = memberOf(object, key, where);
    if (!member.is_string()) refuse(where, std::string(key) + " is not a string.");
    return member.get<std::string>();
}

std::string textOf(const Json& object, const char* key, const std::string& where, const std::string& fallback) {
    return optionalOf(object, key).is_null() ? fallback : textOf(object, key, where);
}

bool flagOf(const Json& object, const char* key, bool fallback, const std::string& where) {
    const Json& member = optionalOf(object, key);
    if (member.is_null()) return fallback;
    if (!member.is_boolean()) refuse(where, std::string(key) + " is not true or false.");
    return member.get<bool>();
}

} // namespace engine
