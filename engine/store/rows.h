// SPDX-License-Identifier: GPL-3.0-or-later
// Values of the engine as columns of the runs file, and back.
#pragma once
#include "engine/store/connection.h"
#include "engine/store/runs.h"

#include <SQLiteCpp/Statement.h>
#include <array>

namespace engine {

/// Not a number is NULL.
void bindReal(SQLite::Statement& statement, int index, std::optional<double> value);
double readReal(const SQLite::Column& column);
std::optional<double> readOptional(const SQLite::Column& column);

/// Throw Error(Io) for a word that no version of ours writes.
RunKind readKind(const std::string& word);
RunState readState(const std::string& word);

/// JSON columns. Reading throws Error(Io) for text that is not what we write.
std::string probabilitiesJson(const std::vector<double>& probabilities);
std::vector<double> readProbabilities(const std::string& json);
void insertReport(SQLite::Database& database, RunId run, const Report& report);
std::optional<Report> readReport(SQLite::Database& database, RunId run);

/// The measures that are columns of runs, other people's SQL reads them there; the others are rows of figures.
inline constexpr std::array kMeasureColumns{"accuracy", "macro_f1", "eval_loss", "last_loss"};
void writeMeasured(SQLite::Database& database, RunId run, const Measure& measure, std::optional<double> value);
/// Those that are known.
void writeMeasured(SQLite::Database& database, RunId run, const Measured& measured);

/// Throws Error(NotFound).
void requireRun(SQLite::Database& database, RunId run, const std::filesystem::path& file);

} // namespace engine
