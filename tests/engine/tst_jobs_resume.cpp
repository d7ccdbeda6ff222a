// links: engine engine_core test_support
// SPDX-License-Identifier: GPL-3.0-or-later
// Runs that end early: what is left of them, and how they go on.
#include "engine/jobs.h"
#include "tests/support/file_bytes.h"
#include "tests/support/job_records.h"
#include "tests/support/tiny_data.h"
#include "tests/support/tiny_model.h"

#include <QTemporaryDir>
#include <QTest>

using namespace engine;
using namespace testing_support;
namespace fs = std::filesystem;

class TestJobsResume : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void initTestCase();
    void init() { m_case = std::make_unique<QTemporaryDir>(); }
    void stopAndResumeGiveTheSameAdapter_data();
    void stopAndResumeGiveTheSameAdapter();
    void stopBeforeTheFirstStep();
    void resumeIsRefused_data();
    void resumeIsRefused();
    void noWholeCheckpoint_data();
    void noWholeCheckpoint();
    void anOlderCheckpointIsUsed();
    void divergenceFailsTheRun();
    void aRowIsInTheFileBeforeItShows();

private:
    /// A run that was stopped after its first step.
    Stopped stoppedRun(Runs& runs) const;
    Experiment experiment() const { return tinyExperiment(m_model, m_csv); }
    std::string runsFile() const { return m_case->path().toStdString() + "/runs.db"; }

    QTemporaryDir m_dir;
    std::unique_ptr<QTemporaryDir> m_case;
    fs::path m_model, m_csv;
};

void TestJobsResume::initTestCase() {
    const fs::path root = m_dir.path().toStdString();
    m_model = writeTinyModel(root / "tiny");
    m_csv = writeTinyCsv(root / "rows.csv");
}

void TestJobsResume::stopAndResumeGiveTheSameAdapter_data() {
    QTest::addColumn<QString>("at"); // a step's number, or a stage
    QTest::newRow("first step") << QStringLiteral("1");
    QTest::newRow("mid-epoch") << QStringLiteral("8"); // told when its checkpoint is written
    QTest::newRow("at the test") << QStringLiteral("evaluate");
}

void TestJobsResume::stopAndResumeGiveTheSameAdapter() {
    QFETCH(QString, at);
    Runs runs(runsFile());
    Experiment e = experiment();
    e.lora.dropout = 0.1;
    const Outcome whole = train({e, {}}, runs, {}, {});
    QVERIFY(std::holds_alternative<Done>(whole));

    std::stop_source stop;
    Heard heard;
    heard.then = [&](const Event& event) {
        // Steps show only when they are in the store: the first at once, the others with a checkpoint or half a second later.
        if (const auto* step = std::get_if<StepEvent>(&event); step && step->step >= at.toInt() && at.toInt() > 0)
            stop.request_stop();
        if (const auto* progress = std::get_if<ProgressEvent>(&event); progress && wordOf(progress->stage) == at.toStdString())
            stop.request_stop();
    };
    const Outcome first = train({e, {}}, runs, heard.sink(), stop.get_token());
    QVERIFY(std::holds_alternative<Stopped>(first));
    const Stopped& stopped = std::get<Stopped>(first);
    QVERIFY(fs::exists(stopped.checkpoint / "state.json"));
    QCOMPARE(stopped.step, at == QStringLiteral("evaluate") ? 12 : at.toInt());
    QVERIFY(runs.detail(stopped.run).summary.state == RunState::Stopped);
    QCOMPARE(runs.detail(stopped.run).summary.step, stopped.step);

    Heard resumedHeard;
    const Experiment kept = parseExperiment(runs.detail(stopped.run).experimentYaml, "kept", {});
    const Outcome second = train({kept, stopped.run}, runs, resumedHeard.sink(), {});
    QVERIFY2(std::holds_alternative<Done>(second),
             std::holds_alternative<Failed>(second) ? std::get<Failed>(second).message.c_str() : "stopped");
    const Done &resumed = std::get<Done>(second), &plain = std::get<Done>(whole);
    QCOMPARE(resumed.run, stopped.run);
    const auto steps = resumedHeard.all<StepEvent>();
    if (!steps.empty()) QCOMPARE(steps.front().step, stopped.step + 1);
    QCOMPARE(bytesOf(resumed.adapter / "adapter_model.safetensors"), bytesOf(plain.adapter / "adapter_model.safetensors"));
    QCOMPARE(resumed.report.confusion, plain.report.confusion);
    const RunDetail a = runs.detail(resumed.run), b = runs.detail(plain.run);
    QVERIFY(a.summary.state == RunState::Done);
    for (const char* name : {"loss", "grad_norm", "lr", "eval_loss", "eval_accuracy"}) {
        const auto &left = *metric(a, name), &right = *metric(b, name);
        QCOMPARE(left.size(), right.size());
        for (std::size_t i = 0; i < left.size(); ++i) {
            QCOMPARE(left[i].step, right[i].step);
            QCOMPARE(left[i].value, right[i].value);
        }
    }
}

