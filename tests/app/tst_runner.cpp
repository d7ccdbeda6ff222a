// SPDX-License-Identifier: GPL-3.0-or-later
// The runner with a scripted engine: order of signals, coalescing, stop, stale answers.
#include "app/runner.h"
#include "tests/support/stages_of_jobs.h"

#include <QSemaphore>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QtTest>
#include <condition_variable>

using namespace engine;

namespace {

void untilStopped(std::stop_token stop) {
    std::mutex mutex;
    std::unique_lock lock(mutex);
    std::condition_variable_any().wait(lock, stop, [] { return false; });
}

Done done(RunId run) {
    Done d;
    d.run = run;
    return d;
}

StepEvent step(RunId run, std::int64_t number) {
    StepEvent e;
    e.run = run;
    e.step = number;
    return e;
}

} // namespace

class TestRunner : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void init();
    void cleanup();
    void baselineThenTraining();
    void reusesABaseline();
    void refusesWhileBusy();
    void idleMayStartTheNext();
    void stopEndsATraining();
    void stopInTheBaselineStartsNoTraining();
    void failureOfTheBaselineEndsIt();
    void failureBeforeARunBegan();
    void deliversManyEventsAtOnce();
    void evaluatesAnAdapter();
    void resumesWithTheRecordedExperiment();
    void resumeOfAnUnknownRunFails();
    void closingStopsAndWaits();
    void newestCsvCounts();
    void csvProblem();
    void newestModelCounts();
    void playgroundKeepsItsModel();
    void playgroundAnswersInTwoColumns();
    void playgroundStops();
    void newPromptDropsTheOlder();
    void playgroundProblem();

private:
    std::unique_ptr<app::Runner> make() {
        auto runner = std::make_unique<app::Runner>(*m_runs, m_jobs);
        connect(runner.get(), &ui::Backend::jobStarted, this, [this](RunId run, RunKind kind, const QString& name) {
            m_log.append(QStringLiteral("started %1 %2 %3").arg(run).arg(QString::fromStdString(wordOf(kind)), name));
        });
        connect(runner.get(), &ui::Backend::events, this,
                [this](const QList<Event>& events) { m_log.append(QStringLiteral("events %1").arg(events.size())); });
        connect(runner.get(), &ui::Backend::jobFinished, this, [this](RunId run, const Outcome& outcome) {
            m_log.append(QStringLiteral("finished %1 %2").arg(run).arg(outcome.index()));
        });
        connect(runner.get(), &ui::Backend::idle, this, [this](const QList<RunId>& runs) {
            QStringList ids;
            for (const RunId run : runs) ids.append(QString::number(run));
            m_log.append(QStringLiteral("idle ") + ids.join(QLatin1Char(' ')));
        });
        return runner;
    }
    Experiment experiment() const {
        Experiment e;
        e.name = "x";
        return e;
    }
    bool idle() const { return !m_log.isEmpty() && m_log.last().startsWith(QLatin1String("idle")); }

    std::unique_ptr<QTemporaryDir> m_folder;
    std::unique_ptr<Runs> m_runs;
    app::Jobs m_jobs;
    std::optional<RunId> m_found; // the baseline that there is already
    QStringList m_log;
};

void TestRunner::init() {
    m_folder = std::make_unique<QTemporaryDir>();
    m_runs = std::make_unique<Runs>(m_folder->filePath(QStringLiteral("runs.db")).toStdString());
    m_log.clear();
    m_jobs = {};
    m_found.reset();
    m_jobs.trainAndCompare = testing_support::oneAfterTheOther(m_jobs, m_found);
    m_jobs.evaluate = [](const EvaluateJob&, Runs&, const Sink& sink, std::stop_token) -> Outcome {
        sink(ProgressEvent{1, engine::Stage::Evaluate, 1, 2, 0, -1});
        return done(1);
    };
    m_jobs.train = [](const TrainJob&, Runs&, const Sink& sink, std::stop_token) -> Outcome {
        sink(step(2, 1));
        return done(2);
    };
}

void TestRunner::cleanup() {
    m_runs.reset();
    m_folder.reset();
}

