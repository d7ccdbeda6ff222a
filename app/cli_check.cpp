// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli_check.h"
#include "app/cli.h"
#include "app/cli_output.h"
#include "app/cli_signals.h"
#include "engine/check.h"

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

std::string shown(const std::string& delimiter) {
    return delimiter == "\t" ? "tab" : delimiter;
}

Json result(const CheckResult& check) {
    Json json{{"event", "result"}, {"path", check.path.string()}, {"kind", engine::toString(check.kind)}};
    if (check.csv) {
        const engine::CsvFacts& csv = *check.csv;
        Json counts = Json::object();
        for (const auto& [label, count] : csv.labelCounts) counts[label] = count;
        json["records"] = csv.records;
        json["encoding"] = csv.encoding;
        json["delimiter"] = csv.delimiter;
        json["line_ending"] = csv.lineEnding;
        json["header"] = csv.header;
        json["columns"] = csv.columns;
        json["label_column"] = csv.labelColumn >= 0 ? Json(csv.labelColumn) : Json();
        json["text_column"] = csv.textColumn >= 0 ? Json(csv.textColumn) : Json();
        json["label_counts"] = counts;
        json["seconds"] = {{"read", csv.readSeconds}};
    }
    for (const auto& [name, value] : check.facts) std::visit([&, &key = name](const auto& v) { json[key] = v; }, value);
    json["issues"] = toJson(check.issues);
    return json;
}

void print(const CheckResult& check) {
    std::cout << check.path.string() << ": " << engine::toString(check.kind) << "\n";
    std::vector<std::pair<std::string, std::string>> facts;
    if (check.csv) {
        const engine::CsvFacts& csv = *check.csv;
        facts = {{"records", std::to_string(csv.records)},
                 {"encoding", csv.encoding},
                 {"delimiter", shown(csv.delimiter)},
                 {"line ending", csv.lineEnding},
                 {"header", csv.header ? "yes" : "no"}};
        std::string columns, counts;
        for (std::size_t i = 0; i < csv.columns.size(); ++i)
            columns += (i ? ", " : "") + csv.columns[i] +
                       (int(i) == csv.labelColumn  ? " (labels)"
                        : int(i) == csv.textColumn ? " (text)"
                                                   : "");
        for (const auto& [label, count] : csv.labelCounts)
            counts += (counts.empty() ? "" : ", ") + label + " " + std::to_string(count);
        facts.emplace_back("columns", columns);
        if (csv.labelColumn >= 0) facts.emplace_back("labels", counts);
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