void TestJobsResume::stopBeforeTheFirstStep() {
    Runs runs(runsFile());
    std::stop_source stop;
    stop.request_stop();
    const Outcome outcome = train({experiment(), {}}, runs, {}, stop.get_token());
    QVERIFY(std::holds_alternative<Stopped>(outcome));
    QCOMPARE(std::get<Stopped>(outcome).run, 0);
    QVERIFY(runs.list().empty());
    const Outcome evaluation = evaluate({experiment(), {}, {}}, runs, {}, stop.get_token());
    QVERIFY(std::holds_alternative<Stopped>(evaluation));
    QVERIFY(runs.list().empty());
}

void TestJobsResume::resumeIsRefused_data() {
    QTest::addColumn<QString>("change");
    QTest::addColumn<QString>("said");
    QTest::newRow("another learning rate") << QStringLiteral("lr") << QStringLiteral("train.learning_rate");
    QTest::newRow("other data") << QStringLiteral("data") << QStringLiteral("other data");
    QTest::newRow("no such run") << QStringLiteral("run") << QStringLiteral("99");
    QTest::newRow("a baseline") << QStringLiteral("baseline") << QStringLiteral("no training");
    QTest::newRow("a finished run") << QStringLiteral("done") << QStringLiteral("finished");
}

void TestJobsResume::resumeIsRefused() {
    QFETCH(QString, change);
    QFETCH(QString, said);
    Runs runs(runsFile());
    Experiment e = experiment();
    const fs::path csv = fs::path(m_case->path().toStdString()) / "rows.csv";
    fs::copy_file(m_csv, csv);
    e.data.csv = csv.string();
    std::stop_source stop;
    Heard heard;
    heard.then = [&](const Event& event) {
        if (std::get_if<StepEvent>(&event) && change != QStringLiteral("done")) stop.request_stop();
    };
    RunId run = change == QStringLiteral("baseline") ? std::get<Done>(evaluate({e, {}, {}}, runs, {}, {})).run : 0;
    if (run == 0) {
        const Outcome first = train({e, {}}, runs, heard.sink(), stop.get_token());
        run = std::visit([](const auto& o) { return o.run; }, first);
    }
    const RunState before = runs.detail(run).summary.state;
    if (change == QStringLiteral("lr")) e.train.learning_rate = 1e-3;
    if (change == QStringLiteral("data")) std::ofstream(csv, std::ios::app) << "neutral,One more.\n";
    const Outcome outcome = train({e, change == QStringLiteral("run") ? 99 : run}, runs, {}, {});
    QVERIFY(std::holds_alternative<Failed>(outcome));
    QVERIFY2(std::get<Failed>(outcome).message.find(said.toStdString()) != std::string::npos,
             std::get<Failed>(outcome).message.c_str());
    QVERIFY(runs.detail(run).summary.state == before); // as it was
}

Stopped TestJobsResume::stoppedRun(Runs& runs) const {
    std::stop_source stop;
    Heard heard;
    heard.then = [&](const Event& event) {
        if (std::get_if<StepEvent>(&event)) stop.request_stop();
    };
    return std::get<Stopped>(train({experiment(), {}}, runs, heard.sink(), stop.get_token()));
}

void TestJobsResume::noWholeCheckpoint_data() {
    QTest::addColumn<QString>("file");
    QTest::addColumn<bool>("removed");
    for (const char* file : {"tensors.safetensors", "state.json", "manifest.json"}) {
        QTest::addRow("%s cut", file) << QString::fromLatin1(file) << false;
        QTest::addRow("%s removed", file) << QString::fromLatin1(file) << true;
    }
}

