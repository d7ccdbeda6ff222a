// SPDX-License-Identifier: GPL-3.0-or-later
// The window's backend: the engine on threads of its own. All signals come on the runner's thread.
#pragma once
#include "app/event_buffer.h"
#include "app/jobs.h"
#include "app/runs_watcher.h"
#include "app/worker.h"
#include "ui/backend.h"

#include <QElapsedTimer>
#include <QTimer>
#include <atomic>
#include <memory>

namespace app {

class Runner : public ui::Backend {
    Q_OBJECT
public:
    /// `runs` outlives the runner.
    Runner(engine::Runs& runs, Jobs jobs, QObject* parent = nullptr);
    /// Stops what is under way and waits for it: a training ends with a checkpoint.
    ~Runner() override;

    engine::Runs& runs() override { return m_runs; }
    bool busy() const override { return m_busy; }
    std::optional<engine::RunId> currentRun() const override;
    bool startTraining(const engine::Experiment& experiment) override;
    bool resume(engine::RunId run) override;
    bool startEvaluation(const engine::Experiment& experiment, std::optional<engine::RunId> run) override;
    void stop() override;
    quint64 loadTable(const QString& path, const engine::TableOptions& options) override;
    quint64 inspectModel(const QString& model, const engine::LoraSpec& lora) override;
    quint64 prompt(const ui::PlaygroundRequest& request) override;
    void stopPrompt() override;
    const std::vector<engine::Exporter>& exporters() const override { return m_calls.exporters; }
    quint64 exportRun(engine::RunId run, const QString& format, const engine::ExportChoices& choices,
                      const QString& path) override;
    void stopExports() override;

private:
    /// One training or evaluation, shared by its thread and the window's.
    struct Job {
        engine::RunKind kind = engine::RunKind::Train;
        QString name;
        EventBuffer events;
        engine::RunId run = 0; // the window's thread alone
    };
    struct Playground { // the playground's thread alone
        QString model, precision, adapter;
        Generate generate;
    };
    using Work = std::function<engine::Outcome(const engine::Sink&, std::stop_token)>;

    bool begin(std::function<QList<engine::RunId>(std::stop_token)> work);
    engine::Outcome runJob(engine::RunKind kind, const std::string& name, const Work& work, std::stop_token stop);
    // On the jobs' thread.
    std::shared_ptr<Job> beginJob(engine::RunKind kind, const std::string& name);
    void tell(const std::shared_ptr<Job>& job, const engine::Event& event);
    void endJob(const std::shared_ptr<Job>& job, const engine::Outcome& outcome);
    // On the window's.
    void finished(Job& job, const engine::Outcome& outcome);
    void announce(Job& job, engine::RunId run);
    void wake();
    void drain();
    void deliver(Job& job);
    void write(quint64 token, engine::RunId run, const std::string& format, const engine::ExportChoices& choices,
               const std::filesystem::path& path, std::stop_token stop);
    void answer(const ui::PlaygroundRequest& request, quint64 token, std::stop_token stop);
    /// Queued on the window's thread, in the order of the calls.
    template <typename Call> void onWindow(Call call) { QMetaObject::invokeMethod(this, std::move(call), Qt::QueuedConnection); }

    engine::Runs& m_runs;
    RunsWatcher m_watcher;
    const Jobs m_calls;
    bool m_busy = false;
    std::shared_ptr<Job> m_job;
    QTimer m_timer;            // to the next delivery of events
    QElapsedTimer m_delivered; // since the last
    std::stop_source m_stop, m_tableStop, m_promptStop, m_exportStop;
    quint64 m_tableToken = 0, m_promptToken = 0, m_exportToken = 0;
    std::atomic<quint64> m_modelToken = 0;
    Playground m_playground;
    Worker m_jobs, m_files, m_prompts, m_exports; // last: they end before what they use
};

} // namespace app
