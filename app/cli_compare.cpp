// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli_compare.h"
#include "app/cli_output.h"
#include "engine/words/utf8.h"

#include <algorithm>
#include <iostream>

namespace app {

namespace {

using namespace engine;

struct Setting {
    std::string key;
    std::vector<std::string> values; // one a run
};

/// The settings in which any two of the runs differ.
std::vector<Setting> differences(const std::vector<RunDetail>& runs) {
    std::vector<Setting> all;
    for (const RunDetail& run : runs)
        for (const auto& [key, value] : run.summary.params)
            if (std::none_of(all.begin(), all.end(), [&, &k = key](const Setting& s) { return s.key == k; }))
                all.push_back({key, {}});
    for (Setting& setting : all)
        for (const RunDetail& run : runs) {
            const auto& params = run.summary.params;
            const auto found = std::find_if(params.begin(), params.end(), [&](const auto& p) { return p.first == setting.key; });
            setting.values.push_back(found == params.end() ? std::string() : found->second);
        }
    std::erase_if(all, [](const Setting& s) {
        return std::all_of(s.values.begin(), s.values.end(), [&](const auto& v) { return v == s.values[0]; });
    });
    return all;
}

Json result(const std::vector<RunDetail>& runs, const std::vector<Setting>& settings) {
    Json list = Json::array(), differ = Json::array();
    for (const RunDetail& run : runs) {
        Json json{{"run", run.summary.id},
                  {"name", run.summary.name},
                  {"kind", toString(run.summary.kind)},
                  {"state", toString(run.summary.state)}};
        if (run.report) json.update(toJson(*run.report));
        if (run.report && runs[0].report) json["accuracy_difference"] = run.report->accuracy - runs[0].report->accuracy;
        list.push_back(json);
    }
    for (const Setting& s : settings) differ.push_back({{"key", s.key}, {"values", s.values}});
    return {{"event", "result"}, {"runs", list}, {"differences", differ}};
}

std::string shortened(const std::string& text) {
    constexpr std::size_t kCharacters = 40;
    const std::string_view first = engine::firstCharacters(text, kCharacters);
    return first.size() == text.size() ? text : std::string(first) + "…";
}

void print(const std::vector<RunDetail>& runs, const std::vector<Setting>& settings) {
    using Rows = std::vector<std::vector<std::string>>;
    Rows rows{{""}, {"kind"}, {"accuracy"}, {"macro F1"}, {"difference of accuracy"}, {"difference of macro F1"}};
    const Report* first = runs[0].report ? &*runs[0].report : nullptr;
    for (const RunDetail& run : runs) {
        const Report* report = run.report ? &*run.report : nullptr;
        rows[0].push_back("run " + std::to_string(run.summary.id));
        rows[1].push_back(toString(run.summary.kind));
        rows[2].push_back(report ? numberText(report->accuracy, 4) : toString(run.summary.state));
        rows[3].push_back(report ? numberText(report->macro_f1, 4) : "");
        const bool compared = report && first && report != first;
        rows[4].push_back(compared ? signedPoints(report->accuracy - first->accuracy) : "");
        rows[5].push_back(compared ? signedPoints(report->macro_f1 - first->macro_f1) : "");
    }
    const std::vector<std::string> labels = first ? first->confusion.labels : std::vector<std::string>();
    for (std::size_t i = 0; i < labels.size(); ++i) {
        rows.push_back({"accuracy of " + labels[i]});
        for (const RunDetail& run : runs) {
            const bool same = run.report && run.report->confusion.labels == labels;
            rows.back().push_back(same ? numberText(run.report->per_label[i].accuracy, 4) : "");
        }
    }
    std::cout << tableText(rows);
    for (const RunDetail& run : runs) {
        if (!run.report) continue;
        std::cout << "\nrun " << run.summary.id << " · " << run.summary.name << " · " << toString(run.summary.kind) << "\n"
                  << matrixText(run.report->confusion);
    }
    if (settings.empty()) return;
    std::cout << "\nsettings that differ\n";
    Rows table;
    for (const Setting& s : settings) {
        table.push_back({s.key});
        for (const std::string& value : s.values) table.back().push_back(shortened(value));
    }
    std::cout << tableText(table);
}

} // namespace

int compareRuns(const Session& session, const std::vector<RunId>& ids) {
    const Runs store(session.existingRunsFile());
    std::vector<RunDetail> runs;
    for (const RunId id : ids) runs.push_back(store.detail(id));
    if (session.json)
        printJson(result(runs, differences(runs)));
    else
        print(runs, differences(runs));
    return kDone;
}

} // namespace app
