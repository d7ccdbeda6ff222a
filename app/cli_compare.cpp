// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli_compare.h"
#include "engine/words/utf8.h"

#include <iostream>

namespace app {

namespace {

using namespace engine;
using Rows = std::vector<std::vector<std::string>>;

/// What became of the rows of two runs or more, and whether chance could have done it.
Json verdict(const Comparison& comparison) {
    const auto& first = comparison.runs.front().detail.report;
    const auto& last = comparison.runs.back().detail.report;
    Json json{{"accuracy_difference", last->accuracy - first->accuracy}};
    for (std::size_t fate = 0; fate < kRowFates; ++fate) json[toString(static_cast<RowFate>(fate))] = comparison.fates[fate];
    json["mcnemar_p"] = *comparison.chance();
    return json;
}

std::string shortened(const std::string& text) {
    constexpr std::size_t kCharacters = 40;
    const std::string_view first = engine::firstCharacters(text, kCharacters);
    return first.size() == text.size() ? text : std::string(first) + "…";
}

std::string pText(double p) {
    return p < 0.001 ? "p < 0.001" : "p = " + numberText(p, p < 0.1 ? 3 : 2);
}

void addMeasures(const Comparison& comparison, Rows& rows) {
    for (const MeasureRow& row : comparison.measures) {
        rows.push_back({inSentence(*row.measure)});
        for (const auto& value : row.values) rows.back().push_back(value ? valueText(row.measure->unit, *value) : "");
    }
    for (const MeasureRow& row : comparison.measures) {
        if (row.measure->better == Better::Neither || !row.values[0]) continue;
        rows.push_back({"difference of " + inSentence(*row.measure), ""});
        for (std::size_t i = 1; i < row.values.size(); ++i)
            rows.back().push_back(row.values[i] ? differenceText(row.measure->unit, *row.values[i] - *row.values[0]) : "");
    }
}

std::string rowsText(const Comparison& comparison) {
    const std::optional<double> p = comparison.chance();
    if (!p) return {};
    const auto rows = [&](RowFate fate) { return std::to_string(comparison.rowsOf(fate)); };
    return "\n" + rows(RowFate::Fixed) + " rows fixed, " + rows(RowFate::Broken) + " broken, " + rows(RowFate::BothWrong) +
           " wrong in both, " + rows(RowFate::BothRight) +
           " right in both: " + (*p < 0.05 ? "more than chance" : "may be chance") + " (McNemar " + pText(*p) + ")\n";
}

} // namespace

Json comparisonJson(const Comparison& comparison) {
    Json runs = Json::array(), settings = Json::array();
    const auto& first = comparison.runs.front().detail.report;
    for (const ComparedRun& run : comparison.runs) {
        const RunSummary& summary = run.detail.summary;
        Json json{{"run", summary.id}, {"name", summary.name}, {"kind", wordOf(summary.kind)}, {"state", wordOf(summary.state)}};
        addMeasured(json, summary.measured);
        if (run.detail.report) json.update(toJson(*run.detail.report));
        if (run.detail.report && first) json["accuracy_difference"] = run.detail.report->accuracy - first->accuracy;
        runs.push_back(json);
    }
    for (const SettingRow& row : comparison.settings) {
        Json values = Json::array();
        for (const auto& value : row.values) values.push_back(value ? Json(*value) : Json());
        settings.push_back({{"key", row.key}, {"values", values}});
    }
    Json json{{"runs", runs}, {"differences", settings}};
    if (comparison.chance()) json["verdict"] = verdict(comparison);
    return json;
}

std::string comparisonText(const Comparison& comparison) {
    Rows rows{{""}, {"kind"}, {"state"}};
    for (const ComparedRun& run : comparison.runs) {
        rows[0].push_back("run " + std::to_string(run.detail.summary.id));
        rows[1].push_back(wordOf(run.detail.summary.kind));
        rows[2].push_back(wordOf(run.detail.summary.state));
    }
    addMeasures(comparison, rows);
    for (const LabelRow& row : comparison.perLabel) {
        rows.push_back({"accuracy of " + row.label});
        for (const LabelScore& score : row.scores) rows.back().push_back(numberText(score.accuracy, 4));
    }
    std::string text = tableText(rows) + rowsText(comparison);
    for (const ComparedRun& run : comparison.runs)
        if (run.detail.report)
            text += "\nrun " + std::to_string(run.detail.summary.id) + " · " + run.detail.summary.name + " · " +
                    wordOf(run.detail.summary.kind) + "\n" + matrixText(run.detail.report->confusion);
    if (comparison.settings.empty()) return text;
    Rows settings;
    for (const SettingRow& row : comparison.settings) {
        settings.push_back({row.key});
        for (const auto& value : row.values) settings.back().push_back(value ? shortened(*value) : "–");
    }
    return text + "\nsettings that differ\n" + tableText(settings);
}

int compareRuns(const Session& session, const std::vector<RunId>& ids) {
    const Comparison comparison = compare(Runs(session.existingRunsFile()), ids);
    if (session.json) {
        Json result{{"event", "result"}};
        result.update(comparisonJson(comparison));
        printJson(result);
    } else
        std::cout << comparisonText(comparison);
    return kDone;
}

} // namespace app
