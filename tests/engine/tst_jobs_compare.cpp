// links: engine engine_core test_support
// SPDX-License-Identifier: GPL-3.0-or-later
// Before and after in one job: the same runs as two jobs make, with the data read and the weights loaded once.
#include "engine/jobs.h"
#include "tests/support/job_records.h"
#include "tests/support/tiny_data.h"
#include "tests/support/tiny_model.h"

#include <QTemporaryDir>
#include <QTest>

using namespace engine;
using namespace testing_support;
namespace fs = std::filesystem;

namespace {

struct Told {
    std::vector<std::string> stages; // "baseline begins", "baseline done", …
    std::string now;
    Stages listeners() {
        return {[this](RunKind kind) { stages.push_back((now = wordOf(kind)) + " begins"); },
                [this](const Outcome& outcome) {
                    stages.push_back(now + (std::holds_alternative<Done>(outcome)      ? " done"
                                            : std::holds_alternative<Stopped>(outcome) ? " stopped"
                                                                                       : " failed"));
                }};
    }
};

int timesOf(const Heard& heard, Stage stage) {
    int times = 0;
    std::optional<Stage> before;
    for (const ProgressEvent& progress : heard.all<ProgressEvent>()) {
        times += progress.stage == stage && before != stage;
        before = progress.stage;
    }
    return times;
}

} // namespace

class TestJobsCompare : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void initTestCase();
    void init() { m_case = std::make_unique<QTemporaryDir>(); }
    void asTwoJobsButReadAndLoadedOnce_data();
    void asTwoJobsButReadAndLoadedOnce();
    void aBaselineThatIsThereIsTaken();
    void stoppedInTheBaseline();
    void stoppedInTheTrainingAndResumed();
    void badInputBeginsNothing();

private:
    Experiment experiment() const { return tinyExperiment(m_model, m_csv); }
    std::string runsFile() const { return m_case->path().toStdString() + "/runs.db"; }

    QTemporaryDir m_dir;
    std::unique_ptr<QTemporaryDir> m_case;
    fs::path m_model, m_csv;
};

void TestJobsCompare::initTestCase() {
    const fs::path root = m_dir.path().toStdString();
    m_model = writeTinyModel(root / "tiny");
    m_csv = writeTinyCsv(root / "rows.csv");
}

void TestJobsCompare::asTwoJobsButReadAndLoadedOnce_data() {
    QTest::addColumn<QString>("precision");
    for (const char* precision : {"fp32", "bf16", "nf4"}) QTest::newRow(precision) << QString::fromLatin1(precision);
}

void TestJobsCompare::asTwoJobsButReadAndLoadedOnce() {
    QFETCH(QString, precision);
    Runs runs(runsFile());
    Experiment e = experiment();
    e.model.precision = precision.toStdString();
    e.model.compute = "auto";
    if (precision != QLatin1String("fp32")) e.model.compute = "bf16";
    const Outcome base = evaluate({e, {}, {}}, runs, {}, {}), tuned = train({e, {}}, runs, {}, {});
    QVERIFY2(std::holds_alternative<Done>(base) && std::holds_alternative<Done>(tuned),
             std::holds_alternative<Failed>(base) ? std::get<Failed>(base).message.c_str() : "");

    Runs others(m_case->path().toStdString() + "/others.db");
    Heard heard;
    Told told;
    const Compared compared = trainAndCompare(e, others, heard.sink(), {}, told.listeners());
    QVERIFY(std::holds_alternative<Done>(compared.outcome));
    const Done& done = std::get<Done>(compared.outcome);
    QCOMPARE(compared.baseline, std::optional(RunId(1)));
    QCOMPARE(done.run, RunId(2));
    QCOMPARE(told.stages, (std::vector<std::string>{"baseline begins", "baseline done", "train begins", "train done"}));
    QCOMPARE(timesOf(heard, Stage::ReadData), 1);
    QCOMPARE(timesOf(heard, Stage::LoadModel), 1);

    // Each run is what it would be alone, and its events carry its number.
    for (const RunId id : {RunId(1), RunId(2)}) {
        const RunDetail alone = runs.detail(id), here = others.detail(id);
        QVERIFY(here.summary.state == RunState::Done && here.summary.kind == alone.summary.kind);
        QCOMPARE(here.summary.params, alone.summary.params);
        QCOMPARE(here.experimentYaml, alone.experimentYaml);
        QCOMPARE(here.datasetSha256, alone.datasetSha256);
        QCOMPARE(here.modelSha256, alone.modelSha256);
        QCOMPARE(here.report->confusion, alone.report->confusion);
        for (const char* key : {"accuracy", "eval_loss", "test_loss", "last_loss"})
            QCOMPARE(here.summary.measured[key], alone.summary.measured[key]);
        const auto given = runs.predictions(id), got = others.predictions(id);
        QCOMPARE(got.size(), given.size());
        for (std::size_t i = 0; i < got.size(); ++i) QCOMPARE(got[i].probabilities, given[i].probabilities);
    }
    for (const MatrixEvent& matrix : heard.all<MatrixEvent>()) QVERIFY(matrix.run == 1 || matrix.run == 2);
    for (const StepEvent& step : heard.all<StepEvent>()) QCOMPARE(step.run, RunId(2));
    QVERIFY(done.measured["seconds_load"] >= 0.0 && others.summary(1).measured["seconds_load"] > 0.0);
}

