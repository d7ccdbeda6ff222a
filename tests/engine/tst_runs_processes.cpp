// links: engine_core SQLiteCpp sqlite3
// SPDX-License-Identifier: GPL-3.0-or-later
// One runs file and several processes, some of which die.
#include "engine/store/process.h"
#include "engine/store/schema.h"
#include "tests/support/child_process.h"
#include "tests/support/some_runs.h"

#include <QDir>
#include <QTemporaryDir>
#include <QTest>

using namespace engine;
using namespace testing_support;
namespace fs = std::filesystem;

class TestRunsProcesses : public QObject {
    Q_OBJECT

    QTemporaryDir m_folder;
    fs::path m_file;

private Q_SLOTS:
    void init();

    void twoWriters();
    void twoCreateAtOnce();
    void killedInATransaction();
    void killedAnyTime();
    void deadProcess();
    void liveProcess();
    void processes();
    void heldByAnother();
};

void TestRunsProcesses::init() {
    QDir(m_folder.path()).removeRecursively();
    QVERIFY(QDir().mkpath(m_folder.path()));
    m_file = fs::path(m_folder.path().toStdString()) / "Läufe 1.db";
}

void TestRunsProcesses::twoWriters() {
    constexpr int rounds = 60, perRound = 20;
    { Runs runs(m_file); }
    const auto hammer = [this](int pipe) {
        Runs runs(m_file);
        const RunId id = runs.begin(newRun("writer"));
        tell(pipe);
        for (int round = 0; round < rounds; ++round) {
            std::vector<Metric> metrics;
            for (int i = 0; i < perRound; ++i) metrics.push_back({"loss", {round * perRound + i, 1.0 * i, 0}});
            runs.addMetrics(id, metrics);
            runs.setSteps(id, round, rounds);
            if (round % 10 == 0) runs.list();
        }
        runs.finish(id, RunState::Done, "");
    };
    Child one(hammer), two(hammer);
    QVERIFY(one.told() && two.told()); // both are at it
    Runs runs(m_file);                 // and a reader
    for (int i = 0; i < 20; ++i) QCOMPARE(runs.list().size(), std::size_t(2));
    QCOMPARE(one.wait(), 0);
    QCOMPARE(two.wait(), 0);
    for (const RunSummary& run : runs.list()) {
        QVERIFY(run.state == RunState::Done);
        QCOMPARE(run.step, std::int64_t(rounds - 1));
        const auto points = runs.detail(run.id).metrics.at(0).second;
        QCOMPARE(points.size(), std::size_t(rounds * perRound));
        for (std::size_t i = 0; i < points.size(); ++i) QCOMPARE(points[i].step, static_cast<std::int64_t>(i));
    }
    QCOMPARE(integrity(m_file), std::string("ok"));
}

void TestRunsProcesses::twoCreateAtOnce() {
    for (int round = 0; round < 5; ++round) {
        const fs::path file = m_file.string() + std::to_string(round);
        const auto create = [&file](int) { Runs(file).begin(newRun()); };
        Child one(create), two(create), three(create);
        QCOMPARE(one.wait(), 0);
        QCOMPARE(two.wait(), 0);
        QCOMPARE(three.wait(), 0);
        QCOMPARE(Runs(file).list().size(), std::size_t(3));
        QCOMPARE(integrity(file), std::string("ok"));
    }
}

void TestRunsProcesses::killedInATransaction() {
    { Runs(m_file).begin(newRun("kept")); }
    Child writer([this](int pipe) {
        Runs runs(m_file);
        const RunId id = runs.begin(newRun("killed"));
        runs.addMetrics(id, {{"loss", {1, 1, 1}}});
        Connection connection(m_file);
        prepare(connection);
        connection.write([&](SQLite::Database& database) {
            database.exec("PRAGMA cache_size = 5"); // pages go to the file before the commit
            for (int i = 2; i < 20000; ++i)
                database.exec("INSERT INTO metrics VALUES(" + std::to_string(id) + ", 'loss', " + std::to_string(i) +
                              ", 1.0, 1.0)");
            database.exec("UPDATE runs SET name = 'half'");
            tell(pipe);
            ::pause();
        });
    });
    QVERIFY(writer.told());
    const auto sizeInside = fs::file_size(m_file);
    QVERIFY(fs::file_size(m_file.string() + "-journal") > 0); // a hot journal
    writer.kill();
    Runs runs(m_file);
    const auto list = runs.list();
    QCOMPARE(list.size(), std::size_t(2));
    QCOMPARE(list[0].name, std::string("killed"));
    QCOMPARE(list[1].name, std::string("kept"));
    QVERIFY(list[0].state == RunState::Interrupted);
    QVERIFY(list[1].state == RunState::Running); // this process's own
    QCOMPARE(runs.detail(list[0].id).metrics.at(0).second.size(), std::size_t(1));
    QCOMPARE(integrity(m_file), std::string("ok"));
    QVERIFY(fs::file_size(m_file) < sizeInside);
}

