// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/store/rows.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

namespace engine {

namespace {

using Json = nlohmann::json;

[[noreturn]] void damaged(const std::string& what) {
    throw Error(ErrorCode::Io, "The runs file holds " + what + " that cannot be read.",
                "It is damaged; keep a copy and choose another file with --db.");
}

double realOf(const Json& json) {
    return json.is_null() ? std::numeric_limits<double>::quiet_NaN() : json.get<double>();
}

} // namespace

RunKind readKind(const std::string& word) {
    if (const auto kind = valueOf<RunKind>(word)) return *kind;
    damaged("a kind of run (\"" + word + "\")");
}

RunState readState(const std::string& word) {
    if (const auto state = valueOf<RunState>(word)) return *state;
    damaged("a state of a run (\"" + word + "\")");
}

void bindReal(SQLite::Statement& statement, int index, std::optional<double> value) {
    if (value && !std::isnan(*value))
        statement.bind(index, *value);
    else
        statement.bind(index);
}

double readReal(const SQLite::Column& column) {
    return column.isNull() ? std::numeric_limits<double>::quiet_NaN() : column.getDouble();
}

std::optional<double> readOptional(const SQLite::Column& column) {
    if (column.isNull()) return {};
    return column.getDouble();
}

std::string probabilitiesJson(const std::vector<double>& probabilities) {
    return Json(probabilities).dump();
}

std::vector<double> readProbabilities(const std::string& json) {
    const Json list = Json::parse(json, nullptr, false);
    if (!list.is_array()) damaged("probabilities");
    std::vector<double> values;
    for (const Json& value : list) {
        if (!value.is_number() && !value.is_null()) damaged("probabilities");
        values.push_back(realOf(value));
    }
    return values;
}

void insertReport(SQLite::Database& database, RunId run, const Report& report) {
    SQLite::Statement insert(database, "INSERT OR REPLACE INTO reports(run, labels, confusion) VALUES(?,?,?)");
    insert.bind(1, run);
    insert.bind(2, Json(report.confusion.labels).dump(-1, ' ', false, Json::error_handler_t::replace));
    insert.bind(3, Json(report.confusion.counts).dump());
    insert.exec();
}

std::optional<Report> readReport(SQLite::Database& database, RunId run) {
    SQLite::Statement query(database, "SELECT labels, confusion FROM reports WHERE run = ?");
    query.bind(1, run);
    if (!query.executeStep()) return {};
    ConfusionMatrix confusion;
    try {
        confusion.labels = Json::parse(query.getColumn(0).getString()).get<std::vector<std::string>>();
        confusion.counts = Json::parse(query.getColumn(1).getString()).get<std::vector<std::vector<std::int64_t>>>();
    } catch (const Json::exception&) { damaged("the report of run " + std::to_string(run)); }
    const std::size_t labels = confusion.labels.size();
    bool whole = confusion.counts.size() == labels;
    for (const auto& row : confusion.counts) whole = whole && row.size() == labels + 1;
    if (!whole) damaged("the report of run " + std::to_string(run));
    return score(std::move(confusion));
}

void writeMeasured(SQLite::Database& database, RunId run, const Measure& measure, std::optional<double> value) {
    const bool column = std::find(kMeasureColumns.begin(), kMeasureColumns.end(), measure.key) != kMeasureColumns.end();
    SQLite::Statement write(database, column ? "UPDATE runs SET " + measure.key + " = ?2 WHERE id = ?1"
                                             : "INSERT INTO figures(run, name, value) VALUES(?1, ?3, ?2) "
                                               "ON CONFLICT(run, name) DO UPDATE SET value = excluded.value");
    write.bind(1, run);
    bindReal(write, 2, value);
    if (!column) write.bind(3, measure.key);
    write.exec();
}

void writeMeasured(SQLite::Database& database, RunId run, const Measured& measured) {
    for (const Measure& measure : measures())
        if (const auto value = measured.of(measure)) writeMeasured(database, run, measure, value);
}

void requireRun(SQLite::Database& database, RunId run, const std::filesystem::path& file) {
    SQLite::Statement query(database, "SELECT 1 FROM runs WHERE id = ?");
    query.bind(1, run);
    if (!query.executeStep())
        throw Error(ErrorCode::NotFound, "There is no run " + std::to_string(run) + " in " + file.string() + ".",
                    "\"phibench-cli runs list\" shows those there are.");
}

} // namespace engine