void TestJobsCompare::aBaselineThatIsThereIsTaken() {
    Runs runs(runsFile());
    Experiment e = experiment();
    e.train.epochs = 1;
    QVERIFY(std::holds_alternative<Done>(evaluate({e, {}, {}}, runs, {}, {})));
    e.lora.r = 8; // a baseline does not depend on it
    Heard heard;
    Told told;
    const Compared compared = trainAndCompare(e, runs, heard.sink(), {}, told.listeners());
    QCOMPARE(compared.baseline, std::optional(RunId(1)));
    QCOMPARE(std::get<Done>(compared.outcome).run, RunId(2));
    QCOMPARE(told.stages, (std::vector<std::string>{"train begins", "train done"}));
    QCOMPARE(timesOf(heard, Stage::Baseline), 0);
    e.data.split.seed = 7; // on it, it does
    QCOMPARE(trainAndCompare(e, runs, {}, {}, {}).baseline, std::optional(RunId(3)));
}

void TestJobsCompare::stoppedInTheBaseline() {
    Runs runs(runsFile());
    std::stop_source stop;
    Heard heard;
    heard.then = [&](const Event& event) {
        if (std::holds_alternative<MatrixEvent>(event)) stop.request_stop();
    };
    Experiment e = experiment();
    e.evaluate.batch_size = 1;
    Told told;
    const Compared compared = trainAndCompare(e, runs, heard.sink(), stop.get_token(), told.listeners());
    QVERIFY(!std::holds_alternative<Failed>(compared.outcome));
    QVERIFY(std::holds_alternative<Stopped>(compared.outcome));
    QVERIFY(told.stages.front() == "baseline begins" && told.stages.back().ends_with(" stopped"));
    for (const RunSummary& run : runs.list()) QVERIFY(run.kind == RunKind::Baseline); // no training began
}

void TestJobsCompare::stoppedInTheTrainingAndResumed() {
    Runs runs(runsFile());
    const Outcome whole = train({experiment(), {}}, runs, {}, {});
    std::stop_source stop;
    Heard heard;
    heard.then = [&](const Event& event) {
        if (std::holds_alternative<StepEvent>(event)) stop.request_stop();
    };
    const Compared compared = trainAndCompare(experiment(), runs, heard.sink(), stop.get_token(), {});
    QVERIFY(std::holds_alternative<Stopped>(compared.outcome));
    const Stopped& stopped = std::get<Stopped>(compared.outcome);
    QVERIFY(compared.baseline && *compared.baseline != stopped.run);
    QVERIFY(fs::exists(stopped.checkpoint / "state.json"));
    const Outcome resumed = train({experiment(), stopped.run}, runs, {}, {});
    QVERIFY(std::holds_alternative<Done>(resumed));
    QCOMPARE(std::get<Done>(resumed).report.confusion, std::get<Done>(whole).report.confusion);
    QCOMPARE(std::get<Done>(resumed).measured["test_loss"], std::get<Done>(whole).measured["test_loss"]);
}

void TestJobsCompare::badInputBeginsNothing() {
    Runs runs(runsFile());
    for (const char* setting : {"data.csv=/nowhere/rows.csv", "lora.targets=[q_porj]"}) { // before the baseline, too
        Experiment e = experiment();
        applySetting(e, setting);
        Told told;
        const Compared compared = trainAndCompare(e, runs, {}, {}, told.listeners());
        QVERIFY(!compared.baseline && std::holds_alternative<Failed>(compared.outcome));
        QCOMPARE(std::get<Failed>(compared.outcome).run, RunId(0));
        QCOMPARE(told.stages, std::vector<std::string>{" failed"});
        QVERIFY(runs.list().empty());
    }
}

QTEST_APPLESS_MAIN(TestJobsCompare)
#include "tst_jobs_compare.moc"