void TestRunner::baselineThenTraining() {
    const auto runner = make();
    QSignalSpy changed(runner.get(), &ui::Backend::runsChanged);
    QVERIFY(!runner->busy());
    QVERIFY(runner->startTraining(experiment()));
    QVERIFY(runner->busy());
    QTRY_VERIFY(idle());
    QCOMPARE(m_log, (QStringList{QStringLiteral("started 1 baseline x"), QStringLiteral("events 1"),
                                 QStringLiteral("finished 1 0"), QStringLiteral("started 2 train x"), QStringLiteral("events 1"),
                                 QStringLiteral("finished 2 0"), QStringLiteral("idle 1 2")}));
    QVERIFY(!runner->busy());
    QVERIFY(!runner->currentRun());
    QCOMPARE(changed.size(), 4);
}

void TestRunner::reusesABaseline() {
    m_found = 7;
    const auto runner = make();
    runner->startTraining(experiment());
    QTRY_VERIFY(idle());
    QCOMPARE(m_log.first(), QStringLiteral("started 2 train x"));
    QCOMPARE(m_log.last(), QStringLiteral("idle 7 2"));
}

void TestRunner::refusesWhileBusy() {
    QSemaphore release;
    int trainings = 0;
    m_jobs.train = [&](const TrainJob&, Runs&, const Sink& sink, std::stop_token) -> Outcome {
        ++trainings;
        sink(step(2, 1));
        release.acquire();
        return done(2);
    };
    const auto runner = make();
    QVERIFY(runner->startTraining(experiment()));
    QTRY_COMPARE(runner->currentRun().value_or(0), RunId(2));
    QVERIFY(!runner->startTraining(experiment()));
    QVERIFY(!runner->startEvaluation(experiment(), {}));
    QVERIFY(!runner->resume(2));
    release.release();
    QTRY_VERIFY(idle());
    QCOMPARE(trainings, 1);
}

void TestRunner::idleMayStartTheNext() {
    const auto runner = make();
    int starts = 0;
    connect(runner.get(), &ui::Backend::idle, runner.get(), [&] {
        if (++starts == 1) QVERIFY(runner->startTraining(experiment()));
    });
    runner->startTraining(experiment());
    QTRY_COMPARE(starts, 2);
}

void TestRunner::stopEndsATraining() {
    m_jobs.train = [](const TrainJob&, Runs&, const Sink& sink, std::stop_token stop) -> Outcome {
        sink(step(2, 5));
        untilStopped(stop);
        return Stopped{2, "checkpoint", 5};
    };
    const auto runner = make();
    runner->startTraining(experiment());
    QTRY_COMPARE(runner->currentRun().value_or(0), RunId(2));
    runner->stop();
    QTRY_VERIFY(idle());
    QVERIFY(m_log.contains(QStringLiteral("finished 2 1")));
    QCOMPARE(m_log.last(), QStringLiteral("idle 1 2"));
    // A new start is not stopped by the old token.
    m_log.clear();
    QVERIFY(runner->startEvaluation(experiment(), {}));
    QTRY_VERIFY(idle());
    QVERIFY(m_log.contains(QStringLiteral("finished 1 0")));
}

void TestRunner::stopInTheBaselineStartsNoTraining() {
    m_jobs.evaluate = [](const EvaluateJob&, Runs&, const Sink& sink, std::stop_token stop) -> Outcome {
        sink(ProgressEvent{1, engine::Stage::Evaluate, 1, 2, 0, -1});
        untilStopped(stop);
        return Stopped{1, {}, 0};
    };
    const auto runner = make();
    runner->startTraining(experiment());
    QTRY_COMPARE(runner->currentRun().value_or(0), RunId(1));
    runner->stop();
    QTRY_VERIFY(idle());
    QCOMPARE(m_log.last(), QStringLiteral("idle 1"));
}

void TestRunner::failureOfTheBaselineEndsIt() {
    m_jobs.evaluate = [](const EvaluateJob&, Runs&, const Sink&, std::stop_token) -> Outcome {
        return Failed{3, ErrorCode::Io, "m", "h"};
    };
    const auto runner = make();
    runner->startTraining(experiment());
    QTRY_VERIFY(idle());
    QCOMPARE(m_log,
             (QStringList{QStringLiteral("started 3 baseline x"), QStringLiteral("finished 3 2"), QStringLiteral("idle 3")}));
}

