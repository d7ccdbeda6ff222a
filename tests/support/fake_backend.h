// SPDX-License-Identifier: GPL-3.0-or-later
// A backend without a model: real runs file, real tables, and a training that says what the test tells it to say.
#pragma once
#include "ui/backend.h"

#include <QTemporaryDir>
#include <deque>
#include <vector>

namespace testing_support {

/// Answers (tableLoaded, modelFactsReady) come queued, as the worker's do: let the event loop run.
class FakeBackend : public ui::Backend {
public:
    explicit FakeBackend(QObject* parent = nullptr);
    ~FakeBackend() override;

    engine::Runs& runs() override;
    bool busy() const override { return m_busy; }
    std::optional<engine::RunId> currentRun() const override { return m_current; }
    bool startTraining(const engine::Experiment& experiment) override;
    bool resume(engine::RunId run) override;
    bool startEvaluation(const engine::Experiment& experiment, std::optional<engine::RunId> run) override;
    void stop() override;
    quint64 loadTable(const QString& path, const engine::TableOptions& options) override;
    quint64 inspectModel(const QString& model, const engine::LoraSpec& lora) override;
    quint64 prompt(const ui::PlaygroundRequest& request) override;
    void stopPrompt() override { ++promptStops; }
    const std::vector<engine::Exporter>& exporters() const override { return formats; }
    quint64 exportRun(engine::RunId run, const QString& format, const engine::ExportChoices& choices,
                      const QString& path) override;
    void stopExports() override {}

    // What was asked for.
    std::vector<engine::Experiment> started;
    std::vector<engine::RunId> resumed;
    std::vector<ui::PlaygroundRequest> prompts;
    std::vector<QString> tablePaths, models;
    std::vector<engine::ExportChoices> choices; // of exports
    int stops = 0, promptStops = 0;

    // How it answers.
    bool refuseToStart = false;
    std::vector<engine::Exporter> formats; // "tables" for every run; "model" needs an adapter and has a choice "type"
    bool holdTables = false;               // tableLoaded waits for releaseTables
    QString modelProblem;                  // not empty: modelFactsFailed
    engine::ModelFacts facts;              // SmolLM2's unless changed
    qint64 trainable = 4'884'480;
    std::string datasetSha256 = std::string(64, 'd'); // of the runs to come
    void releaseTables();
    quint64 lastToken() const { return m_token; } // of the newest question

    // The script of a run, to be called after a start. Each call emits at once.
    engine::RunId beginJob(engine::RunKind kind, const QString& name);
    void say(const QList<engine::Event>& what) { Q_EMIT events(what); }
    /// Steps first..last of `steps`, with a falling loss, also written to the runs file.
    void sayStepsUpTo(std::int64_t first, std::int64_t last, std::int64_t steps);
    /// Report into the runs file, jobFinished(Done).
    void finishJob(const engine::Report& report);
    void finishJob(const engine::Outcome& outcome);
    void goIdle(const QList<engine::RunId>& made);

    /// A finished run with curves, report and predictions, as after a real one.
    engine::RunId addRun(engine::RunKind kind, const QString& name, const std::vector<std::pair<QString, QString>>& settings,
                         const engine::ConfusionMatrix& confusion, double finalLoss, int steps);

private:
    QTemporaryDir m_folder;
    std::unique_ptr<engine::Runs> m_runs;
    bool m_busy = false;
    std::optional<engine::RunId> m_current;
    quint64 m_token = 0;
    std::deque<std::function<void()>> m_held;
};

/// negative, neutral, positive; rows truth, the last column no answer.
engine::ConfusionMatrix matrix(std::vector<std::vector<std::int64_t>> counts);
/// The article's, before and after.
engine::ConfusionMatrix baselineMatrix();
engine::ConfusionMatrix tunedMatrix();
/// Predictions that count up to this matrix, with probabilities.
std::vector<engine::Prediction> predictionsOf(const engine::ConfusionMatrix& confusion);
/// The loss such a training shows at this step: falls and settles, with noise that is the same every time.
double lossAt(std::int64_t step, std::int64_t steps, double finalLoss, int seed);

} // namespace testing_support
