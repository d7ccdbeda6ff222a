// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/store/rows.h"

#include <array>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

namespace engine {

namespace {

using Json = nlohmann::json;

constexpr std::array<std::pair<RunKind, const char*>, 3> kKinds{
    {{RunKind::Baseline, "baseline"}, {RunKind::Train, "train"}, {RunKind::Evaluate, "evaluate"}}};
constexpr std::array<std::pair<RunState, const char*>, 5> kStates{{{RunState::Running, "running"},
                                                                   {RunState::Done, "done"},
                                                                   {RunState::Stopped, "stopped"},
                                                                   {RunState::Failed, "failed"},
                                                                   {RunState::Interrupted, "interrupted"}}};

[[noreturn]] void damaged(const std::string& what) {
    throw Error(ErrorCode::Io, "The runs file holds " + what + " that cannot be read.",
                "It is damaged; keep a copy and choose another file with --db.");
}

double realOf(const Json& json) {
    return json.is_null() ? std::numeric_limits<double>::quiet_NaN() : json.get<double>();
}

} // namespace

std::string toString(RunKind kind) {
    for (const auto& [known, word] : kKinds)
        if (known == kind) return word;
    return {};
}

std::string toString(RunState state) {
    for (const auto& [known, word] : kStates)
        if (known == state) return word;
    return {};
}

RunKind readKind(const std::string& word) {
    for (const auto& [kind, known] : kKinds)
        if (word == known) return kind;
    damaged("a kind of run (\"" + word + "\")");
}

RunState readState(const std::string& word) {
    for (const auto& [state, known] : kStates)
        if (word == known) return state;
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
    Json perLabel = Json::array();
    for (const LabelScore& score : report.per_label)
        perLabel.push_back({{"precision", score.precision},
                            {"recall", score.recall},
                            {"f1", score.f1},
                            {"support", score.support},
                            {"accuracy", score.accuracy}});
    SQLite::Statement insert(database, "INSERT OR REPLACE INTO reports(run, examples, accuracy, macro_f1, eval_loss, labels, "
                                       "confusion, per_label) VALUES(?,?,?,?,?,?,?,?)");
    insert.bind(1, run);
    insert.bind(2, report.examples);
    bindReal(insert, 3, report.accuracy);
    bindReal(insert, 4, report.macro_f1);
    bindReal(insert, 5, report.eval_loss);
    insert.bind(6, Json(report.confusion.labels).dump(-1, ' ', false, Json::error_handler_t::replace));
    insert.bind(7, Json(report.confusion.counts).dump());
    insert.bind(8, perLabel.dump());
    insert.exec();
}

std::optional<Report> readReport(SQLite::Database& database, RunId run) {
    SQLite::Statement query(
        database, "SELECT examples, accuracy, macro_f1, eval_loss, labels, confusion, per_label FROM reports WHERE run = ?");
    query.bind(1, run);
    if (!query.executeStep()) return {};
    Report report;
    report.examples = query.getColumn(0).getInt64();
    report.accuracy = readReal(query.getColumn(1));
    report.macro_f1 = readReal(query.getColumn(2));
    report.eval_loss = readOptional(query.getColumn(3));
    try {
        report.confusion.labels = Json::parse(query.getColumn(4).getString()).get<std::vector<std::string>>();
        report.confusion.counts = Json::parse(query.getColumn(5).getString()).get<std::vector<std::vector<std::int64_t>>>();
        for (const Json& score : Json::parse(query.getColumn(6).getString()))
            report.per_label.push_back({realOf(score.at("precision")), realOf(score.at("recall")), realOf(score.at("f1")),
                                        score.at("support").get<std::int64_t>(), realOf(score.at("accuracy"))});
    } catch (const Json::exception&) { damaged("the report of run " + std::to_string(run)); }
    const std::size_t labels = report.confusion.labels.size();
    bool whole = report.confusion.counts.size() == labels && report.per_label.size() == labels;
    for (const auto& row : report.confusion.counts) whole = whole && row.size() == labels + 1;
    if (!whole) damaged("the report of run " + std::to_string(run));
    return report;
}

void requireRun(SQLite::Database& database, RunId run, const std::filesystem::path& file) {
    SQLite::Statement query(database, "SELECT 1 FROM runs WHERE id = ?");
    query.bind(1, run);
    if (!query.executeStep())
        throw Error(ErrorCode::NotFound, "There is no run " + std::to_string(run) + " in " + file.string() + ".",
                    "\"phibench-cli runs list\" shows those there are.");
}

} // namespace engine