void TestRunner::failureBeforeARunBegan() {
    m_jobs.evaluate = [](const EvaluateJob&, Runs&, const Sink&, std::stop_token) -> Outcome {
        return Failed{0, ErrorCode::NotFound, "no data", {}};
    };
    const auto runner = make();
    runner->startTraining(experiment());
    QTRY_VERIFY(idle());
    QCOMPARE(m_log, (QStringList{QStringLiteral("finished 0 2"), QStringLiteral("idle ")}));
}

void TestRunner::deliversManyEventsAtOnce() {
    QSemaphore told;
    m_jobs.evaluate = [&](const EvaluateJob&, Runs&, const Sink& sink, std::stop_token) -> Outcome {
        for (int i = 1; i <= 1000; ++i) sink(step(1, i));
        for (int i = 1; i <= 300; ++i) {
            sink(MatrixEvent{1, {}, i, 300});
            sink(ProgressEvent{1, engine::Stage::Evaluate, i, 300, 0, -1});
        }
        told.release();
        return done(1);
    };
    const auto runner = make();
    QList<Event> all;
    int deliveries = 0;
    connect(runner.get(), &ui::Backend::events, this, [&](const QList<Event>& events) {
        ++deliveries;
        all += events;
    });
    runner->startEvaluation(experiment(), {});
    told.acquire(); // the window was busy all the while
    QTRY_VERIFY(idle());
    QCOMPARE(deliveries, 1);
    QCOMPARE(all.size(), 1002);
    for (int i = 0; i < 1000; ++i) QCOMPARE(std::get<StepEvent>(all[i]).step, std::int64_t(i + 1));
    QCOMPARE(std::get<MatrixEvent>(all[1000]).done, std::int64_t(300));
    QCOMPARE(std::get<ProgressEvent>(all[1001]).done, std::int64_t(300));
    QCOMPARE(m_log.at(2), QStringLiteral("finished 1 0"));
}

void TestRunner::evaluatesAnAdapter() {
    std::optional<RunId> asked;
    m_jobs.evaluate = [&](const EvaluateJob& job, Runs&, const Sink&, std::stop_token) -> Outcome {
        asked = job.run;
        return done(9);
    };
    const auto runner = make();
    runner->startEvaluation(experiment(), 4);
    QTRY_VERIFY(idle());
    QCOMPARE(asked.value_or(0), RunId(4));
    QCOMPARE(m_log.first(), QStringLiteral("started 9 evaluate x"));
}

void TestRunner::resumesWithTheRecordedExperiment() {
    Experiment recorded = experiment();
    recorded.lora.r = 5;
    recorded.data.csv = "/data.csv";
    recorded.prompt.text_template = "{text} {label}";
    NewRun run;
    run.name = "x";
    run.experimentYaml = toYaml(recorded);
    const RunId id = m_runs->begin(run);
    TrainJob asked;
    m_jobs.train = [&](const TrainJob& job, Runs&, const Sink&, std::stop_token) -> Outcome {
        asked = job;
        return done(id);
    };
    const auto runner = make();
    QVERIFY(runner->resume(id));
    QTRY_VERIFY(idle());
    QCOMPARE(asked.resume.value_or(0), id);
    QCOMPARE(asked.experiment.lora.r, std::int64_t(5));
    QCOMPARE(m_log.last(), QStringLiteral("idle %1").arg(id));
}

void TestRunner::resumeOfAnUnknownRunFails() {
    const auto runner = make();
    runner->resume(99);
    QTRY_VERIFY(idle());
    QVERIFY(m_log.contains(QStringLiteral("finished 99 2")));
}

void TestRunner::closingStopsAndWaits() {
    QSemaphore began;
    bool ended = false;
    m_jobs.evaluate = [&](const EvaluateJob&, Runs&, const Sink&, std::stop_token stop) -> Outcome {
        began.release();
        untilStopped(stop);
        ended = true;
        return Stopped{1, {}, 0};
    };
    auto runner = make();
    runner->startTraining(experiment());
    began.acquire();
    runner.reset();
    QVERIFY(ended);
}

