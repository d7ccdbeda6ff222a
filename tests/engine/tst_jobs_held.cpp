// links: engine engine_core test_support
// SPDX-License-Identifier: GPL-3.0-or-later
// A training while somebody else holds the runs file: it goes on, and all of it is recorded afterwards.
#include "engine/jobs.h"
#include "tests/support/job_records.h"
#include "tests/support/tiny_data.h"
#include "tests/support/tiny_model.h"

#include <QTemporaryDir>
#include <QTest>
#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <thread>

using namespace engine;
using namespace testing_support;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

constexpr auto kPatience = 200ms; // in place of the 5 s that a person is asked to wait
constexpr std::int64_t kSteps = 60;

/// Another connection to a runs file that keeps others from it.
class Holder {
public:
    Holder(const fs::path& file, const std::string& begin) : m_database(file.string(), SQLite::OPEN_READWRITE, 5000) {
        m_database.exec(begin);
        if (begin == "BEGIN") m_database.execAndGet("SELECT count(*) FROM runs"); // a reader's lock comes with its first row
    }
    ~Holder() { m_database.exec("ROLLBACK"); }

private:
    SQLite::Database m_database;
};

std::int64_t newestStep(const fs::path& checkpoints) {
    std::int64_t newest = 0;
    std::error_code gone;
    for (const auto& entry : fs::directory_iterator(checkpoints, gone))
        if (const std::string name = entry.path().filename(); name.starts_with("checkpoint-"))
            newest = std::max<std::int64_t>(newest, std::atoll(name.c_str() + 11));
    return newest;
}

} // namespace

class TestJobsHeld : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void initTestCase();
    void init() { m_case = std::make_unique<QTemporaryDir>(); }
    void goesOnAcrossCheckpoints_data();
    void goesOnAcrossCheckpoints();
    void waitsAtItsEnd_data() { goesOnAcrossCheckpoints_data(); }
    void waitsAtItsEnd();
    void stopsWhileItWaits();
    void stopsWhileHeldAndGoesOnLater();

private:
    fs::path runsFile() const { return fs::path(m_case->path().toStdString()) / "runs.db"; }
    fs::path checkpoints() const { return runsFile().string() + "-files/run-1/checkpoints"; }
    Experiment experiment() const {
        Experiment e = tinyExperiment(m_model, m_csv);
        e.train.epochs = 10;
        e.train.checkpoint_every = 5;
        return e;
    }
    static void checkWhole(const Runs& runs, const Outcome& outcome, std::int64_t steps);

    QTemporaryDir m_dir;
    std::unique_ptr<QTemporaryDir> m_case;
    fs::path m_model, m_csv;
};

void TestJobsHeld::initTestCase() {
    const fs::path root = m_dir.path().toStdString();
    m_model = writeTinyModel(root / "tiny");
    m_csv = writeTinyCsv(root / "rows.csv");
}

void TestJobsHeld::checkWhole(const Runs& runs, const Outcome& outcome, std::int64_t steps) {
    QVERIFY2(std::holds_alternative<Done>(outcome),
             std::holds_alternative<Failed>(outcome) ? std::get<Failed>(outcome).message.c_str() : "stopped");
    const RunDetail run = runs.detail(std::get<Done>(outcome).run);
    QVERIFY(run.summary.state == RunState::Done);
    QCOMPARE(run.summary.step, steps);
    QVERIFY(run.report && fs::exists(adapterFolder(run)));
    const auto kept = artifact(run, "checkpoint");
    QVERIFY(kept && fs::exists(kept->path));
    for (const char* name : {"loss", "lr", "grad_norm", "examples_per_second", "tokens_per_second"}) {
        const auto& points = *metric(run, name);
        QCOMPARE(points.size(), std::size_t(steps));
        for (std::size_t i = 0; i < points.size(); ++i) QCOMPARE(points[i].step, std::int64_t(i) + 1);
    }
    QCOMPARE(metric(run, "eval_loss")->size(), std::size_t(10));
}

void TestJobsHeld::goesOnAcrossCheckpoints_data() {
    QTest::addColumn<QString>("begin");
    QTest::newRow("by a reader") << QStringLiteral("BEGIN");
    QTest::newRow("by a writer") << QStringLiteral("BEGIN IMMEDIATE");
    QTest::newRow("by a writer at work") << QStringLiteral("BEGIN EXCLUSIVE");
}

