// links: app_core test_support
// SPDX-License-Identifier: GPL-3.0-or-later
// The runner over the real engine and a tiny model: what it records, reuses, stops and goes on with.
#include "app/runner.h"
#include "tests/support/tiny_data.h"
#include "tests/support/tiny_model.h"

#include <QSignalSpy>
#include <QTemporaryDir>
#include <QtTest>
#include <algorithm>

using namespace testing_support;
using namespace engine;

namespace {

constexpr int kLongMs = 300'000; // a bound for a hung run, not a measure

struct Scene {
    QTemporaryDir home;
    std::unique_ptr<Runs> runs = std::make_unique<Runs>(home.filePath(QStringLiteral("runs.db")).toStdString());
    std::unique_ptr<app::Runner> runner = std::make_unique<app::Runner>(*runs, app::engineJobs());
};

} // namespace

class TestRunnerEngine : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void initTestCase();
    void reusesItsBaseline();
    void stopsAndResumes();
    void closingWritesACheckpoint();
    void answersPrompts();
    void readsFiles();

private:
    Experiment experiment(double epochs) const {
        Experiment e = tinyExperiment(m_model, m_csv);
        e.train.epochs = epochs;
        return e;
    }
    QTemporaryDir m_folder;
    std::filesystem::path m_model, m_csv;
};

void TestRunnerEngine::initTestCase() {
    m_model = writeTinyModel(m_folder.filePath(QStringLiteral("model")).toStdString());
    m_csv = writeTinyCsv(m_folder.filePath(QStringLiteral("news.csv")).toStdString());
}

void TestRunnerEngine::reusesItsBaseline() {
    Scene scene;
    QSignalSpy started(scene.runner.get(), &ui::Backend::jobStarted), idle(scene.runner.get(), &ui::Backend::idle);
    QVERIFY(scene.runner->startTraining(experiment(1)));
    QTRY_VERIFY_WITH_TIMEOUT(!idle.isEmpty(), kLongMs);
    const auto first = idle[0][0].value<QList<RunId>>();
    QCOMPARE(first.size(), 2);
    QCOMPARE(started.size(), 2);
    for (const RunId run : first)
        QVERIFY2(scene.runs->detail(run).summary.state == RunState::Done, scene.runs->detail(run).summary.exitReason.c_str());

    Experiment other = experiment(1);
    other.lora.r = 2; // nothing that a baseline depends on
    QVERIFY(scene.runner->startTraining(other));
    QTRY_COMPARE_WITH_TIMEOUT(idle.size(), 2, kLongMs);
    const auto second = idle[1][0].value<QList<RunId>>();
    QCOMPARE(second.size(), 2);
    QCOMPARE(second[0], first[0]);
    QCOMPARE(started.size(), 3);

    other.prompt.text_template = "Is this good: {text}\nAnswer: {label}";
    QVERIFY(scene.runner->startTraining(other));
    QTRY_COMPARE_WITH_TIMEOUT(idle.size(), 3, kLongMs);
    QVERIFY(idle[2][0].value<QList<RunId>>().first() != first[0]);
}

void TestRunnerEngine::stopsAndResumes() {
    Scene scene;
    QSignalSpy idle(scene.runner.get(), &ui::Backend::idle);
    std::int64_t steps = 0;
    QObject::connect(scene.runner.get(), &ui::Backend::events, scene.runner.get(), [&](const QList<Event>& events) {
        for (const Event& event : events) steps += std::holds_alternative<StepEvent>(event);
    });
    QMetaObject::Connection once =
        QObject::connect(scene.runner.get(), &ui::Backend::jobStarted, scene.runner.get(), [&](RunId, RunKind kind) {
            if (kind != RunKind::Train) return;
            QObject::disconnect(once); // the resumed one goes through
            scene.runner->stop();
        });
    QVERIFY(scene.runner->startTraining(experiment(12)));
    QTRY_VERIFY_WITH_TIMEOUT(!idle.isEmpty(), kLongMs);
    const RunId run = idle[0][0].value<QList<RunId>>().last();
    QVERIFY(scene.runs->detail(run).summary.state == RunState::Stopped);
    QVERIFY(scene.runner->resume(run));
    QTRY_COMPARE_WITH_TIMEOUT(idle.size(), 2, kLongMs);
    const RunDetail detail = scene.runs->detail(run);
    QVERIFY2(detail.summary.state == RunState::Done, detail.summary.exitReason.c_str());
    QCOMPARE(detail.summary.step, detail.summary.steps);
    QCOMPARE(steps, detail.summary.steps); // none twice, none missing
}

void TestRunnerEngine::closingWritesACheckpoint() {
    Scene scene;
    RunId run = 0;
    QObject::connect(scene.runner.get(), &ui::Backend::jobStarted, scene.runner.get(), [&](RunId id, RunKind kind) {
        if (kind == RunKind::Train) run = id;
    });
    QVERIFY(scene.runner->startTraining(experiment(12)));
    QTRY_VERIFY_WITH_TIMEOUT(run > 0, kLongMs);
    scene.runner.reset();
    const RunDetail detail = scene.runs->detail(run);
    QVERIFY(detail.summary.state == RunState::Stopped);
    QVERIFY(std::any_of(detail.artifacts.begin(), detail.artifacts.end(),
                        [](const Artifact& a) { return a.kind == "checkpoint" && std::filesystem::exists(a.path); }));
}

void TestRunnerEngine::answersPrompts() {
    Scene scene;
    QSignalSpy answered(scene.runner.get(), &ui::Backend::playgroundFinished),
        refused(scene.runner.get(), &ui::Backend::playgroundFailed);
    QString streamed;
    QObject::connect(scene.runner.get(), &ui::Backend::playgroundToken, scene.runner.get(),
                     [&](quint64, int, const QString& text) { streamed += text; });
    ui::PlaygroundRequest request;
    request.model = QString::fromStdString(m_model.string());
    request.prompt = QStringLiteral("How is this news");
    request.options.maxNewTokens = 5;
    scene.runner->prompt(request);
    QTRY_VERIFY_WITH_TIMEOUT(!answered.isEmpty() || !refused.isEmpty(), kLongMs);
    QVERIFY(refused.isEmpty());
    QCOMPARE(streamed, answered[0][2].toString());
    request.model = QStringLiteral("/nowhere");
    scene.runner->prompt(request);
    QTRY_VERIFY_WITH_TIMEOUT(!refused.isEmpty(), kLongMs);
    QVERIFY(refused[0][1].toString().contains(QStringLiteral("/nowhere")));
}

void TestRunnerEngine::readsFiles() {
    Scene scene;
    QSignalSpy loaded(scene.runner.get(), &ui::Backend::tableLoaded), facts(scene.runner.get(), &ui::Backend::modelFactsReady);
    scene.runner->loadTable(QString::fromStdString(m_csv.string()), {});
    scene.runner->inspectModel(QString::fromStdString(m_model.string()), {});
    QTRY_VERIFY_WITH_TIMEOUT(!loaded.isEmpty() && !facts.isEmpty(), kLongMs);
    QCOMPARE(loaded[0][1].value<std::shared_ptr<const Table>>()->recordCount, std::int64_t(180));
    QVERIFY(facts[0][2].toLongLong() > 0);
}

QTEST_GUILESS_MAIN(TestRunnerEngine)
#include "tst_runner_engine.moc"
