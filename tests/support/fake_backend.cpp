// SPDX-License-Identifier: GPL-3.0-or-later
// Scripted answers, and runs written as the engine writes them.
#include "tests/support/fake_backend.h"
#include "engine/architecture/config.h"
#include "engine/exports/tables.h"

#include <QFile>
#include <algorithm>
#include <cmath>
#include <numbers>

namespace testing_support {

using namespace engine;

FakeBackend::FakeBackend(QObject* parent) : Backend(parent) {
    facts.name = "SmolLM2 135M Instruct";
    facts.family = "llama";
    facts.format = "GGUF Q4_1";
    facts.path = "/models/SmolLM2-135M-Instruct.Q4_1.gguf";
    facts.parameters = 134'515'008;
    DecoderConfig& c = facts.config = commonConfig("llama");
    c.vocab_size = 49'152;
    c.hidden_size = 576;
    c.intermediate_size = 1'536;
    c.layers = 30;
    c.heads = 9;
    c.kv_heads = 3;
    c.head_dim = c.rotary[0].dims = 64;
    c.max_positions = 8'192;
    c.tied_head = true;
    Exporter tables, model;
    tables.key = "tables";
    tables.title = "Tables";
    tables.suffix = "-tables";
    tables.write = [](const ExportRequest& request, const Sink&, std::stop_token) {
        exportTables(request.runs, request.run.summary.id, request.out);
        return Exported{request.out, {"Three files."}, {}};
    };
    model.key = "model";
    model.title = "Model";
    model.suffix = ".gguf";
    model.needs.adapter = true;
    model.options = {{"type", "Weights", "what they are written in", {"f16", "q8_0"}}};
    model.write = tables.write;
    formats = {tables, model};
}

FakeBackend::~FakeBackend() = default;

quint64 FakeBackend::exportRun(RunId run, const QString& format, const ExportChoices& given, const QString& path) {
    choices.push_back(given);
    const quint64 token = ++m_token;
    const auto answer = [this, token, run, format, given, path = std::filesystem::path(QFile::encodeName(path).toStdString())] {
        try {
            const Exported what =
                exporterNamed(formats, format.toStdString()).write({runs(), runs().detail(run), path, given}, {}, {});
            Q_EMIT exported(token, what);
        } catch (const Error& error) {
            Q_EMIT exportFailed(token, QString::fromStdString(error.message()), QString::fromStdString(error.hint()));
        }
    };
    QMetaObject::invokeMethod(this, answer, Qt::QueuedConnection);
    return token;
}

Runs& FakeBackend::runs() {
    if (!m_runs)
        m_runs = std::make_unique<Runs>(
            std::filesystem::path(QFile::encodeName(m_folder.filePath(QStringLiteral("runs.db"))).toStdString()));
    return *m_runs;
}

bool FakeBackend::startTraining(const Experiment& experiment) {
    if (m_busy || refuseToStart) return false;
    started.push_back(experiment);
    return m_busy = true;
}

bool FakeBackend::resume(RunId run) {
    if (m_busy || refuseToStart) return false;
    resumed.push_back(run);
    return m_busy = true;
}

bool FakeBackend::startEvaluation(const Experiment& experiment, std::optional<RunId>) {
    return startTraining(experiment);
}

void FakeBackend::stop() {
    ++stops;
}

quint64 FakeBackend::loadTable(const QString& path, const TableOptions& options) {
    tablePaths.push_back(path);
    const quint64 token = ++m_token;
    auto answer = [this, token, path, options] {
        try {
            Q_EMIT tableLoaded(token, std::make_shared<const Table>(
                                          openTable(std::filesystem::path(QFile::encodeName(path).toStdString()), options)));
        } catch (const Error& error) {
            Q_EMIT tableFailed(token, QString::fromStdString(error.message()), QString::fromStdString(error.hint()));
        }
    };
    if (holdTables)
        m_held.push_back(answer);
    else
        QMetaObject::invokeMethod(this, answer, Qt::QueuedConnection);
    return token;
}

void FakeBackend::releaseTables() {
    while (!m_held.empty()) {
        const auto answer = m_held.front();
        m_held.pop_front();
        answer();
    }
}

quint64 FakeBackend::inspectModel(const QString& model, const LoraSpec& lora) {
    models.push_back(model);
    const quint64 token = ++m_token;
    const qint64 count = trainable * lora.r / 16;
    QMetaObject::invokeMethod(
        this,
        [this, token, count] {
            if (modelProblem.isEmpty())
                Q_EMIT modelFactsReady(token, facts, count);
            else
                Q_EMIT modelFactsFailed(token, modelProblem);
        },
        Qt::QueuedConnection);
    return token;
}

quint64 FakeBackend::prompt(const ui::PlaygroundRequest& request) {
    prompts.push_back(request);
    return ++m_token;
}

RunId FakeBackend::beginJob(RunKind kind, const QString& name) {
    NewRun run;
    run.name = name.toStdString();
    run.kind = kind;
    run.datasetSha256 = datasetSha256;
    run.modelSha256 = std::string(64, 'm');
    if (!started.empty()) {
        run.experimentYaml = toYaml(started.back());
        for (const Field& field : experimentFields()) run.params.emplace_back(field.key, field.get(started.back()));
    }
    const RunId id = runs().begin(run);
    m_current = id;
    m_busy = true;
    Q_EMIT jobStarted(id, kind, name);
    Q_EMIT runsChanged();
    return id;
}

void FakeBackend::sayStepsUpTo(std::int64_t first, std::int64_t last, std::int64_t steps) {
    QList<Event> list;
    std::vector<Metric> metrics;
    for (std::int64_t step = first; step <= last; ++step) {
        StepEvent event;
        event.run = m_current.value_or(0);
        event.step = step;
        event.steps = steps;
        event.epoch = 4.0 * double(step) / double(steps);
        event.loss = lossAt(step, steps, 0.31, int(event.run));
        event.lr = 2e-4 * 0.5 * (1 + std::cos(std::numbers::pi * double(step) / double(steps)));
        event.grad_norm = 0.3 + event.loss / 4;
        event.tokens_per_second = 771.4;
        event.examples_per_second = 9.2;
        event.eta_seconds = 0.87 * double(steps - step);
        event.rss_bytes = 641'728'512;
        list.append(event);
        metrics.push_back({"loss", {step, event.loss, double(step)}});
    }
    if (m_current) {
        runs().addMetrics(*m_current, metrics);
        runs().setSteps(*m_current, last, steps);
    }
    Q_EMIT events(list);
}

void FakeBackend::finishJob(const Report& report) {
    Done done;
    done.run = m_current.value_or(0);
    done.report = report;
    done.measured = measured(report);
    for (const auto& [key, value] : {std::pair("test_loss", 0.91),
                                     {"seconds_load", 1.9},
                                     {"seconds_train", 295.0},
                                     {"seconds_evaluate", 41.0},
                                     {"examples_per_second_train", 9.2},
                                     {"examples_per_second_evaluate", 21.7},
                                     {"peak_rss_bytes", 641'728'512.0}})
        done.measured.set(key, value);
    if (m_current) {
        runs().setReport(done.run, report, predictionsOf(report.confusion));
        runs().setMeasured(done.run, done.measured);
        runs().finish(done.run, RunState::Done, {});
    }
    Q_EMIT jobFinished(done.run, Outcome(done));
    Q_EMIT runsChanged();
}

void FakeBackend::finishJob(const Outcome& outcome) {
    const RunId run = m_current.value_or(0);
    if (m_current) {
        if (const auto* failed = std::get_if<Failed>(&outcome))
            runs().finish(run, RunState::Failed, failed->message);
        else
            runs().finish(run, std::holds_alternative<Stopped>(outcome) ? RunState::Stopped : RunState::Done, {});
    }
    Q_EMIT jobFinished(run, outcome);
    Q_EMIT runsChanged();
}

void FakeBackend::goIdle(const QList<RunId>& made) {
    m_busy = false;
    m_current.reset();
    Q_EMIT idle(made);
}

RunId FakeBackend::addRun(RunKind kind, const QString& name, const std::vector<std::pair<QString, QString>>& settings,
                          const ConfusionMatrix& confusion, double finalLoss, int steps) {
    Experiment experiment;
    experiment.name = name.toStdString();
    for (const auto& [key, value] : settings) experimentField(key.toStdString()).set(experiment, value.toStdString());
    NewRun run;
    run.name = experiment.name;
    run.kind = kind;
    run.experimentYaml = toYaml(experiment);
    for (const Field& field : experimentFields()) run.params.emplace_back(field.key, field.get(experiment));
    run.datasetSha256 = datasetSha256;
    run.modelSha256 = std::string(64, 'm');
    run.versions = R"({"phibench":"0.1.0","libtorch":"2.13.0","cpu":"AVX512_BF16"})";
    const RunId id = runs().begin(run);
    std::vector<Metric> metrics;
    for (int step = 1; step <= steps; ++step) {
        metrics.push_back({"loss", {step, lossAt(step, steps, finalLoss, int(id)), step * 0.9}});
        metrics.push_back({"lr", {step, 2e-4 * (1 - double(step) / steps), step * 0.9}});
        if (step % std::max(1, steps / 4) == 0) {
            metrics.push_back({"eval_loss", {step, finalLoss + 0.06 + 0.9 * std::exp(-4.0 * step / steps), step * 0.9}});
            metrics.push_back({"eval_accuracy", {step, 0.86 - 0.3 * std::exp(-4.0 * step / steps), step * 0.9}});
        }
    }
    runs().addMetrics(id, metrics);
    runs().setSteps(id, steps, steps);
    runs().setReport(id, score(confusion), predictionsOf(confusion));
    Measured figures;
    figures.set("test_loss", finalLoss + 0.07);
    figures.set("seconds_load", 1.9);
    figures.set("seconds_evaluate", 41.3);
    figures.set("examples_per_second_evaluate", 21.7);
    figures.set("peak_rss_bytes", 641'728'512.0);
    if (steps > 0) {
        figures.set("seconds_train", steps * 0.87);
        figures.set("examples_per_second_train", 9.2);
    }
    runs().setMeasured(id, figures);
    runs().finish(id, RunState::Done, {});
    return id;
}

ConfusionMatrix matrix(std::vector<std::vector<std::int64_t>> counts) {
    return {{"negative", "neutral", "positive"}, std::move(counts)};
}

ConfusionMatrix baselineMatrix() {
    return matrix({{22, 266, 11, 1}, {2, 259, 39, 0}, {0, 265, 33, 2}});
}

ConfusionMatrix tunedMatrix() {
    return matrix({{281, 16, 3, 0}, {14, 237, 49, 0}, {4, 32, 264, 0}});
}

std::vector<Prediction> predictionsOf(const ConfusionMatrix& confusion) {
    std::vector<Prediction> all;
    const int labels = int(confusion.labels.size());
    for (int truth = 0; truth < labels; ++truth)
        for (int guess = 0; guess <= labels; ++guess)
            for (std::int64_t i = 0; i < confusion.counts[std::size_t(truth)][std::size_t(guess)]; ++i) {
                Prediction p;
                p.record = std::int64_t(all.size()) * 5 + 3;
                p.truth = truth;
                if (guess < labels) {
                    p.guess = guess;
                    const double sure = 0.55 + 0.44 * std::abs(std::sin(double(all.size()) * 1.7));
                    p.probabilities.assign(std::size_t(labels), (1 - sure) / (labels - 1));
                    p.probabilities[std::size_t(guess)] = sure;
                }
                p.rawText = guess < labels ? " " + confusion.labels[std::size_t(guess)] : " cannot say";
                all.push_back(std::move(p));
            }
    return all;
}

double lossAt(std::int64_t step, std::int64_t steps, double finalLoss, int seed) {
    const double t = double(step) / double(std::max<std::int64_t>(steps, 1));
    const double noise = std::sin(double(step) * 12.9898 + seed * 78.233) * 43758.5453;
    const double unit = noise - std::floor(noise);
    return finalLoss + (2.1 - finalLoss) * std::exp(-7 * t) + (unit - 0.5) * (0.16 + 0.5 * std::exp(-5 * t));
}

} // namespace testing_support
