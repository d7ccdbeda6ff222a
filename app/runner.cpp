// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/runner.h"

#include <utility>

namespace app {

using namespace engine;

namespace {

constexpr int kDeliverMs = 50; // at most 20 deliveries a second

RunId runOf(const Outcome& outcome) {
    return std::visit([](const auto& o) { return o.run; }, outcome);
}

// For the window, which asks for it later and must not wait then.
void hash(const Table& table, const std::stop_token& stop) {
    try {
        (void)table.sha256(stop);
    } catch (const Error&) { // a large file that has changed: whoever reads it is told
    }
}

} // namespace

Runner::Runner(Runs& runs, Jobs jobs, QObject* parent)
    : ui::Backend(parent), m_runs(runs), m_watcher(runs), m_calls(std::move(jobs)), m_jobs(QStringLiteral("jobs")),
      m_files(QStringLiteral("files")), m_prompts(QStringLiteral("playground")), m_exports(QStringLiteral("exports")) {
    m_timer.setSingleShot(true);
    connect(&m_timer, &QTimer::timeout, this, &Runner::drain);
    connect(&m_watcher, &RunsWatcher::changed, this, &Runner::runsChanged);
}

Runner::~Runner() {
    stop();
    m_tableStop.request_stop();
    stopPrompt();
    stopExports();
    m_prompts.post([this] { m_playground = {}; }); // where it was made
}

std::optional<RunId> Runner::currentRun() const {
    if (m_job && m_job->run > 0) return m_job->run;
    return {};
}

bool Runner::startTraining(const Experiment& experiment) {
    return begin([this, experiment](std::stop_token token) {
        std::shared_ptr<Job> job; // of the run that events belong to now; none between two
        const auto goOnWith = [&](RunKind kind) {
            if (!job) job = beginJob(kind, experiment.name);
            onWindow([job, kind] { job->kind = kind; }); // known only when the data are
        };
        const Stages stages{goOnWith, [&](const Outcome& outcome) { endJob(std::exchange(job, nullptr), outcome); }};
        goOnWith(RunKind::Baseline);
        const Sink sink = [&](const Event& event) { tell(job, event); };
        const Compared compared = m_calls.trainAndCompare(experiment, m_runs, sink, token, stages);
        QList<RunId> made;
        if (compared.baseline) made.append(*compared.baseline);
        if (runOf(compared.outcome) > 0 && !made.contains(runOf(compared.outcome))) made.append(runOf(compared.outcome));
        return made;
    });
}

bool Runner::resume(RunId run) {
    return begin([this, run](std::stop_token token) {
        const std::string name = "run " + std::to_string(run);
        const auto work = [&](const Sink& sink, std::stop_token s) -> Outcome {
            try {
                const RunDetail detail = m_runs.detail(run);
                return m_calls.train({parseRecorded(detail.experimentYaml, "Run " + std::to_string(run)), run}, m_runs, sink, s);
            } catch (const Error& error) { return Failed{run, error.code(), error.message(), error.hint()}; }
        };
        static_cast<void>(runJob(RunKind::Train, name, work, token));
        return QList<RunId>{run};
    });
}

bool Runner::startEvaluation(const Experiment& experiment, std::optional<RunId> run) {
    return begin([this, experiment, run](std::stop_token token) {
        const auto work = [&](const Sink& sink, std::stop_token s) {
            return m_calls.evaluate({experiment, {}, run}, m_runs, sink, s);
        };
        const Outcome outcome = runJob(run ? RunKind::Evaluate : RunKind::Baseline, experiment.name, work, token);
        return runOf(outcome) > 0 ? QList<RunId>{runOf(outcome)} : QList<RunId>{};
    });
}

void Runner::stop() {
    m_stop.request_stop(); // straight to the job: its thread's event loop is not running
}

bool Runner::begin(std::function<QList<RunId>(std::stop_token)> work) {
    if (m_busy) return false;
    m_busy = true;
    m_stop = std::stop_source();
    m_jobs.post([this, work = std::move(work), token = m_stop.get_token()] {
        const QList<RunId> made = work(token);
        onWindow([this, made] {
            m_busy = false;
            Q_EMIT idle(made);
        });
    });
    return true;
}

Outcome Runner::runJob(RunKind kind, const std::string& name, const Work& work, std::stop_token stop) {
    const std::shared_ptr<Job> job = beginJob(kind, name);
    Outcome outcome = work([&](const Event& event) { tell(job, event); }, stop);
    endJob(job, outcome);
    return outcome;
}

std::shared_ptr<Runner::Job> Runner::beginJob(RunKind kind, const std::string& name) {
    const auto job = std::make_shared<Job>();
    job->kind = kind;
    job->name = QString::fromStdString(name);
    onWindow([this, job] { m_job = job; });
    return job;
}

void Runner::tell(const std::shared_ptr<Job>& job, const Event& event) {
    if (job->events.push(event)) onWindow([this] { wake(); });
}

void Runner::endJob(const std::shared_ptr<Job>& job, const Outcome& outcome) {
    onWindow([this, job, outcome] { finished(*job, outcome); });
}

void Runner::finished(Job& job, const Outcome& outcome) {
    m_timer.stop();
    deliver(job);
    if (runOf(outcome) > 0) announce(job, runOf(outcome));
    m_job.reset();
    Q_EMIT jobFinished(runOf(outcome), outcome);
    Q_EMIT runsChanged();
}

void Runner::announce(Job& job, RunId run) {
    if (job.run > 0) return;
    job.run = run;
    Q_EMIT jobStarted(run, job.kind, job.name);
    Q_EMIT runsChanged();
}

void Runner::wake() {
    if (m_timer.isActive()) return;
    const qint64 since = m_delivered.isValid() ? m_delivered.elapsed() : kDeliverMs;
    if (since >= kDeliverMs)
        drain();
    else
        m_timer.start(kDeliverMs - int(since));
}

void Runner::drain() {
    if (m_job) deliver(*m_job);
}

void Runner::deliver(Job& job) {
    const QList<Event> events = job.events.take();
    if (events.isEmpty()) return;
    m_delivered.start();
    for (const Event& event : events)
        if (const RunId run = runOfEvent(event); run > 0) announce(job, run);
    Q_EMIT this->events(events);
}

quint64 Runner::loadTable(const QString& path, const TableOptions& options) {
    const quint64 token = ++m_tableToken;
    m_tableStop.request_stop();
    m_tableStop = std::stop_source();
    m_files.post([this, path, options, token, stop = m_tableStop.get_token()] {
        try {
            const auto table = std::make_shared<const Table>(m_calls.openTable(path.toStdString(), options, stop));
            onWindow([this, token, table] {
                if (token == m_tableToken) Q_EMIT tableLoaded(token, table);
            });
            hash(*table, stop);
        } catch (const Error& error) {
            onWindow(
                [this, token, message = QString::fromStdString(error.message()), hint = QString::fromStdString(error.hint())] {
                    if (token == m_tableToken) Q_EMIT tableFailed(token, message, hint);
                });
        } catch (const StopRequested&) {
        } catch (const std::bad_alloc&) {
            onWindow([this, token, path] {
                if (token == m_tableToken)
                    Q_EMIT tableFailed(token, tr("There is too little memory to read %1.").arg(path),
                                       tr("Close other programs, or take a part of the file."));
            });
        }
    });
    return token;
}

quint64 Runner::inspectModel(const QString& model, const LoraSpec& lora) {
    const quint64 token = ++m_modelToken;
    m_files.post([this, model = model.toStdString(), lora, token] {
        if (token != m_modelToken) return;
        try {
            const ModelFacts facts = m_calls.modelFacts(model);
            const qint64 trainable = m_calls.trainableParameters(model, lora);
            onWindow([this, token, facts, trainable] {
                if (token == m_modelToken) Q_EMIT modelFactsReady(token, facts, trainable);
            });
        } catch (const Error& error) {
            onWindow([this, token, message = QString::fromUtf8(error.what())] {
                if (token == m_modelToken) Q_EMIT modelFactsFailed(token, message);
            });
        }
    });
    return token;
}

quint64 Runner::prompt(const ui::PlaygroundRequest& request) {
    const quint64 token = ++m_promptToken;
    m_promptStop.request_stop();
    m_promptStop = std::stop_source();
    m_prompts.post([this, request, token, stop = m_promptStop.get_token()] { answer(request, token, stop); });
    return token;
}

void Runner::stopPrompt() {
    m_promptStop.request_stop();
}

void Runner::answer(const ui::PlaygroundRequest& request, quint64 token, std::stop_token stop) {
    const auto onToken = [this, token](const Event& event) {
        const auto* piece = std::get_if<TokenEvent>(&event);
        if (!piece) return;
        onWindow([this, token, column = piece->column, text = QString::fromStdString(piece->text)] {
            if (token == m_promptToken) Q_EMIT playgroundToken(token, column, text);
        });
    };
    const auto finish = [&](int column, const QString& text, const QString& facts) {
        onWindow([this, token, column, text, facts] {
            if (token == m_promptToken) Q_EMIT playgroundFinished(token, column, text, facts);
        });
    };
    const auto fail = [&](const QString& message, const QString& hint) {
        onWindow([this, token, message, hint] {
            if (token == m_promptToken) Q_EMIT playgroundFailed(token, message, hint);
        });
    };
    const int columns = request.adapter.isEmpty() ? 1 : 2;
    int column = 0;
    try {
        Playground& held = m_playground;
        if (!held.generate || held.model != request.model || held.precision != request.precision ||
            held.adapter != request.adapter) {
            held = {}; // before the next is loaded: one at a time in memory
            Generate opened = m_calls.openPlayground(request.model.toStdString(), request.precision.toStdString(),
                                                     request.adapter.toStdString(), onToken, stop);
            held = {request.model, request.precision, request.adapter, std::move(opened)};
        }
        for (; column < columns; ++column) {
            const Generated made =
                held.generate(request.prompt.toStdString(), request.options, column == 1, column, onToken, stop);
            const QString facts =
                made.ids.empty()
                    ? QStringLiteral("no tokens")
                    : QStringLiteral("%1 tokens, %2 tokens/s").arg(made.ids.size()).arg(made.decodeTokensPerSecond, 0, 'f', 1);
            finish(column, QString::fromStdString(made.text), facts);
        }
    } catch (const StopRequested&) {
        for (; column < columns; ++column) finish(column, QString(), QStringLiteral("stopped"));
    } catch (const Error& error) {
        fail(QString::fromStdString(error.message()), QString::fromStdString(error.hint()));
    } catch (const std::exception& error) { // what a library threw past the engine
        fail(QString::fromUtf8(error.what()), QString());
    }
}

quint64 Runner::exportRun(RunId run, const QString& format, const ExportChoices& choices, const QString& path) {
    const quint64 token = ++m_exportToken;
    m_exports.post([this, token, run, format = format.toStdString(), choices, path = std::filesystem::path(path.toStdString()),
                    stop = m_exportStop.get_token()] { write(token, run, format, choices, path, stop); });
    return token;
}

void Runner::stopExports() {
    m_exportStop.request_stop();
    m_exportStop = std::stop_source();
}

void Runner::write(quint64 token, RunId run, const std::string& format, const ExportChoices& choices,
                   const std::filesystem::path& path, std::stop_token stop) {
    const auto fail = [&](const QString& message, const QString& hint) {
        onWindow([this, token, message, hint] { Q_EMIT exportFailed(token, message, hint); });
    };
    QElapsedTimer told;
    const auto tell = [&](const Event& event) {
        const auto* progress = std::get_if<ProgressEvent>(&event);
        if (!progress || (told.isValid() && told.elapsed() < 2 * kDeliverMs)) return;
        told.start();
        onWindow([this, token, done = progress->done, total = progress->total] { Q_EMIT exportProgress(token, done, total); });
    };
    try {
        if (stop.stop_requested()) throw StopRequested{};
        const Exported what = engine::exportRun(exporterNamed(exporters(), format), m_runs, run, path, choices, tell, stop);
        onWindow([this, token, what] { Q_EMIT exported(token, what); });
    } catch (const StopRequested&) { fail(tr("The export was stopped; nothing was written."), {}); } catch (const Error& error) {
        fail(QString::fromStdString(error.message()), QString::fromStdString(error.hint()));
    }
}

} // namespace app