void TestRunner::newestCsvCounts() {
    QSemaphore began;
    m_jobs.openTable = [&](const std::filesystem::path& path, const TableOptions&, std::stop_token stop) {
        if (path == "old.csv") {
            began.release();
            untilStopped(stop);
            throw StopRequested{};
        }
        Table table;
        table.path = path;
        return table;
    };
    const auto runner = make();
    QSignalSpy loaded(runner.get(), &ui::Backend::tableLoaded), failed(runner.get(), &ui::Backend::tableFailed);
    const quint64 old = runner->loadTable(QStringLiteral("old.csv"), {});
    began.acquire();
    const quint64 newest = runner->loadTable(QStringLiteral("new.csv"), {});
    QVERIFY(newest > old);
    QTRY_COMPARE(loaded.size(), 1);
    QCOMPARE(loaded[0][0].toULongLong(), newest);
    QCOMPARE(loaded[0][1].value<std::shared_ptr<const Table>>()->path, std::filesystem::path("new.csv"));
    QCOMPARE(failed.size(), 0);
}

void TestRunner::csvProblem() {
    m_jobs.openTable = [](const std::filesystem::path&, const TableOptions&, std::stop_token) -> Table {
        throw Error(ErrorCode::NotFound, "It is not there.", "Look elsewhere.");
    };
    const auto runner = make();
    QSignalSpy failed(runner.get(), &ui::Backend::tableFailed);
    const quint64 token = runner->loadTable(QStringLiteral("x.csv"), {});
    QTRY_COMPARE(failed.size(), 1);
    QCOMPARE(failed[0], (QList<QVariant>{token, QStringLiteral("It is not there."), QStringLiteral("Look elsewhere.")}));
}

void TestRunner::newestModelCounts() {
    QSemaphore began, release;
    QStringList asked; // the files thread alone, until the signal
    m_jobs.modelFacts = [&](const std::string& model) {
        asked.append(QString::fromStdString(model));
        if (model == "first") {
            began.release();
            release.acquire();
        }
        ModelFacts facts;
        facts.name = model;
        return facts;
    };
    m_jobs.trainableParameters = [](const std::string&, const LoraSpec& lora) { return lora.r; };
    const auto runner = make();
    QSignalSpy ready(runner.get(), &ui::Backend::modelFactsReady);
    LoraSpec lora;
    runner->inspectModel(QStringLiteral("first"), lora);
    began.acquire();
    runner->inspectModel(QStringLiteral("second"), lora);
    lora.r = 3;
    const quint64 newest = runner->inspectModel(QStringLiteral("third"), lora);
    release.release();
    QTRY_COMPARE(ready.size(), 1);
    QCOMPARE(ready[0][0].toULongLong(), newest);
    QCOMPARE(ready[0][2].toLongLong(), 3);
    QCOMPARE(asked, (QStringList{QStringLiteral("first"), QStringLiteral("third")}));
}

namespace {

/// A playground that says the prompt back, a character at a time.
app::Generate echo() {
    return [](const std::string& prompt, const GenerateOptions&, bool useAdapter, int column, const Sink& sink, std::stop_token) {
        Generated made;
        made.text = (useAdapter ? "tuned " : "base ") + prompt;
        for (const char c : made.text) {
            sink(TokenEvent{0, column, std::string(1, c)});
            made.ids.push_back(c);
        }
        made.decodeTokensPerSecond = 51.04;
        return made;
    };
}

} // namespace

void TestRunner::playgroundKeepsItsModel() {
    int opened = 0;
    m_jobs.openPlayground = [&](const std::string&, const std::string&, const std::filesystem::path&, const Sink&,
                                std::stop_token) {
        ++opened;
        return echo();
    };
    const auto runner = make();
    QSignalSpy finished(runner.get(), &ui::Backend::playgroundFinished);
    ui::PlaygroundRequest request;
    request.prompt = QStringLiteral("hi");
    for (int i = 1; i <= 2; ++i) {
        runner->prompt(request);
        QTRY_COMPARE(finished.size(), i);
    }
    QCOMPARE(opened, 1);
    request.precision = QStringLiteral("fp32");
    runner->prompt(request);
    QTRY_COMPARE(finished.size(), 3);
    QCOMPARE(opened, 2);
}

