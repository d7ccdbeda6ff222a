// SPDX-License-Identifier: GPL-3.0-or-later
// What a file or folder is, and everything that is wrong with it.
#pragma once
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

enum class FileKind { Csv, Experiment, ModelFolder, Gguf, Safetensors, Adapter, RunsFile, Unknown };
std::string toString(FileKind kind); // "csv", "experiment", "model", "gguf", "safetensors", "adapter", "runs", "unknown"

/// A CSV's facts; labelColumn and textColumn are guesses, -1: none fits.
struct CsvFacts {
    std::int64_t records = 0;
    std::string encoding, delimiter, lineEnding;
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
    std::optional<CsvFacts> csv;
    std::vector<std::pair<std::string, Value>> facts; // of the other kinds, in the order to show
    std::vector<Issue> issues;
};

/// Never throws for what is wrong with the path: that is an issue. Throws StopRequested.
CheckResult check(const std::filesystem::path& path, std::stop_token stop = {});

} // namespace engine
