// SPDX-License-Identifier: GPL-3.0-or-later
// Reading runs, joining their rows, and listing what differs.
#include "engine/compare.h"

#include "engine/error.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <unordered_map>

namespace engine {
namespace {

RowFate fateOf(const ComparedRow& row) {
    const bool before = row.answers.front().guess == row.truth, after = row.answers.back().guess == row.truth;
    return before ? after ? RowFate::BothRight : RowFate::Broken : after ? RowFate::Fixed : RowFate::BothWrong;
}

/// A setting that only training reads says nothing of a baseline.
bool applies(const RunDetail& run, const Field& field) {
    if (run.summary.kind != RunKind::Baseline || field.decidesEvaluation()) return true;
    return !field.key.starts_with("lora.") && !field.key.starts_with("train.");
}

std::vector<ComparedRun> read(const Runs& store, const std::vector<RunId>& ids, bool leaveOutMissing) {
    std::vector<ComparedRun> runs;
    for (const RunId id : ids) {
        try {
            runs.push_back({store.detail(id), {}});
        } catch (const Error& error) {
            if (error.code() != ErrorCode::NotFound || !leaveOutMissing) throw;
            continue;
        }
        try {
            runs.back().experiment = parseRecorded(runs.back().detail.experimentYaml, "Run " + std::to_string(id));
        } catch (const Error&) { // the settings still come from the recorded parameters
        }
    }
    return runs;
}

std::vector<MeasureRow> measureRows(const std::vector<ComparedRun>& runs) {
    std::vector<MeasureRow> rows;
    for (const Measure& measure : measures()) {
        MeasureRow row{&measure, {}};
        for (const ComparedRun& run : runs) row.values.push_back(run.detail.summary.measured.of(measure));
        if (std::any_of(row.values.begin(), row.values.end(), [](const auto& value) { return value.has_value(); }))
            rows.push_back(std::move(row));
    }
    return rows;
}

std::vector<LabelRow> labelRows(const std::vector<ComparedRun>& runs, const std::vector<std::string>& labels) {
    std::vector<LabelRow> rows;
    for (std::size_t label = 0; label < labels.size(); ++label) {
        rows.push_back({labels[label], {}});
        for (const ComparedRun& run : runs) rows.back().scores.push_back(run.detail.report->per_label[label]);
    }
    return rows;
}

bool differ(const SettingRow& row) {
    return std::any_of(row.values.begin(), row.values.end(), [&](const auto& value) { return value != row.values.front(); });
}

std::vector<SettingRow> settingsOfExperiments(const std::vector<ComparedRun>& runs) {
    std::set<std::string> differing;
    for (const ComparedRun& run : runs)
        for (const Difference& d : diff(*runs.front().experiment, *run.experiment)) differing.insert(d.key);
    std::vector<SettingRow> rows;
    for (const Field& field : experimentFields()) {
        if (!differing.contains(field.key) || field.key == "name") continue;
        SettingRow row{field.key, field.title, {}};
        for (const ComparedRun& run : runs)
            row.values.push_back(applies(run.detail, field) ? std::optional(field.get(*run.experiment)) : std::nullopt);
        rows.push_back(std::move(row));
    }
    return rows;
}

std::vector<SettingRow> settingsOfParameters(const std::vector<ComparedRun>& runs) {
    std::vector<SettingRow> rows; // in the order in which runs have them
    std::map<std::string, std::size_t> at;
    for (std::size_t i = 0; i < runs.size(); ++i)
        for (const auto& [key, value] : runs[i].detail.summary.params) {
            const auto [found, fresh] = at.try_emplace(key, rows.size());
            if (fresh) rows.push_back({key, key, std::vector<std::optional<std::string>>(runs.size())});
            rows[found->second].values[i] = value;
        }
    std::erase_if(rows, [](const SettingRow& row) { return !differ(row); });
    return rows;
}

std::vector<SettingRow> settingRows(const std::vector<ComparedRun>& runs) {
    if (runs.size() < 2) return {};
    const bool readable =
        std::all_of(runs.begin(), runs.end(), [](const ComparedRun& run) { return run.experiment.has_value(); });
    return readable ? settingsOfExperiments(runs) : settingsOfParameters(runs);
}

/// The labels, or why rows cannot be joined.
void agree(Comparison& comparison) {
    const std::vector<ComparedRun>& runs = comparison.runs;
    for (std::size_t i = 0; i < runs.size(); ++i)
        if (!runs[i].detail.report) {
            comparison.noRows = NoRows::NotEvaluated;
            comparison.unevaluated = i;
            return;
        }
    const RunDetail& first = runs.front().detail;
    const auto all = [&](auto&& same) {
        return std::all_of(runs.begin(), runs.end(), [&](const ComparedRun& run) { return same(run.detail); });
    };
    if (!all([&](const RunDetail& run) { return run.report->confusion.labels == first.report->confusion.labels; })) {
        comparison.noRows = NoRows::OtherLabels;
        return;
    }
    comparison.labels = first.report->confusion.labels;
    if (!all([&](const RunDetail& run) { return run.datasetSha256 == first.datasetSha256; }))
        comparison.noRows = NoRows::OtherData;
}

void joinRows(Comparison& comparison, const Runs& store) {
    std::vector<ComparedRow>& rows = comparison.rows;
    std::unordered_map<std::int64_t, std::size_t> at;
    for (std::size_t i = 0; i < comparison.runs.size(); ++i)
        for (Prediction& p : store.predictions(comparison.runs[i].detail.summary.id)) {
            const bool sure = p.guess && static_cast<std::size_t>(*p.guess) < p.probabilities.size();
            const double confidence = sure ? p.probabilities[static_cast<std::size_t>(*p.guess)] : -1;
            if (i == 0 && at.emplace(p.record, rows.size()).second) rows.push_back({p.record, p.truth, RowFate::BothRight, {}});
            const auto found = at.find(p.record);
            if (found == at.end()) continue;
            ComparedRow& row = rows[found->second];
            if (row.answers.size() == i) row.answers.push_back({p.guess, confidence, std::move(p.rawText)});
        }
    // Those that only some of the runs were tested on.
    std::erase_if(rows, [&](const ComparedRow& row) { return row.answers.size() != comparison.runs.size(); });
    for (ComparedRow& row : rows) {
        row.fate = fateOf(row);
        ++comparison.fates[static_cast<std::size_t>(row.fate)];
    }
    if (rows.empty()) comparison.noRows = NoRows::OtherRows;
}

} // namespace

std::string toString(RowFate fate) {
    switch (fate) {
    case RowFate::Fixed: return "fixed";
    case RowFate::Broken: return "broken";
    case RowFate::BothWrong: return "both_wrong";
    case RowFate::BothRight: return "both_right";
    }
    return {};
}

std::optional<double> Comparison::chance() const {
    if (rows.empty() || runs.size() < 2) return {};
    return mcnemar(rowsOf(RowFate::Fixed), rowsOf(RowFate::Broken));
}

Comparison compare(const Runs& store, const std::vector<RunId>& ids, bool leaveOutMissing) {
    Comparison comparison;
    comparison.runs = read(store, ids, leaveOutMissing);
    if (comparison.runs.empty()) return comparison;
    comparison.measures = measureRows(comparison.runs);
    comparison.settings = settingRows(comparison.runs);
    agree(comparison);
    comparison.perLabel = labelRows(comparison.runs, comparison.labels);
    if (!comparison.noRows) joinRows(comparison, store);
    return comparison;
}

std::vector<RunId> newestPair(const Runs& store) {
    std::optional<RunId> trained, baseline, any;
    for (const RunSummary& run : store.list()) { // newest first
        if (run.state != RunState::Done || !run.measured["accuracy"]) continue;
        if (!any) any = run.id;
        if (run.kind == RunKind::Train && !trained) trained = run.id;
        if (run.kind == RunKind::Baseline && !baseline) baseline = run.id;
    }
    if (!trained) return any ? std::vector<RunId>{*any} : std::vector<RunId>{};
    const RunDetail detail = store.detail(*trained);
    if (const auto matching = store.matchingBaseline(detail)) return {*matching, *trained};
    if (baseline && store.detail(*baseline).datasetSha256 == detail.datasetSha256) return {*baseline, *trained};
    return {*trained};
}

double mcnemar(std::int64_t fixed, std::int64_t broken) {
    const auto n = static_cast<double>(fixed + broken);
    double tail = 0;
    for (std::int64_t i = 0; i <= std::min(fixed, broken); ++i) {
        const auto k = static_cast<double>(i);
        tail += std::exp(std::lgamma(n + 1) - std::lgamma(k + 1) - std::lgamma(n - k + 1) - n * std::log(2.0));
    }
    return std::min(1.0, 2 * tail);
}

std::pair<double, double> wilson(double share, std::int64_t count) {
    constexpr double z = 1.959963984540054;
    const auto n = static_cast<double>(std::max<std::int64_t>(count, 1));
    const double centre = (share + z * z / (2 * n)) / (1 + z * z / n);
    const double reach = z / (1 + z * z / n) * std::sqrt(share * (1 - share) / n + z * z / (4 * n * n));
    return {centre - reach, centre + reach};
}

} // namespace engine
