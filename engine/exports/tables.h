// SPDX-License-Identifier: GPL-3.0-or-later
// Runs as CSV and JSON for other programs.
#pragma once
#include "engine/store/runs.h"

namespace engine {

/// A CSV field (RFC 4180). Text that a spreadsheet would take for a formula is given a leading apostrophe.
std::string csvText(const std::string& text);

/// name,step,value,wall; a row a point. Numbers are the shortest that read back.
std::string metricsCsv(const RunDetail& run);
/// record,truth,guess,correct,p(label)…,raw_text with labels by name; an empty guess is no answer. Throws Error(BadInput) when a
/// label's number is unknown.
std::string predictionsCsv(const RunDetail& run, const std::vector<Prediction>& predictions);
/// A run a row: its columns, then a column a setting.
std::string runsCsv(const std::vector<RunSummary>& runs);
/// Everything of a run but its predictions, as one JSON object.
std::string runJson(const RunDetail& run);

/// Makes `folder` with metrics.csv, predictions.csv and run.json, whole or not at all. Throws Error(NotFound, Io, BadInput where
/// there is one that holds something).
void exportTables(const Runs& runs, RunId run, const std::filesystem::path& folder);

} // namespace engine
