// SPDX-License-Identifier: GPL-3.0-or-later
// The label and the text of every row of a table, read on every core.
#pragma once
#include "engine/data/dataset.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace engine {

/// How many rows there are of a kind, and the line of the first.
struct FoundRows {
    std::int64_t count = 0, line = 0;
    void add(std::int64_t at) { add(FoundRows{1, at}); }
    void add(const FoundRows& others);
};

/// A row with a text and a label that has a number.
struct LabelledRow {
    std::uint64_t hash = 0; // of its text
    std::uint32_t row = 0;  // of the table
    std::int32_t label = -1;
};

/// A value of the label column.
struct LabelValue {
    std::int64_t rows = 0;
    FoundRows usable; // of them, those with a text; none if the value is blank
    std::int32_t number = -1;
};

struct LabelledRows {
    std::map<std::string, LabelValue, std::less<>> values;
    FoundRows blankLabels, blankTexts; // a row without either is among the first
    std::vector<LabelledRow> rows;     // in the table's order
    std::vector<Example> examples;     // of the same rows, where wanted
};

/// `labels` have the numbers that they stand at; where it is empty, usable values are numbered in their order. Texts are kept
/// only for examples.
LabelledRows readLabelledRows(const Table& table, std::size_t labelColumn, std::size_t textColumn,
                              const std::vector<std::string>& labels, bool wantsExamples);

/// Rows that repeat the text of an earlier one. Two texts of one hash count as equal.
struct RepeatedRows {
    std::int64_t count = 0;
    LabelledRow earlier, later; // of the repeat that comes first in the table
    void add(const RepeatedRows& others);
};
struct Repeats {
    RepeatedRows sameLabel, otherLabel;
};
/// Puts `rows` into another order.
Repeats findRepeats(std::vector<LabelledRow>& rows);

} // namespace engine
