// SPDX-License-Identifier: GPL-3.0-or-later
// What phibench-cli prints: JSON Lines and tables on standard output, progress and problems on standard error.
#pragma once
#include "engine/jobs.h"
#include "engine/words/numbers.h"

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace app {

using Json = nlohmann::ordered_json;

/// One line of standard output, at once; false where that cannot be written, its reader gone or the disk full.
bool writeJson(const Json& value);
/// The same; throws Error(Io) instead.
void printJson(const Json& value);
/// What to throw where standard output was lost; `whatIsSafe` may say before it what was not: "Run 7 is recorded, but ".
engine::Error outputLost(const std::string& whatIsSafe = {});
/// One sentence on standard error.
void printProblem(const std::string& sentence);
/// The same of a failure; with --json also an "error" event.
void printError(bool json, engine::ErrorCode code, const std::string& message, const std::string& hint);

/// labels, confusion and per_label.
Json toJson(const engine::Report& report);
/// Every measure in its place; null where it is not known.
void addMeasured(Json& json, const engine::Measured& measured);
Json toJson(const std::vector<engine::Issue>& issues);
/// The result of a training or evaluation.
Json resultOf(const engine::Done& done);
int exitCodeOf(const engine::Outcome& outcome);

/// Rows of cells, the first column to the left and the others to the right; widths in characters.
std::string tableText(const std::vector<std::vector<std::string>>& rows);
/// Rows truth, columns guess.
std::string matrixText(const engine::ConfusionMatrix& matrix);
std::string reportText(const engine::Report& report);
using engine::briefText;
using engine::bytesText;
using engine::numberText;
using engine::secondsText;

/// A sink for a job: step and eval events as JSON if asked for, which a job outlives where nobody reads them; progress on
/// standard error, as one line that is redrawn on a terminal and a line a stage elsewhere. The text of TokenEvents goes to
/// standard output unless `json`.
class Progress {
public:
    explicit Progress(bool json);
    ~Progress();
    void operator()(const engine::Event& event);
    engine::Sink sink() {
        return [this](const engine::Event& event) { (*this)(event); };
    }
    void clear(); // takes the line off the terminal

private:
    void tell(const Json& event);
    void show(const std::string& text, double share);
    bool m_json, m_terminal, m_shown = false, m_lost = false;
    std::optional<engine::Stage> m_stage;
    std::chrono::steady_clock::time_point m_last{};
};

} // namespace app
