// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli_check.h"
#include "app/cli.h"
#include "app/cli_output.h"
#include "app/cli_signals.h"
#include "engine/check.h"

#include <algorithm>
#include <iostream>

namespace app {

namespace {

using engine::CheckResult;

std::string text(const CheckResult::Value& value) {
    if (const auto* integer = std::get_if<std::int64_t>(&value)) return std::to_string(*integer);
    if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "yes" : "no";
    if (const auto* number = std::get_if<double>(&value)) return Json(*number).dump();
    return std::get<std::string>(value);
}

// "line_ending" → "line ending"
std::string blanks(std::string key) {
    std::replace(key.begin(), key.end(), '_', ' ');
    return key;
}

Json result(const CheckResult& check) {
    Json json{{"event", "result"}, {"path", check.path.string()}, {"kind", check.word()}};
    if (check.table) {
        const engine::CheckedTable& table = *check.table;
        Json counts = Json::object();
        for (const auto& [label, count] : table.labelCounts) counts[label] = count;
        json["records"] = table.records;
        for (const engine::TableFact& fact : table.facts) json[fact.key] = fact.value;
        json["header"] = table.header;
        json["columns"] = table.columns;
        json["label_column"] = table.labelColumn >= 0 ? Json(table.labelColumn) : Json();
        json["text_column"] = table.textColumn >= 0 ? Json(table.textColumn) : Json();
        json["label_counts"] = counts;
        json["seconds"] = {{"read", table.readSeconds}};
    }
    for (const auto& [name, value] : check.facts) std::visit([&, &key = name](const auto& v) { json[key] = v; }, value);
    json["issues"] = toJson(check.issues);
    return json;
}

void print(const CheckResult& check) {
    std::cout << check.path.string() << ": " << check.word() << "\n";
    std::vector<std::pair<std::string, std::string>> facts;
    if (check.table) {
        const engine::CheckedTable& table = *check.table;
        facts.emplace_back("records", std::to_string(table.records));
        for (const engine::TableFact& fact : table.facts) facts.emplace_back(blanks(fact.key), fact.value);
        facts.emplace_back("header", table.header ? "yes" : "no");
        std::string columns, counts;
        for (std::size_t i = 0; i < table.columns.size(); ++i)
            columns += (i ? ", " : "") + table.columns[i] +
                       (int(i) == table.labelColumn  ? " (labels)"
                        : int(i) == table.textColumn ? " (text)"
                                                     : "");
        for (const auto& [label, count] : table.labelCounts)
            counts += (counts.empty() ? "" : ", ") + label + " " + std::to_string(count);
        facts.emplace_back("columns", columns);
        if (table.labelColumn >= 0) facts.emplace_back("labels", counts);
    }
    for (const auto& [name, value] : check.facts) facts.emplace_back(name, text(value));
    std::size_t width = 0;
    for (const auto& [name, value] : facts) width = std::max(width, name.size());
    for (const auto& [name, value] : facts)
        std::cout << "  " << name << std::string(width - name.size() + 2, ' ') << value << "\n";
    for (const engine::Issue& issue : check.issues)
        std::cout << "  "
                  << (issue.severity == engine::Severity::Error     ? "error: "
                      : issue.severity == engine::Severity::Warning ? "warning: "
                                                                    : "note: ")
                  << engine::toString(issue) << "\n";
    if (check.issues.empty()) std::cout << "  nothing is wrong with it\n";
}

} // namespace

int checkAll(bool json, const std::vector<std::string>& paths) {
    const std::stop_token stop = stopOnSignals();
    int code = kDone;
    for (const std::string& path : paths) {
        const CheckResult check = engine::check(path, stop);
        if (json)
            printJson(result(check));
        else
            print(check);
        if (engine::hasErrors(check.issues)) code = kBadInput;
    }
    return code;
}

} // namespace app
