// SPDX-License-Identifier: GPL-3.0-or-later
// What the window asks of the program. The window knows only this; app::Runner implements it on worker threads.
#pragma once
#include "engine/data/table.h"
#include "engine/events.h"
#include "engine/experiment.h"
#include "engine/exports.h"
#include "engine/jobs.h"
#include "engine/store/runs.h"

#include <QList>
#include <QObject>
#include <QString>
#include <memory>
#include <optional>

namespace ui {

/// A prompt for the playground; every request has a token, and answers to an older one are dropped.
struct PlaygroundRequest {
    QString model = QStringLiteral("default");
    QString precision = QStringLiteral("auto");
    QString adapter; // folder; empty: base only
    QString prompt;
    engine::GenerateOptions options;
};

class Backend : public QObject {
    Q_OBJECT
public:
    using QObject::QObject;

    /// The runs file, shared with the worker (its calls are short and serialised).
    virtual engine::Runs& runs() = 0;
    /// A training or evaluation is under way.
    virtual bool busy() const = 0;
    virtual std::optional<engine::RunId> currentRun() const = 0;

    /// Baseline evaluation (skipped when the store has a matching one), training, evaluation. Refused with false while busy.
    virtual bool startTraining(const engine::Experiment& experiment) = 0;
    virtual bool resume(engine::RunId run) = 0;
    /// The base on its own, or this run's adapter.
    virtual bool startEvaluation(const engine::Experiment& experiment, std::optional<engine::RunId> run) = 0;
    /// Takes effect within one micro-batch; jobFinished follows with Stopped.
    virtual void stop() = 0;

    /// Reads in the background; tableLoaded or tableFailed follows with the same token (the newest asked for is the one that
    /// counts).
    virtual quint64 loadTable(const QString& path, const engine::TableOptions& options) = 0;
    /// Facts of a model without loading it; modelFactsReady or modelFactsFailed follows.
    virtual quint64 inspectModel(const QString& model, const engine::LoraSpec& lora) = 0;
    /// Streams playgroundToken, then playgroundFinished. Waits for a running training to end only if memory demands it: it does
    /// not.
    virtual quint64 prompt(const PlaygroundRequest& request) = 0;
    virtual void stopPrompt() = 0;

    /// In which formats a run can be written, in the order in which they are shown.
    virtual const std::vector<engine::Exporter>& exporters() const = 0;
    /// Writes a run in the background, one after the other; exported or exportFailed follows with the same token.
    virtual quint64 exportRun(engine::RunId run, const QString& format, const engine::ExportChoices& choices,
                              const QString& path) = 0;
    /// What is being written, and what waits, ends with exportFailed.
    virtual void stopExports() = 0;

Q_SIGNALS:
    /// A job of startTraining/startEvaluation began: baseline first, then the training.
    void jobStarted(engine::RunId run, engine::RunKind kind, const QString& name);
    /// Coalesced, at most 20 times a second; all of one job.
    void events(const QList<engine::Event>& events);
    void jobFinished(engine::RunId run, const engine::Outcome& outcome);
    /// After the last job of a start call; runs are what it made or reused, baseline first.
    void idle(const QList<engine::RunId>& runs);
    /// Rows of the runs table changed (also on start and finish).
    void runsChanged();

    void tableLoaded(quint64 token, std::shared_ptr<const engine::Table> table);
    void tableFailed(quint64 token, const QString& message, const QString& hint);
    void modelFactsReady(quint64 token, const engine::ModelFacts& facts, qint64 trainable);
    void modelFactsFailed(quint64 token, const QString& message);
    void playgroundToken(quint64 token, int column, const QString& text);
    void playgroundFinished(quint64 token, int column, const QString& text,
                            const QString& facts); // facts: "42 tokens, 51 tokens/s"
    /// At most ten times a second; total 0: unknown.
    void exportProgress(quint64 token, qint64 done, qint64 total);
    void exported(quint64 token, const engine::Exported& what);
    void exportFailed(quint64 token, const QString& message, const QString& hint);
    void playgroundFailed(quint64 token, const QString& message, const QString& hint);
};

} // namespace ui

Q_DECLARE_METATYPE(engine::Outcome)
