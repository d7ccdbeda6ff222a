// SPDX-License-Identifier: GPL-3.0-or-later
// Predictions and what they add up to; the figures agree with scikit-learn's.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace engine {

/// What the model said of one row of the CSV.
struct Prediction {
    std::int64_t record = 0;           // 0-based record number in the CSV
    int truth = 0;                     // index into labels
    std::optional<int> guess;          // empty: the answer named no label
    std::vector<double> probabilities; // one a label, summing to 1; empty when the method gives none
    std::string rawText;               // what was generated; empty when scored
};

/// counts[truth][guess]; the last column (index labels.size()) counts "no answer".
struct ConfusionMatrix {
    std::vector<std::string> labels;
    std::vector<std::vector<std::int64_t>> counts;
    bool operator==(const ConfusionMatrix&) const = default;
};

struct LabelScore {
    double precision = 0, recall = 0, f1 = 0;
    std::int64_t support = 0;
    double accuracy = 0; // share of this label's rows that were guessed right (the article's figure)
};

/// What predictions add up to. What else a run is measured by is computed from it: see measures.h.
struct Report {
    std::int64_t examples = 0;
    double accuracy = 0;
    ConfusionMatrix confusion;
    std::vector<LabelScore> per_label; // as confusion.labels; "no answer" is no label, but counts as wrong
};

/// Throws Error(BadInput) when a truth or guess is outside labels.
Report score(const std::vector<Prediction>& predictions, const std::vector<std::string>& labels);
/// Of a matrix that is counted already: square but for the last column.
Report score(ConfusionMatrix confusion);

/// scikit-learn's classification_report(labels=…, zero_division=0) as text, digits as it prints them. Its third-last row is
/// always "accuracy": where answers named no label scikit-learn prints "micro avg" instead, whose recall is the same figure.
std::string classificationReport(const Report& report);

} // namespace engine
