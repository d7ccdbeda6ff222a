// SPDX-License-Identifier: GPL-3.0-or-later
// Runs side by side as values: what they scored, in which settings they differ, what became of each test row, and what chance
// could have done. Command line, reports and window show the same object.
#pragma once
#include "engine/experiment.h"
#include "engine/measures.h"
#include "engine/store/runs.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace engine {

struct ComparedRun {
    RunDetail detail;
    std::optional<Experiment> experiment; // empty: its YAML is of another version
};

/// From the first run to the last; of one run alone: BothRight is right, BothWrong is wrong.
enum class RowFate { Fixed, Broken, BothWrong, BothRight };
inline constexpr std::size_t kRowFates = 4;
std::string toString(RowFate fate); // "fixed", "broken", "both_wrong", "both_right"

/// A test row that all of the runs answered.
struct ComparedRow {
    struct Answer {
        std::optional<int> guess;
        double confidence = -1; // of the guess; -1: the method gives none
        std::string rawText;
    };
    std::int64_t record = 0;
    int truth = 0;
    RowFate fate = RowFate::BothRight;
    std::vector<Answer> answers; // as the runs
};

/// Why no rows are compared.
enum class NoRows { NotEvaluated, OtherLabels, OtherData, OtherRows };

struct MeasureRow {
    const Measure* measure = nullptr;
    std::vector<std::optional<double>> values; // as the runs
};

struct LabelRow {
    std::string label;
    std::vector<LabelScore> scores; // as the runs
};

struct SettingRow {
    std::string key, title;
    std::vector<std::optional<std::string>> values; // as the runs; nothing where the setting says nothing of a run
};

struct Comparison {
    std::vector<ComparedRun> runs;
    std::vector<MeasureRow> measures; // those that any run has
    std::vector<std::string> labels;  // all runs agree on; empty when they do not, or were not evaluated
    std::vector<LabelRow> perLabel;   // as labels
    std::vector<SettingRow> settings; // those that differ
    std::vector<ComparedRow> rows;    // in the order of the first run
    std::array<std::int64_t, kRowFates> fates{};
    std::optional<NoRows> noRows;           // why there are no rows
    std::optional<std::size_t> unevaluated; // of NoRows::NotEvaluated: the first such run

    bool isPair() const { return runs.size() == 2; }
    std::int64_t rowsOf(RowFate fate) const { return fates[static_cast<std::size_t>(fate)]; }
    /// McNemar's p of the fixed and the broken rows; nothing without rows or of one run alone.
    std::optional<double> chance() const;
};

/// The runs in this order, the one to measure against first. Throws Error: NotFound for a run that is not in the file, unless
/// those are to be left out.
Comparison compare(const Runs& store, const std::vector<RunId>& ids, bool leaveOutMissing = false);

/// What to compare unasked: the newest finished training with the baseline it started from, or the newest run with results.
std::vector<RunId> newestPair(const Runs& store);

/// Two-sided exact McNemar test: the chance of so uneven a count if both runs were equally good.
double mcnemar(std::int64_t fixed, std::int64_t broken);
/// Wilson's 95 % interval of a share of n.
std::pair<double, double> wilson(double share, std::int64_t n);

} // namespace engine