/// It is said and left as it is; no step is thrown away.
void TestJobsResume::noWholeCheckpoint() {
    QFETCH(QString, file);
    QFETCH(bool, removed);
    Runs runs(runsFile());
    const Stopped stopped = stoppedRun(runs);
    const fs::path victim = stopped.checkpoint / file.toStdString();
    if (removed)
        fs::remove(victim);
    else
        fs::resize_file(victim, fs::file_size(victim) / 2);
    const Outcome outcome = train({experiment(), stopped.run}, runs, {}, {});
    QVERIFY(std::holds_alternative<Failed>(outcome));
    const Failed& failed = std::get<Failed>(outcome);
    QCOMPARE(failed.code, ErrorCode::Io);
    QVERIFY2(failed.message.starts_with(victim.string()) && failed.message.ends_with(".") && !failed.message.ends_with(".."),
             failed.message.c_str());
    QVERIFY2(failed.hint.find("start a new run") != std::string::npos, failed.hint.c_str());
    QCOMPARE(std::distance(fs::directory_iterator(stopped.checkpoint), {}), removed ? std::ptrdiff_t{2} : std::ptrdiff_t{3});
    QVERIFY(runs.detail(stopped.run).summary.state == RunState::Stopped);
}

void TestJobsResume::anOlderCheckpointIsUsed() {
    Runs runs(runsFile());
    const Stopped stopped = stoppedRun(runs);
    fs::copy(stopped.checkpoint, stopped.checkpoint.parent_path() / "checkpoint-0");
    fs::remove(stopped.checkpoint / "state.json");
    Heard heard;
    QVERIFY(std::holds_alternative<Done>(train({experiment(), stopped.run}, runs, heard.sink(), {})));
    std::vector<std::string> told;
    for (const LogEvent& log : heard.all<LogEvent>())
        if (log.severity == Severity::Warning) told.push_back(log.message);
    const std::string expected = (stopped.checkpoint / "state.json").string() + " is not there. An older state is used instead.";
    QCOMPARE(std::count(told.begin(), told.end(), expected), std::ptrdiff_t{1});
    QVERIFY(std::ranges::none_of(told, [](const std::string& text) { return text.find("first step") != std::string::npos; }));
}

void TestJobsResume::divergenceFailsTheRun() {
    Runs runs(runsFile());
    Experiment e = experiment();
    e.train.learning_rate = 1e30;
    e.train.max_grad_norm = 0;
    e.train.warmup_ratio = 0;
    applySetting(e, "train.schedule=constant");
    const Outcome outcome = train({e, {}}, runs, {}, {});
    QVERIFY(std::holds_alternative<Failed>(outcome));
    const Failed& failed = std::get<Failed>(outcome);
    if (failed.run == 0) { // such a rate may be refused at once
        QVERIFY(failed.message.find("learning_rate") != std::string::npos);
        return;
    }
    QVERIFY2(failed.message.find("not a finite number") != std::string::npos, failed.message.c_str());
    const RunDetail detail = runs.detail(failed.run);
    QVERIFY(detail.summary.state == RunState::Failed);
    QVERIFY(detail.summary.exitReason.find("learning_rate") != std::string::npos);
    QVERIFY(!artifact(detail, "adapter"));
}

void TestJobsResume::aRowIsInTheFileBeforeItShows() {
    Runs runs(runsFile()), reader(runsFile());
    Heard heard;
    bool behind = false;
    heard.then = [&](const Event& event) {
        const auto* step = std::get_if<StepEvent>(&event);
        if (!step) return;
        const RunDetail detail = reader.detail(step->run);
        const auto* losses = metric(detail, "loss");
        if (!losses || losses->back().step < step->step) behind = true;
    };
    QVERIFY(std::holds_alternative<Done>(train({experiment(), {}}, runs, heard.sink(), {})));
    QVERIFY(!heard.all<StepEvent>().empty());
    QVERIFY(!behind);
}

QTEST_APPLESS_MAIN(TestJobsResume)
#include "tst_jobs_resume.moc"
