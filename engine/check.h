// SPDX-License-Identifier: GPL-3.0-or-later
// What a file or folder is, and everything that is wrong with it.
#pragma once
#include "engine/data/table.h"
#include "engine/error.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace engine {

enum class FileKind { Table, Experiment, ModelFolder, Gguf, Safetensors, Adapter, RunsFile, Unknown };
std::string toString(FileKind kind); // "table", "experiment", "model", "gguf", "safetensors", "adapter", "runs", "unknown"

/// What a table is found to be; labelColumn and textColumn are guesses, -1: none fits.
struct CheckedTable {
    std::int64_t records = 0;
    std::vector<TableFact> facts;
    bool header = false;
    std::vector<std::string> columns;
    int labelColumn = -1, textColumn = -1;
    std::vector<std::pair<std::string, std::int64_t>> labelCounts; // by label, sorted
    double readSeconds = 0; // until it was known where its rows are and what is wrong with them
};

struct CheckResult {
    using Value = std::variant<std::int64_t, double, bool, std::string>;
    std::filesystem::path path;
    FileKind kind = FileKind::Unknown;
    std::string source; // of a table: its source's key
    std::optional<CheckedTable> table;
    std::vector<std::pair<std::string, Value>> facts; // of the other kinds, in the order to show
    std::vector<Issue> issues;
    /// toString(kind); of a table its source's key ("csv").
    std::string word() const { return kind == FileKind::Table ? source : toString(kind); }
};

/// Never throws for what is wrong with the path: that is an issue. Throws StopRequested.
CheckResult check(const std::filesystem::path& path, std::stop_token stop = {});

} // namespace engine
