// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exports/tables.h"
#include "engine/files/new_file.h"
#include "engine/words/yaml_tree.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

namespace engine {

namespace {

using Json = nlohmann::ordered_json;

std::string csvNumber(std::optional<double> value) {
    if (!value || std::isnan(*value)) return {};
    if (std::isinf(*value)) return *value > 0 ? "inf" : "-inf";
    return yamlNumber(*value);
}

// A setting that is a number stays one, negative ones too.
std::string csvSetting(const std::string& text) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && end == text.data() + text.size() ? text : csvText(text);
}

void writeFile(const std::filesystem::path& path, const std::string& text) {
    NewFile file(path);
    file.write(text);
    file.commit();
}

const std::string& labelOf(const RunDetail& run, int label) {
    const auto& labels = run.report->confusion.labels;
    if (label < 0 || static_cast<std::size_t>(label) >= labels.size())
        throw Error(ErrorCode::BadInput, "Run " + std::to_string(run.summary.id) + " has a prediction of label number " +
                                             std::to_string(label) + ", and " + std::to_string(labels.size()) + " labels.");
    return labels[static_cast<std::size_t>(label)];
}

Json optional(const std::optional<double>& value) {
    return value ? Json(*value) : Json(nullptr);
}

/// Those that are known, by their keys.
void addMeasured(Json& json, const Measured& measured) {
    for (const Measure& measure : measures())
        if (const auto value = measured.of(measure)) json[measure.key] = *value;
}

Json reportJson(const Report& report) {
    Json perLabel = Json::object();
    for (std::size_t i = 0; i < report.per_label.size() && i < report.confusion.labels.size(); ++i) {
        const LabelScore& s = report.per_label[i];
        perLabel[report.confusion.labels[i]] = {
            {"precision", s.precision}, {"recall", s.recall}, {"f1", s.f1}, {"support", s.support}, {"accuracy", s.accuracy}};
    }
    Json json{{"examples", report.examples}};
    addMeasured(json, measured(report));
    json.update({{"labels", report.confusion.labels}, {"confusion", report.confusion.counts}, {"per_label", perLabel}});
    return json;
}

} // namespace

std::string csvText(const std::string& text) {
    static constexpr const char* kFormula = "=+-@\t\r\n";
    const bool formula = !text.empty() && std::string_view(kFormula).find(text.front()) != std::string_view::npos;
    const std::string safe = formula ? "'" + text : text;
    if (!formula && safe.find_first_of(",\"\r\n;\t") == std::string::npos &&
        (safe.empty() || (safe.front() != ' ' && safe.back() != ' ')))
        return safe;
    std::string quoted = "\"";
    for (const char c : safe) quoted += c == '"' ? "\"\"" : std::string(1, c);
    return quoted + "\"";
}

std::string metricsCsv(const RunDetail& run) {
    std::string csv = "name,step,value,wall\n";
    for (const auto& [name, points] : run.metrics)
        for (const MetricPoint& point : points)
            csv += csvText(name) + "," + std::to_string(point.step) + "," + csvNumber(point.value) + "," + csvNumber(point.wall) +
                   "\n";
    return csv;
}

std::string predictionsCsv(const RunDetail& run, const std::vector<Prediction>& predictions) {
    const bool probable =
        std::any_of(predictions.begin(), predictions.end(), [](const Prediction& p) { return !p.probabilities.empty(); });
    std::string csv = "record,truth,guess,correct";
    if (!predictions.empty() && !run.report)
        throw Error(ErrorCode::BadInput,
                    "Run " + std::to_string(run.summary.id) + " has predictions but no report to name their labels.");
    const std::size_t labels = run.report ? run.report->confusion.labels.size() : 0;
    for (std::size_t i = 0; probable && i < labels; ++i) csv += "," + csvText("p(" + run.report->confusion.labels[i] + ")");
    csv += ",raw_text\n";
    for (const Prediction& p : predictions) {
        csv += std::to_string(p.record) + "," + csvText(labelOf(run, p.truth)) + "," +
               (p.guess ? csvText(labelOf(run, *p.guess)) : "") + "," + (p.guess == p.truth ? "1" : "0");
        for (std::size_t i = 0; probable && i < labels; ++i)
            csv += "," + (i < p.probabilities.size() ? csvNumber(p.probabilities[i]) : "");
        csv += "," + csvText(p.rawText) + "\n";
    }
    return csv;
}