void TestJobsHeld::goesOnAcrossCheckpoints() {
    QFETCH(QString, begin);
    Runs runs(runsFile(), kPatience);
    std::optional<Holder> holder;
    bool held = false;
    std::jthread release;
    Heard heard;
    std::atomic<std::int64_t> reached = 0;
    heard.then = [&](const Event& event) {
        if (!std::holds_alternative<StepEvent>(event) || held) return;
        held = true;
        holder.emplace(runsFile(), begin.toStdString());
        // Free again once checkpoints were written meanwhile, and more than the patience has passed.
        release = std::jthread([&] {
            std::this_thread::sleep_for(3 * kPatience);
            for (int i = 0; i < 6000 && newestStep(checkpoints()) < 20; ++i) std::this_thread::sleep_for(10ms);
            reached = newestStep(checkpoints());
            holder.reset();
        });
    };
    const Outcome outcome = train({experiment(), {}}, runs, heard.sink(), {});
    release.join();
    QVERIFY2(reached >= 20, qPrintable(QString::number(reached)));
    QVERIFY(heard.warned("is held by another process: the run goes on"));
    checkWhole(runs, outcome, kSteps);
    QCOMPARE(heard.all<StepEvent>().size(), std::size_t(kSteps));
}

void TestJobsHeld::waitsAtItsEnd() {
    QFETCH(QString, begin);
    Runs runs(runsFile(), kPatience);
    std::optional<Holder> holder;
    std::jthread release;
    Heard heard;
    heard.then = [&](const Event& event) {
        const auto* log = std::get_if<LogEvent>(&event);
        if (std::holds_alternative<StepEvent>(event) && !release.joinable() && !holder)
            holder.emplace(runsFile(), begin.toStdString());
        if (log && log->message.starts_with("Waiting for "))
            release = std::jthread([&] {
                std::this_thread::sleep_for(3 * kPatience);
                holder.reset();
            });
    };
    const Outcome outcome = train({experiment(), {}}, runs, heard.sink(), {});
    QVERIFY(release.joinable());
    release.join();
    checkWhole(runs, outcome, kSteps);
}

void TestJobsHeld::stopsWhileItWaits() {
    std::stop_source stop;
    std::optional<Holder> holder;
    Heard heard;
    heard.then = [&](const Event& event) {
        const auto* log = std::get_if<LogEvent>(&event);
        if (std::holds_alternative<StepEvent>(event) && !holder) holder.emplace(runsFile(), "BEGIN EXCLUSIVE");
        if (log && log->message.starts_with("Waiting for ")) stop.request_stop();
    };
    {
        Runs runs(runsFile(), kPatience);
        const Outcome outcome = train({experiment(), {}}, runs, heard.sink(), stop.get_token());
        QVERIFY(std::holds_alternative<Stopped>(outcome));
        QCOMPARE(std::get<Stopped>(outcome).checkpoint.filename().string(), std::string("checkpoint-60"));
        QVERIFY(fs::exists(std::get<Stopped>(outcome).checkpoint / "state.json"));
    }
    holder.reset();
    Runs runs(runsFile());
    QVERIFY(std::holds_alternative<Done>(train({experiment(), {}}, runs, {}, {}))); // the file is as it was
}

void TestJobsHeld::stopsWhileHeldAndGoesOnLater() {
    std::stop_source stop;
    std::optional<Holder> holder;
    Heard heard;
    heard.then = [&](const Event& event) {
        const auto* log = std::get_if<LogEvent>(&event);
        if (std::holds_alternative<StepEvent>(event) && !holder) holder.emplace(runsFile(), "BEGIN EXCLUSIVE");
        if (log && log->message.find("is held by another process") != std::string::npos) stop.request_stop();
    };
    Runs runs(runsFile(), kPatience);
    Experiment e = experiment();
    e.train.epochs = 1000;
    const Outcome outcome = train({e, {}}, runs, heard.sink(), stop.get_token());
    QVERIFY(std::holds_alternative<Stopped>(outcome));
    QVERIFY(heard.warned("could not be recorded"));
    QVERIFY(fs::exists(std::get<Stopped>(outcome).checkpoint / "state.json"));
    const RunId run = std::get<Stopped>(outcome).run;
    holder.reset();
    QVERIFY(runs.detail(run).summary.state == RunState::Running); // as far as could be recorded
    QCOMPARE(runs.recoverInterrupted(), 0);
    QVERIFY(runs.detail(run).summary.state == RunState::Stopped);
    e.train.epochs = 1000;
    std::stop_source again;
    Heard resumed;
    resumed.then = [&](const Event& event) {
        if (std::holds_alternative<StepEvent>(event)) again.request_stop();
    };
    const Outcome second = train({e, run}, runs, resumed.sink(), again.get_token());
    QVERIFY(std::holds_alternative<Stopped>(second));
    QCOMPARE(resumed.all<StepEvent>().front().step, std::get<Stopped>(outcome).step + 1);
}

QTEST_APPLESS_MAIN(TestJobsHeld)
#include "tst_jobs_held.moc"
