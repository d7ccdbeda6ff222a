// SPDX-License-Identifier: GPL-3.0-or-later
// The runs file: every run's settings, metrics, predictions and artifacts in one SQLite database.
// Rollback journal, synchronous FULL: safe with several processes on SQLite 3.40.1 (DESIGN §7).
#pragma once
#include "engine/error.h"
#include "engine/events.h"
#include "engine/measures.h"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace engine {

enum class RunKind { Baseline, Train, Evaluate }; // Evaluate: an adapter on its own
constexpr std::array<EnumWord<RunKind>, 3> wordsOf(RunKind) {
    return {{{RunKind::Baseline, "baseline"}, {RunKind::Train, "train"}, {RunKind::Evaluate, "evaluate"}}};
}
enum class RunState { Running, Done, Stopped, Failed, Interrupted };
constexpr std::array<EnumWord<RunState>, 5> wordsOf(RunState) {
    return {{{RunState::Running, "running"},
             {RunState::Done, "done"},
             {RunState::Stopped, "stopped"},
             {RunState::Failed, "failed"},
             {RunState::Interrupted, "interrupted"}}};
}

/// What is known when a run begins.
struct NewRun {
    std::string name;
    RunKind kind = RunKind::Train;
    std::string experimentYaml;
    std::vector<std::pair<std::string, std::string>> params; // one a field key
    std::string datasetSha256, modelSha256, versions;        // versions: JSON of Phibench, libtorch, CPU features
    std::optional<RunId> parent;                             // the run whose adapter this evaluates
};

/// A run as a table shows it. Times are seconds since 1970, 0 = not yet.
struct RunSummary {
    RunId id = 0;
    std::string name;
    RunKind kind = RunKind::Train;
    RunState state = RunState::Running;
    double started = 0, finished = 0;
    std::string exitReason;
    Measured measured;
    std::int64_t step = 0, steps = 0;
    std::vector<std::string> tags;
    std::string note;
    std::vector<std::pair<std::string, std::string>> params;
};

struct MetricPoint {
    std::int64_t step = 0;
    double value = 0, wall = 0;
};
struct Metric {
    std::string name;
    MetricPoint point;
};
struct Artifact {
    std::string kind;
    std::filesystem::path path;
    std::string sha256;
}; // kind: "adapter", "checkpoint"

/// A run with everything but its predictions.
struct RunDetail {
    RunSummary summary;
    std::string experimentYaml, datasetSha256, modelSha256, versions;
    std::optional<RunId> parent;
    std::optional<Report> report;
    std::vector<std::pair<std::string, std::vector<MetricPoint>>>
        metrics; // by name: "loss", "lr", "grad_norm", "eval_loss", "eval_accuracy", "eval_macro_f1", …
    std::vector<Artifact> artifacts;
};

/// Where the run's adapter lies. Throws Error(BadInput) for a run that has none, Error(NotFound) when its folder is gone.
std::filesystem::path adapterFolder(const RunDetail& run);

/// One connection to one runs file; safe to share among threads of a process (calls are serialised).
/// All members throw Error: NotFound for an unknown run, Busy when another process holds the file for longer than
/// `patience` (5 s unless said), Io otherwise.
class Runs {
public:
    /// Opens or creates the file and migrates it forward (a copy is kept first). Runs left `running` by a process that
    /// is gone become `interrupted`.
    explicit Runs(const std::filesystem::path& file);
    Runs(const std::filesystem::path& file, std::chrono::milliseconds patience);
    ~Runs();
    Runs(const Runs&) = delete;
    Runs& operator=(const Runs&) = delete;

    const std::filesystem::path& file() const;
    /// Whether a call would not have to wait: no other process reads or writes the file. Waits up to `patience` for that.
    bool writable(std::chrono::milliseconds patience);
    std::chrono::milliseconds patience() const;
    /// Another number whenever somebody else has changed the file; none while that cannot be told. Never waits.
    std::optional<std::int64_t> version();
    /// Looks again for runs whose process is gone; how many became `interrupted`. A run of another machine, or of a container
    /// that cannot be seen into, stays `running`, and reopen() takes it over.
    int recoverInterrupted();
    /// The folder for a run's adapter and checkpoints, beside the file ("runs.db-files/run-7"); made when first asked for.
    std::filesystem::path artifactDirectory(RunId run);

    RunId begin(const NewRun& run);
    /// A stopped, failed or interrupted run goes on: state running again. Throws Error: BadInput for one that is done, Busy for
    /// one that runs.
    void reopen(RunId run);
    void addMetrics(RunId run, const std::vector<Metric>& metrics);
    /// Steps after `step` are forgotten: a resumed run writes them anew.
    void truncateMetrics(RunId run, std::int64_t step);
    void setSteps(RunId run, std::int64_t step, std::int64_t steps);
    /// With the measures that the report gives.
    void setReport(RunId run, const Report& report, const std::vector<Prediction>& predictions);
    /// Those that are known; the others stay as they are.
    void setMeasured(RunId run, const Measured& measured);
    void addArtifact(RunId run, const Artifact& artifact); // replaces one of the same kind
    void finish(RunId run, RunState state, const std::string& exitReason);
    /// The same for a file that another process holds: done as soon as list(), recoverInterrupted() or reopen() finds it free.
    void finishLater(RunId run, RunState state, const std::string& exitReason);

    std::vector<RunSummary> list() const; // newest first
    RunSummary summary(RunId run) const;
    RunDetail detail(RunId run) const;
    std::vector<Prediction> predictions(RunId run) const;
    /// The newest finished baseline with the same model, data, prompt, split and evaluation settings, if any.
    std::optional<RunId> matchingBaseline(const NewRun& like) const;
    std::optional<RunId> matchingBaseline(const RunDetail& like) const;

    /// Names, tags and notes are UTF-8, names and tags one line without control characters: Error(BadInput) else.
    void rename(RunId run, const std::string& name);
    void addTag(RunId run, const std::string& tag);
    void removeTag(RunId run, const std::string& tag);
    void setNote(RunId run, const std::string& note);
    /// Deletes the run and its folder; runs that came from it stay. Throws Error(BadInput) while it runs.
    void remove(RunId run);

private:
    struct Impl;
    std::unique_ptr<Impl> m_impl;
};

/// $PHIBENCH_DB, else $XDG_DATA_HOME/phibench/runs.db, else ~/.local/share/phibench/runs.db.
std::filesystem::path defaultRunsFile();

} // namespace engine
