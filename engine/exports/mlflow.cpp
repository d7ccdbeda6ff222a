// SPDX-License-Identifier: GPL-3.0-or-later
// A run in a file store of MLflow (mlflow/store/tracking/file_store.py): a folder an experiment, in it one a run, in it a file a
// parameter, metric and tag.
#include "engine/error.h"
#include "engine/exports.h"
#include "engine/exports/series.h"
#include "engine/exports/tables.h"
#include "engine/files/new_file.h"
#include "engine/files/sha256.h"
#include "engine/words/utf8.h"

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <optional>

namespace engine {

namespace {

namespace fs = std::filesystem;

constexpr const char* kExperiment = "412906118374650231"; // ours in every store: MLflow's own ids are random, of 18 digits
constexpr std::size_t kLongestValue = 6000;               // of a parameter, in bytes

void write(const fs::path& path, const std::string& text) {
    fs::create_directories(path.parent_path());
    NewFile file(path);
    file.write(text);
    file.commit();
}

/// A text as YAML writes it in double quotes, which is how JSON does.
std::string quoted(const std::string& text) {
    return nlohmann::json(text).dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

std::string milliseconds(double seconds) {
    return std::to_string(static_cast<std::int64_t>(seconds * 1000));
}

int statusOf(RunState state) { // mlflow.entities.RunStatus
    switch (state) {
    case RunState::Running: return 1;
    case RunState::Done: return 3;
    case RunState::Failed: return 4;
    case RunState::Stopped:
    case RunState::Interrupted: return 5;
    }
    return 1;
}

/// The same whenever this run is exported, so that it cannot come into a store twice.
std::string idOf(const RunDetail& run) {
    return sha256(std::to_string(run.summary.id) + "\n" + std::to_string(run.summary.started) + "\n" + run.datasetSha256 + "\n" +
                  run.modelSha256 + "\n" + run.experimentYaml)
        .substr(0, 32);
}

std::string user() {
    const char* name = std::getenv("USER");
    return name ? name : "";
}

std::string uriOf(const fs::path& path) {
    static constexpr char kHex[] = "0123456789ABCDEF";
    std::string uri = "file://";
    for (const unsigned char c : path.string()) {
        const bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                           std::string_view("/-_.~").find(static_cast<char>(c)) != std::string_view::npos;
        uri += plain ? std::string(1, static_cast<char>(c)) : std::string{'%', kHex[c >> 4], kHex[c & 15]};
    }
    return uri;
}

void writeExperiment(const fs::path& folder, const fs::path& place, double time) {
    write(folder / "meta.yaml", "artifact_location: " + quoted(uriOf(place)) + "\ncreation_time: " + milliseconds(time) +
                                    "\nexperiment_id: '" + kExperiment + "'\nlast_update_time: " + milliseconds(time) +
                                    "\nlifecycle_stage: active\nname: Phibench\n");
}

class RunFolder {
public:
    RunFolder(const ExportRequest& request, fs::path folder, const fs::path& place)
        : m_run(request.run), m_runs(request.runs), m_folder(std::move(folder)), m_place(place) {}

    /// How many parameters were cut to what MLflow takes.
    int write() const {
        const RunSummary& s = m_run.summary;
        engine::write(m_folder / "meta.yaml",
                      "artifact_uri: " + quoted(uriOf(m_place / "artifacts")) +
                          "\nend_time: " + (s.finished > 0 ? milliseconds(s.finished) : "null") +
                          "\nentry_point_name: ''\nexperiment_id: '" + kExperiment + "'\nlifecycle_stage: active\nrun_id: '" +
                          idOf(m_run) + "'\nrun_name: " + quoted(s.name) + "\nrun_uuid: '" + idOf(m_run) +
                          "'\nsource_name: ''\nsource_type: 4\nsource_version: ''\nstart_time: " + milliseconds(s.started) +
                          "\nstatus: " + std::to_string(statusOf(s.state)) + "\ntags: []\nuser_id: " + quoted(user()) + "\n");
        writeMetrics();
        writeTags();
        engine::write(m_folder / "artifacts" / "experiment.yaml", m_run.experimentYaml);
        if (m_run.report)
            engine::write(m_folder / "artifacts" / "predictions.csv", predictionsCsv(m_run, m_runs.predictions(s.id)));
        return writeParameters();
    }

private:
    int writeParameters() const {
        int cut = 0;
        fs::create_directories(m_folder / "params");
        for (const auto& [key, value] : m_run.summary.params) {
            const std::string_view shown = wholeCharacters(value, kLongestValue);
            cut += shown.size() < value.size();
            engine::write(m_folder / "params" / key, std::string(shown));
        }
        return cut;
    }

    void writeMetrics() const {
        fs::create_directories(m_folder / "metrics");
        for (const Series& series : seriesOf(m_run)) {
            std::string lines;
            for (const MetricPoint& point : series.points)
                lines += milliseconds(point.wall) + " " + shortest(point.value) + " " + std::to_string(point.step) + "\n";
            engine::write(m_folder / "metrics" / series.name, lines);
        }
    }

    static std::string shortest(double value) {
        if (value != value) return "nan";
        if (value - value != 0) return value > 0 ? "inf" : "-inf";
        return nlohmann::json(value).dump();
    }

    void writeTags() const {
        const RunSummary& s = m_run.summary;
        std::string words;
        for (const std::string& tag : s.tags) words += (words.empty() ? "" : " ") + tag;
        const std::pair<const char*, std::string> tags[]{{"mlflow.runName", s.name},
                                                         {"mlflow.user", user()},
                                                         {"mlflow.source.name", "phibench"},
                                                         {"mlflow.source.type", "LOCAL"},
                                                         {"mlflow.note.content", s.note},
                                                         {"phibench.run", std::to_string(s.id)},
                                                         {"phibench.kind", wordOf(s.kind)},
                                                         {"phibench.tags", words},
                                                         {"phibench.dataset_sha256", m_run.datasetSha256},
                                                         {"phibench.model_sha256", m_run.modelSha256},
                                                         {"phibench.versions", m_run.versions}};
        for (const auto& [key, value] : tags)
            if (!value.empty()) engine::write(m_folder / "tags" / key, value);
    }

    const RunDetail& m_run;
    const Runs& m_runs;
    fs::path m_folder; // where it is written
    fs::path m_place;  // where it will stand
};

/// A store has an experiment's meta.yaml one folder down; what is empty becomes one.
void requireStore(const fs::path& store) {
    for (const auto& entry : fs::directory_iterator(store))
        if (fs::exists(entry.path() / "meta.yaml")) return;
    if (!fs::is_empty(store))
        throw Error(ErrorCode::BadInput, store.string() + " is there already, and is no file store of MLflow.",
                    "Give a new name.");
}

int writeInto(const ExportRequest& request, const fs::path& store) {
    const fs::path experiment = store / kExperiment, run = experiment / idOf(request.run);
    requireFree(run);
    if (fs::exists(experiment)) {
        NewFolder folder(run);
        const int cut = RunFolder(request, folder.path(), run).write();
        folder.commit();
        return cut;
    }
    NewFolder folder(experiment);
    writeExperiment(folder.path(), experiment, request.run.summary.started);
    const int cut = RunFolder(request, folder.path() / idOf(request.run), run).write();
    folder.commit();
    return cut;
}

Exported writeMlflow(const ExportRequest& request, const Sink&, std::stop_token) {
    const fs::path& store = request.out;
    int cut = 0;
    if (fs::is_directory(store)) {
        requireStore(store);
        cut = writeInto(request, store);
    } else {
        requireFree(store);
        NewFolder folder(store);
        const fs::path experiment = folder.path() / kExperiment, id = idOf(request.run);
        writeExperiment(experiment, store / kExperiment, request.run.summary.started);
        cut = RunFolder(request, experiment / id, store / kExperiment / id).write();
        folder.commit();
    }
    Exported done{.path = store,
                  .notes = {"A file store of MLflow, with the run " + idOf(request.run) +
                                " in the experiment Phibench. MLflow 3 takes it in two ways:",
                            "mlflow migrate-filestore --source " + store.string() + " --target sqlite:///mlflow.db",
                            "MLFLOW_ALLOW_FILE_STORE=true mlflow ui --backend-store-uri " + store.string()},
                  .facts = {{"run_id", idOf(request.run)}, {"experiment_id", std::string(kExperiment)}}};
    if (cut > 0)
        done.notes.push_back(std::to_string(cut) + (cut == 1 ? " setting was" : " settings were") + " cut to the " +
                             std::to_string(kLongestValue) + " bytes that MLflow takes; experiment.yaml has all of it.");
    return done;
}

} // namespace

Exporter mlflowExporter() {
    return {.key = "mlflow",
            .title = "MLflow",
            .help = "settings, curves and results, a file store of MLflow; into one that is there the run is added",
            .suffix = "-mlruns",
            .needs = {},
            .options = {},
            .makes = Makes::Addition,
            .write = writeMlflow};
}

} // namespace engine
