// SPDX-License-Identifier: GPL-3.0-or-later
// Labelled examples out of a table.
#pragma once
#include "engine/data/table.h"
#include "engine/experiment.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace engine {

struct Example {
    std::int64_t record = 0;
    std::string text;
    int label = 0;
};

struct Dataset {
    std::vector<Example> examples;    // in the table's order
    std::vector<std::string> labels;  // order = number
    std::vector<std::int64_t> counts; // as labels
    int labelColumn = 0, textColumn = 0;
    std::vector<Issue> issues; // blank texts, labels not asked for, duplicates…
};

/// How the experiment's data is to be read.
TableOptions tableOptions(const DataSpec& spec);

struct ColumnGuess {
    int label = -1, text = -1;
};
/// The label column is the one with few distinct short values, the text column the one with the longest text. -1: none fits.
ColumnGuess guessColumns(const Table& table);

/// Column by name, by number, or guessed for "auto". Throws Error(BadInput) for an unknown column, one label only, or no usable
/// row.
Dataset makeDataset(const Table& table, const DataSpec& spec);

/// How many rows hold each value of a column, sorted by value.
using LabelCounts = std::vector<std::pair<std::string, std::int64_t>>;
LabelCounts countValues(const Table& table, std::size_t column);
/// makeDataset's issues alone, which takes less time and memory: no text is kept. `counts`, of the label column, is filled also
/// when the table is then refused.
std::vector<Issue> checkDataset(const Table& table, const DataSpec& spec, LabelCounts& counts);

} // namespace engine
