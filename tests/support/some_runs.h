// SPDX-License-Identifier: GPL-3.0-or-later
// Runs to put into a runs file, and looks at the file from beside.
#pragma once
#include "engine/experiment.h"
#include "engine/store/runs.h"

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>
#include <fstream>
#include <iterator>
#include <limits>

namespace testing_support {

struct Problem {
    engine::ErrorCode code = engine::ErrorCode::Internal;
    std::string message; // empty: none
};

template <typename Call> Problem problemOf(Call call) {
    try {
        call();
    } catch (const engine::Error& error) { return {error.code(), error.what()}; }
    return {};
}

/// With every setting at its default.
inline engine::NewRun newRun(const std::string& name = "first", engine::RunKind kind = engine::RunKind::Train) {
    engine::NewRun run;
    run.name = name;
    run.kind = kind;
    run.experimentYaml = "name: " + name + "\n";
    for (const engine::Field& field : engine::experimentFields())
        run.params.emplace_back(field.key, field.get(engine::Experiment{}));
    run.datasetSha256 = "data";
    run.modelSha256 = "model";
    run.versions = R"({"phibench":"0.1.0"})";
    return run;
}

inline void setParam(engine::NewRun& run, const std::string& key, const std::string& value) {
    for (auto& [name, old] : run.params)
        if (name == key) old = value;
}

inline engine::Report someReport() {
    return engine::score({{"bad", "good \"ü\""}, {{2, 0, 1}, {1, 1, 0}}});
}

inline std::vector<engine::Prediction> somePredictions() {
    return {{7, 0, 0, {0.9, 0.1}, ""},
            {3, 0, 0, {0.1 + 0.2, 1 - (0.1 + 0.2)}, ""},
            {9, 0, {}, {}, std::string("no\0thing \xFF\n", 11)},
            {1, 1, 0, {std::numeric_limits<double>::quiet_NaN(), 1}, "x"},
            {0, 1, 1, {}, "ü"}};
}

inline std::string bytesOf(const std::filesystem::path& file) {
    std::ifstream stream(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
}

inline void writeBytes(const std::filesystem::path& file, const std::string& bytes) {
    std::ofstream(file, std::ios::binary) << bytes;
}

/// "ok", or what is wrong.
inline std::string integrity(const std::filesystem::path& file) {
    SQLite::Database database(file.string(), SQLite::OPEN_READWRITE, 5000);
    if (SQLite::Statement(database, "PRAGMA foreign_key_check").executeStep()) return "foreign keys";
    return database.execAndGet("PRAGMA integrity_check").getString();
}

inline std::int64_t rows(const std::filesystem::path& file, const std::string& table) {
    return SQLite::Database(file.string(), SQLite::OPEN_READONLY, 5000).execAndGet("SELECT count(*) FROM " + table).getInt64();
}

} // namespace testing_support