void TestRunner::playgroundAnswersInTwoColumns() {
    m_jobs.openPlayground = [](const std::string&, const std::string&, const std::filesystem::path& adapter, const Sink&,
                               std::stop_token) { return adapter == "a" ? echo() : app::Generate(); };
    const auto runner = make();
    QSignalSpy finished(runner.get(), &ui::Backend::playgroundFinished);
    QString texts[2];
    connect(runner.get(), &ui::Backend::playgroundToken, this,
            [&](quint64, int column, const QString& text) { texts[column] += text; });
    ui::PlaygroundRequest request;
    request.prompt = QStringLiteral("hi");
    request.adapter = QStringLiteral("a");
    const quint64 token = runner->prompt(request);
    QTRY_COMPARE(finished.size(), 2);
    QCOMPARE(finished[0], (QList<QVariant>{token, 0, QStringLiteral("base hi"), QStringLiteral("7 tokens, 51.0 tokens/s")}));
    QCOMPARE(finished[1][2].toString(), QStringLiteral("tuned hi"));
    QCOMPARE(texts[0], QStringLiteral("base hi"));
    QCOMPARE(texts[1], QStringLiteral("tuned hi"));
}

void TestRunner::playgroundStops() {
    QSemaphore began;
    m_jobs.openPlayground = [&](const std::string&, const std::string&, const std::filesystem::path&, const Sink&,
                                std::stop_token) {
        return [&](const std::string&, const GenerateOptions&, bool, int, const Sink&, std::stop_token stop) {
            began.release();
            untilStopped(stop);
            Generated made;
            made.text = "half";
            made.stopped = true;
            return made;
        };
    };
    const auto runner = make();
    QSignalSpy finished(runner.get(), &ui::Backend::playgroundFinished);
    runner->prompt({});
    began.acquire();
    runner->stopPrompt();
    QTRY_COMPARE(finished.size(), 1);
    QCOMPARE(finished[0][2].toString(), QStringLiteral("half"));
}

void TestRunner::newPromptDropsTheOlder() {
    QSemaphore began;
    m_jobs.openPlayground = [&](const std::string&, const std::string&, const std::filesystem::path&, const Sink&,
                                std::stop_token) {
        return [&](const std::string& prompt, const GenerateOptions& options, bool adapter, int column, const Sink& sink,
                   std::stop_token stop) {
            if (prompt == "old") {
                began.release();
                untilStopped(stop);
            }
            return echo()(prompt, options, adapter, column, sink, stop);
        };
    };
    const auto runner = make();
    QSignalSpy finished(runner.get(), &ui::Backend::playgroundFinished), tokens(runner.get(), &ui::Backend::playgroundToken);
    ui::PlaygroundRequest request;
    request.prompt = QStringLiteral("old");
    runner->prompt(request);
    began.acquire();
    request.prompt = QStringLiteral("new");
    const quint64 newest = runner->prompt(request);
    QTRY_COMPARE(finished.size(), 1);
    QCOMPARE(finished[0][2].toString(), QStringLiteral("base new"));
    for (const QList<QVariant>& token : tokens) QCOMPARE(token[0].toULongLong(), newest);
}

void TestRunner::playgroundProblem() {
    m_jobs.openPlayground = [](const std::string&, const std::string&, const std::filesystem::path&, const Sink&,
                               std::stop_token) -> app::Generate {
        throw Error(ErrorCode::BadInput, "No model.", "Choose one.");
    };
    const auto runner = make();
    QSignalSpy failed(runner.get(), &ui::Backend::playgroundFailed);
    const quint64 token = runner->prompt({});
    QTRY_COMPARE(failed.size(), 1);
    QCOMPARE(failed[0], (QList<QVariant>{token, QStringLiteral("No model."), QStringLiteral("Choose one.")}));
}

QTEST_GUILESS_MAIN(TestRunner)
#include "tst_runner.moc"
