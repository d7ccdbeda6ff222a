// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli_output.h"

#include "engine/words/utf8.h"

#include <algorithm>
#include <iostream>

namespace app {

using engine::ErrorCode;

bool writeJson(const Json& value) {
    std::cout << value.dump(-1, ' ', false, Json::error_handler_t::replace) << '\n' << std::flush;
    return bool(std::cout);
}

void printJson(const Json& value) {
    if (!writeJson(value)) throw outputLost();
}

engine::Error outputLost(const std::string& whatIsSafe) {
    return {ErrorCode::Io, whatIsSafe + (whatIsSafe.empty() ? "Standard" : "standard") + " output could not be written.",
            "Is the disk full, or the reader gone?"};
}

void printProblem(const std::string& sentence) {
    std::cerr << "phibench-cli: " << sentence << '\n';
}

void printError(bool json, ErrorCode code, const std::string& message, const std::string& hint) {
    printProblem(hint.empty() ? message : message + " " + hint);
    if (!json) return;
    std::cout.clear();
    std::cout << Json{{"event", "error"}, {"code", engine::wordOf(code)}, {"message", message}, {"hint", hint}}.dump(
                     -1, ' ', false, Json::error_handler_t::replace)
              << '\n'
              << std::flush;
}

Json toJson(const engine::Report& report) {
    const auto& labels = report.confusion.labels;
    Json perLabel = Json::object();
    for (std::size_t i = 0; i < report.per_label.size() && i < labels.size(); ++i) {
        const engine::LabelScore& s = report.per_label[i];
        perLabel[labels[i]] = {
            {"precision", s.precision}, {"recall", s.recall}, {"f1", s.f1}, {"support", s.support}, {"accuracy", s.accuracy}};
    }
    return {{"labels", labels}, {"confusion", report.confusion.counts}, {"per_label", perLabel}};
}

void addMeasured(Json& json, const engine::Measured& measured) {
    for (const engine::Measure& measure : engine::measures()) {
        const auto value = measured.of(measure);
        Json& place = json[Json::json_pointer(measure.place)];
        if (value && measure.unit == engine::Unit::Bytes)
            place = static_cast<std::int64_t>(*value);
        else
            place = value ? Json(*value) : Json();
    }
}

Json toJson(const std::vector<engine::Issue>& issues) {
    Json list = Json::array();
    for (const engine::Issue& i : issues) {
        list.push_back({{"severity", engine::wordOf(i.severity)},
                        {"path", i.path},
                        {"line", i.line},
                        {"column", i.column},
                        {"message", i.message}});
    }
    return list;
}

Json resultOf(const engine::Done& done) {
    Json result{{"event", "result"}, {"run", done.run}};
    addMeasured(result, done.measured);
    result.update(toJson(done.report));
    result["adapter"] = done.adapter.empty() ? Json() : Json(done.adapter.string());
    return result;
}

std::string tableText(const std::vector<std::vector<std::string>>& rows) {
    std::vector<std::size_t> widths;
    for (const auto& row : rows) {
        if (row.size() > widths.size()) widths.resize(row.size());
        for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], engine::characterCount(row[i]));
    }
    std::string text;
    for (const auto& row : rows) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i) {
            const std::string blanks(widths[i] - engine::characterCount(row[i]), ' ');
            line += i == 0 ? row[i] + blanks : "  " + blanks + row[i];
        }
        text += line.substr(0, line.find_last_not_of(' ') + 1) + '\n';
    }
    return text;
}

std::string matrixText(const engine::ConfusionMatrix& matrix) {
    std::vector<std::vector<std::string>> rows{{"truth \\ guess"}};
    rows[0].insert(rows[0].end(), matrix.labels.begin(), matrix.labels.end());
    rows[0].emplace_back("no answer");
    for (std::size_t i = 0; i < matrix.counts.size(); ++i) {
        rows.push_back({i < matrix.labels.size() ? matrix.labels[i] : std::string()});
        for (const std::int64_t count : matrix.counts[i]) rows.back().push_back(std::to_string(count));
    }
    return tableText(rows);
}

std::string reportText(const engine::Report& report) {
    return briefText(engine::measured(report), "   ") + "   " + std::to_string(report.examples) + " examples\n\n" +
           engine::classificationReport(report) + "\n" + matrixText(report.confusion);
}

} // namespace app