std::string runsCsv(const std::vector<RunSummary>& runs) {
    std::vector<std::string> keys; // in the order in which they are first met
    std::map<std::string, std::size_t> column;
    for (const RunSummary& run : runs)
        for (const auto& [key, value] : run.params)
            if (column.emplace(key, keys.size()).second) keys.push_back(key);
    std::string csv = "id,run,kind,state,started,finished,exit_reason";
    for (const Measure& measure : measures()) csv += "," + csvText(measure.key);
    csv += ",step,steps,tags,note";
    for (const std::string& key : keys) csv += "," + csvText(key);
    csv += "\n";
    for (const RunSummary& run : runs) {
        std::string tags;
        for (const std::string& tag : run.tags) tags += (tags.empty() ? "" : " ") + tag;
        csv += std::to_string(run.id) + "," + csvText(run.name) + "," + wordOf(run.kind) + "," + wordOf(run.state) + "," +
               csvNumber(run.started) + "," + csvNumber(run.finished) + "," + csvText(run.exitReason);
        for (const Measure& measure : measures()) csv += "," + csvNumber(run.measured.of(measure));
        csv += "," + std::to_string(run.step) + "," + std::to_string(run.steps) + "," + csvText(tags) + "," + csvText(run.note);
        std::vector<std::string> cells(keys.size());
        for (const auto& [key, value] : run.params) cells[column[key]] = csvSetting(value);
        for (const std::string& cell : cells) csv += "," + cell;
        csv += "\n";
    }
    return csv;
}

std::string runJson(const RunDetail& run) {
    const RunSummary& s = run.summary;
    Json json{{"run", s.id},
              {"name", s.name},
              {"kind", wordOf(s.kind)},
              {"state", wordOf(s.state)},
              {"started", s.started},
              {"finished", s.finished},
              {"exit_reason", s.exitReason},
              {"step", s.step},
              {"steps", s.steps},
              {"tags", s.tags},
              {"note", s.note},
              {"parent", run.parent ? Json(*run.parent) : Json(nullptr)},
              {"dataset_sha256", run.datasetSha256},
              {"model_sha256", run.modelSha256}};
    const Json versions = Json::parse(run.versions, nullptr, false);
    json["versions"] = versions.is_discarded() ? Json(run.versions) : versions;
    for (const Measure& measure : measures()) json[Json::json_pointer(measure.place)] = optional(s.measured.of(measure));
    json["figures"] = Json::object();
    addMeasured(json["figures"], s.measured);
    json["params"] = Json::object();
    for (const auto& [key, value] : s.params) json["params"][key] = value;
    json["report"] = run.report ? reportJson(*run.report) : Json(nullptr);
    json["metrics"] = Json::object();
    for (const auto& [name, points] : run.metrics) {
        Json list = Json::array();
        for (const MetricPoint& point : points)
            list.push_back({{"step", point.step}, {"value", point.value}, {"wall", point.wall}});
        json["metrics"][name] = std::move(list);
    }
    json["artifacts"] = Json::array();
    for (const Artifact& artifact : run.artifacts)
        json["artifacts"].push_back({{"kind", artifact.kind}, {"path", artifact.path.string()}, {"sha256", artifact.sha256}});
    json["experiment"] = run.experimentYaml;
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

void exportTables(const Runs& runs, RunId run, const std::filesystem::path& folder) {
    const RunDetail detail = runs.detail(run);
    const std::string predictions = predictionsCsv(detail, runs.predictions(run));
    std::filesystem::path place = std::filesystem::absolute(folder).lexically_normal();
    if (!place.has_filename()) place = place.parent_path(); // "tables/"
    requireFree(place);
    NewFolder made(place);
    writeFile(made.path() / "metrics.csv", metricsCsv(detail));
    writeFile(made.path() / "predictions.csv", predictions);
    writeFile(made.path() / "run.json", runJson(detail));
    made.commit();
}

} // namespace engine
