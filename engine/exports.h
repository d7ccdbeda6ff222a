// SPDX-License-Identifier: GPL-3.0-or-later
// Exporters: how a run is written for other programs and people. One list, which command line, its help and the window read.
#pragma once
#include "engine/events.h"
#include "engine/store/runs.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <stop_token>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace engine {

/// A choice beside the format. The first value is taken where none is given.
struct ExportOption {
    std::string key, title, help; // "type", "Type of the weights", …
    std::vector<std::string> values;
};
using ExportChoices = std::map<std::string, std::string>; // by the options' keys
/// A choice of every format: with this value a file that lies at `out` is replaced. Without it nothing is.
inline constexpr const char *kExisting = "existing", *kReplace = "replace";

/// What a run must have.
struct ExportNeeds {
    bool adapter = false, predictions = false;
};

struct ExportRequest {
    const Runs& runs;
    const RunDetail& run;
    std::filesystem::path out; // absolute, without a slash at its end
    ExportChoices choices;     // one for each option

    const std::string& choice(const std::string& key) const { return choices.at(key); }
};

/// What a format makes of `out`.
enum class Makes {
    Folder,
    File,
    FileByEnding, // a file where `out` ends in "." and the format's key, else a folder
    Addition      // to a folder of its kind that is there, or a new one
};

/// How true to adapter and base a model has to be that was written.
enum class Fidelity {
    Labels,  // a label that was clearly the likeliest stays so
    Accuracy // few labels change on the whole: 4-bit weights
};

struct Exported {
    using Fact = std::variant<bool, std::int64_t, double, std::string>;
    std::filesystem::path path;
    std::vector<std::string> notes;                  // what a person is to know of it, a sentence each
    std::vector<std::pair<std::string, Fact>> facts; // the same for programs
    Fidelity fidelity = Fidelity::Labels;            // of a model
};

struct Exporter {
    std::string key, title, help; // "gguf", "GGUF", "the model with … , a file"
    std::string suffix;           // of the name proposed: ".gguf"; "-adapter" of a folder
    ExportNeeds needs;
    std::vector<ExportOption> options;
    Makes makes = Makes::Folder;
    bool model = false; // a model that Phibench loads: scored again once it is written
    /// Writes `out` whole or not at all. Throws Error, StopRequested.
    std::function<Exported(const ExportRequest& request, const Sink& sink, std::stop_token stop)> write;
};

/// Those of the engine, in the order in which they are shown.
const std::vector<Exporter>& exporters();
/// Throws Error(BadInput) naming those there are.
const Exporter& exporterNamed(const std::vector<Exporter>& list, const std::string& key);

/// Throws Error saying what the run has not that this format needs.
void requireExportable(const Exporter& exporter, const RunDetail& run);
/// "run-3.gguf".
std::string exportName(const Exporter& exporter, RunId run);

/// Writes the run and says what was written. A model is written as OUT.unverified, scored again on up to 200 test rows beside
/// the run's adapter on its base, and renamed once it agrees with them (Exporter::model). Throws Error: BadInput for an option or
/// value the format has not, for what the run lacks, for an `out` that is empty or taken (but see kExisting and Makes), before
/// anything is written; Internal for a model that disagrees, which then stays as OUT.unverified. Throws StopRequested; nothing is
/// left then.
Exported exportRun(const Exporter& exporter, const Runs& runs, RunId run, const std::filesystem::path& out,
                   const ExportChoices& choices, const Sink& sink, std::stop_token stop);

} // namespace engine
