// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/files/json_file.h"
#include "engine/files/mapped_file.h"
#include "engine/words/quoting.h"

#include <fmt/core.h>
#include <set>
#include <vector>

namespace engine {

namespace {

template <class Json> Json parseStrictly(std::string_view text, const std::string& where) {
    constexpr int kDeepest = 64;
    const auto refuse = [&](const std::string& what) {
        throw Error(ErrorCode::BadInput, where + ": " + what, "The file is damaged or incomplete: fetch or write it again.");
    };
    if (text.find('\0') != std::string_view::npos) refuse("this is not JSON.");
    std::vector<std::set<std::string>> keys; // of the objects that are open
    const auto strict = [&](int depth, typename Json::parse_event_t event, Json& value) {
        if (depth > kDeepest) refuse(fmt::format("this is nested deeper than {} levels.", kDeepest));
        if (event == Json::parse_event_t::object_start) keys.emplace_back();
        if (event == Json::parse_event_t::object_end) keys.pop_back();
        if (event == Json::parse_event_t::key && !keys.back().insert(value.template get<std::string>()).second)
            refuse(fmt::format("the key {} comes twice.", quote(value.template get<std::string>())));
        return true;
    };
    Json json;
    try {
        json = Json::parse(text, strict);
    } catch (const typename Json::parse_error& error) {
        refuse(fmt::format("this is not JSON (at its byte {}).", error.byte));
    } catch (const typename Json::exception&) { refuse("this holds a number that is out of range."); }
    if (!json.is_object()) refuse("this is no JSON object.");
    return json;
}

template <class Json> Json readStrictly(const std::filesystem::path& path, std::size_t mostBytes) {
    const MappedFile file(path);
    if (file.bytes().size() > mostBytes)
        file.refuse(fmt::format("this has {} bytes; {} are the most that is read.", file.bytes().size(), mostBytes), {});
    return parseStrictly<Json>({reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()}, path.string());
}

} // namespace

nlohmann::json readJsonObject(const std::filesystem::path& file, std::size_t mostBytes) {
    return readStrictly<nlohmann::json>(file, mostBytes);
}

nlohmann::ordered_json readOrderedJsonObject(const std::filesystem::path& file, std::size_t mostBytes) {
    return readStrictly<nlohmann::ordered_json>(file, mostBytes);
}

nlohmann::json parseJsonObject(std::string_view text, const std::string& where) {
    return parseStrictly<nlohmann::json>(text, where);
}

} // namespace engine