void TestRunsProcesses::killedAnyTime() {
    for (int round = 1; round <= 12; ++round) {
        Child writer([this](int pipe) {
            Runs runs(m_file);
            const RunId id = runs.begin(newRun());
            tell(pipe);
            for (int step = 1;; ++step) {
                runs.addMetrics(id, {{"loss", {step, 1, 1}}, {"lr", {step, 1, 1}}});
                tell(pipe);
            }
        });
        QVERIFY(writer.told(1 + round)); // killed somewhere in what follows its round-th step
        writer.kill();
        Runs runs(m_file);
        const RunSummary run = runs.list().front();
        QVERIFY(run.state == RunState::Interrupted);
        const auto metrics = runs.detail(run.id).metrics;
        QVERIFY(metrics.at(0).second.size() >= static_cast<std::size_t>(round)); // what was told is there
        QCOMPARE(metrics.at(0).second.size(), metrics.at(1).second.size());      // steps are whole
        QCOMPARE(integrity(m_file), std::string("ok"));
        runs.reopen(run.id); // and it can go on
        runs.finish(run.id, RunState::Stopped, "");
    }
    QCOMPARE(Runs(m_file).list().size(), std::size_t(12));
}

void TestRunsProcesses::deadProcess() {
    pid_t pid = 0;
    {
        Child writer([this](int) {
            Runs runs(m_file);
            runs.finish(runs.begin(newRun("done")), RunState::Done, "");
            runs.addMetrics(runs.begin(newRun("left")), {{"loss", {1, 1, 5e9}}});
        });
        pid = writer.pid();
        QCOMPARE(writer.wait(), 0);
    }
    Runs runs(m_file);
    const auto list = runs.list();
    QVERIFY(list[0].state == RunState::Interrupted && list[1].state == RunState::Done);
    QCOMPARE(list[0].exitReason, "The program (process " + std::to_string(pid) + ") ended before this run did.");
    QCOMPARE(list[0].finished, 5e9); // when it was last heard of
    QCOMPARE(runs.recoverInterrupted(), 0);
}

void TestRunsProcesses::liveProcess() {
    Child writer([this](int pipe) {
        Runs runs(m_file);
        runs.begin(newRun());
        tell(pipe);
        ::pause();
    });
    QVERIFY(writer.told());
    Runs runs(m_file);
    QVERIFY(runs.list().front().state == RunState::Running);
    const Problem problem = problemOf([&] { runs.reopen(1); });
    QVERIFY(problem.code == ErrorCode::Busy);
    QCOMPARE(problem.message, "Run 1 is still running in process " + std::to_string(writer.pid()) + ". Stop it there first.");
    QVERIFY(problemOf([&] { runs.remove(1); }).code == ErrorCode::BadInput);
    QCOMPARE(runs.recoverInterrupted(), 0);
    writer.kill();
    QCOMPARE(runs.recoverInterrupted(), 1);
    QVERIFY(runs.list().front().state == RunState::Interrupted);
}

void TestRunsProcesses::processes() {
    const ProcessId me = currentProcess();
    QCOMPARE(me.pid, static_cast<std::int64_t>(::getpid()));
    QVERIFY(!me.start.empty() && me.boot.size() > 36 && !me.host.empty());
    QVERIFY(me == currentProcess());
    QVERIFY(liveness(me) == Liveness::Alive);
    ProcessId other = me;
    other.start = "1"; // the number was given to a later process
    QVERIFY(liveness(other) == Liveness::Gone);
    other = me;
    other.boot = "before " + me.boot;
    QVERIFY(liveness(other) == Liveness::Gone);
    other.host = "elsewhere";
    QVERIFY(liveness(other) == Liveness::Unknown);
    other = me;
    other.boot += "x"; // another namespace of this boot
    QVERIFY(liveness(other) == Liveness::Unknown);
    other = me;
    other.pid = 0;
    QVERIFY(liveness(other) == Liveness::Gone);
    Child idle([](int pipe) { tell(pipe), ::pause(); });
    QVERIFY(idle.told());
    ProcessId child = me;
    child.pid = idle.pid();
    ::kill(idle.pid(), SIGKILL);
    siginfo_t info;
    QCOMPARE(::waitid(P_PID, static_cast<id_t>(idle.pid()), &info, WEXITED | WNOWAIT), 0); // dead, and not yet buried
    std::ifstream stat("/proc/" + std::to_string(child.pid) + "/stat");
    std::string word;
    for (int field = 1; field <= 22; ++field) stat >> word;
    child.start = word;
    QVERIFY(liveness(child) == Liveness::Gone);
}

void TestRunsProcesses::heldByAnother() {
    Runs runs(m_file);
    const RunId id = runs.begin(newRun());
    SQLite::Database holder(m_file.string(), SQLite::OPEN_READWRITE);
    holder.exec("BEGIN EXCLUSIVE");
    const Problem problem = problemOf([&] { runs.setNote(id, "x"); });
    QVERIFY(problem.code == ErrorCode::Busy);
    QCOMPARE(problem.message,
             m_file.string() + " is held by another process. Close the other program that uses it, then try again.");
    holder.exec("COMMIT");
    runs.setNote(id, "y");
    QCOMPARE(runs.list().front().note, std::string("y"));
}

QTEST_APPLESS_MAIN(TestRunsProcesses)
#include "tst_runs_processes.moc"
