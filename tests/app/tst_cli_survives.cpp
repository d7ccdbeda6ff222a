// links: engine_core test_support
// SPDX-License-Identifier: GPL-3.0-or-later
// A training in phibench-cli outlives its terminal and whoever read its output.
#include "cli_process.h"
#include "engine/experiment.h"
#include "engine/store/runs.h"
#include "tests/support/tiny_data.h"
#include "tests/support/tiny_model.h"

#include <QTemporaryDir>
#include <QtTest>
#include <csignal>
#include <memory>

using namespace testing_support;

class TestCliSurvives : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void initTestCase();
    void stopsInOrderOn_data();
    void stopsInOrderOn();
    void stopsAnEvaluation();
    void closedTerminalsHangUpTwice();
    void goesOnUnderNohup();
    void goesOnWithoutItsReader();
    void stopsInOrderWithoutItsReader();
    void theWindowEndsInOrder();

private:
    QString path(const char* name) const { return m_home.filePath(QString::fromLatin1(name)); }
    engine::Runs store() const { return engine::Runs(path("phibench/runs.db").toStdString()); }
    QStringList training(int epochs) const {
        return {QStringLiteral("train"), m_experiment, QStringLiteral("--json"), QStringLiteral("--set"),
                QStringLiteral("train.epochs=%1").arg(epochs)};
    }
    /// Waits until the process told a step on its standard output.
    static bool steps(QProcess& process) {
        QByteArray out;
        while (!out.contains("\"event\":\"step\"") && process.waitForReadyRead(kCliTimeoutMs))
            out += process.readAllStandardOutput();
        return out.contains("\"event\":\"step\"");
    }
    /// The newest run was stopped in order: what it recorded reaches to its checkpoint.
    void checkStopped() const;

    QTemporaryDir m_home;
    QString m_experiment;
};

void TestCliSurvives::initTestCase() {
    m_experiment = path("tiny.yaml");
    const auto model = writeTinyModel(path("model").toStdString());
    const auto csv = writeTinyCsv(path("data.csv").toStdString());
    engine::saveExperiment(tinyExperiment(model, csv), m_experiment.toStdString());
}

void TestCliSurvives::checkStopped() const {
    const engine::Runs runs = store();
    const engine::RunDetail run = runs.detail(runs.list().front().id);
    QCOMPARE(QByteArray::fromStdString(wordOf(run.summary.state)), QByteArray("stopped"));
    std::filesystem::path checkpoint;
    for (const engine::Artifact& artifact : run.artifacts)
        if (artifact.kind == "checkpoint") checkpoint = artifact.path;
    QVERIFY(std::filesystem::exists(checkpoint / "state.json"));
    QVERIFY(run.summary.step > 0);
    QCOMPARE(checkpoint.filename().string(), "checkpoint-" + std::to_string(run.summary.step));
}

void TestCliSurvives::stopsInOrderOn_data() {
    QTest::addColumn<int>("signal");
    QTest::newRow("SIGINT") << SIGINT;
    QTest::newRow("SIGTERM") << SIGTERM;
    QTest::newRow("SIGHUP") << SIGHUP;
    QTest::newRow("SIGQUIT") << SIGQUIT;
}

void TestCliSurvives::stopsInOrderOn() {
    QFETCH(int, signal);
    QProcess process;
    prepareCli(process, m_home.path(), training(2000));
    process.start();
    QVERIFY(steps(process));
    QCOMPARE(::kill(pid_t(process.processId()), signal), 0);
    const CliResult stopped = finishCli(process);
    QCOMPARE(stopped.code, 130);
    QVERIFY2(stopped.err.contains("checkpoint"), stopped.err);
    checkStopped();
}

void TestCliSurvives::stopsAnEvaluation() {
    const auto csv = writeTinyCsv(path("many.csv").toStdString(), 2000);
    QProcess process;
    prepareCli(process, m_home.path(),
               {QStringLiteral("evaluate"), m_experiment, QStringLiteral("--set"),
                QStringLiteral("data.csv=") + QString::fromStdString(csv.string()), QStringLiteral("--set"),
                QStringLiteral("data.split.test_per_label=1900"), QStringLiteral("--set"),
                QStringLiteral("evaluate.method=generate"), QStringLiteral("--set"),
                QStringLiteral("evaluate.max_new_tokens=32")});
    process.setReadChannel(QProcess::StandardError);
    process.start();
    QByteArray err;
    while (!err.contains("baseline") && process.waitForReadyRead(kCliTimeoutMs)) err += process.readAllStandardError();
    QCOMPARE(::kill(pid_t(process.processId()), SIGINT), 0);
    const CliResult stopped = finishCli(process);
    QCOMPARE(stopped.code, 130);
    QVERIFY2(stopped.err.contains(" was stopped; an evaluation begins anew the next time."), stopped.err);
}

void TestCliSurvives::closedTerminalsHangUpTwice() {
    QProcess process;
    prepareCli(process, m_home.path(), training(2000));
    process.start();
    QVERIFY(steps(process));
    for (int i = 0; i < 3; ++i) {
        QCOMPARE(::kill(pid_t(process.processId()), SIGHUP), 0);
        QTest::qSleep(1); // else the signals become one
    }
    QCOMPARE(finishCli(process).code, 130);
    checkStopped();
}

void TestCliSurvives::goesOnUnderNohup() {
    QProcess process;
    prepareCli(process, m_home.path(), training(20));
    process.setChildProcessModifier([] { std::signal(SIGHUP, SIG_IGN); });
    process.start();
    QVERIFY(steps(process));
    QCOMPARE(::kill(pid_t(process.processId()), SIGHUP), 0);
    const CliResult done = finishCli(process);
    QVERIFY2(done.code == 0, done.err);
    QCOMPARE(done.last()[QLatin1String("event")].toString(), QStringLiteral("result"));
}

void TestCliSurvives::goesOnWithoutItsReader() {
    QProcess shell;
    prepareCli(shell, m_home.path(), {});
    const QString program = shell.program();
    shell.setProgram(QStringLiteral("bash"));
    shell.setArguments({QStringLiteral("-c"), QStringLiteral("\"$@\" | head -n 1 > /dev/null; exit ${PIPESTATUS[0]}"),
                        QStringLiteral("bash"), program});
    shell.setArguments(shell.arguments() + training(100));
    shell.start();
    const CliResult result = finishCli(shell);
    QCOMPARE(result.code, 1); // the run is whole, what was told of it is not
    const engine::Runs runs = store();
    const engine::RunDetail run = runs.detail(runs.list().front().id);
    QCOMPARE(QByteArray::fromStdString(wordOf(run.summary.state)), QByteArray("done"));
    QCOMPARE(run.summary.step, run.summary.steps);
    QVERIFY(run.report);
    QCOMPARE(result.err.count("The run goes on"), 1);
    QVERIFY2(result.err.contains("runs show " + QByteArray::number(qint64(run.summary.id))), result.err);
}

void TestCliSurvives::stopsInOrderWithoutItsReader() {
    int pipe[2];
    QCOMPARE(::pipe(pipe), 0);
    QProcess process;
    prepareCli(process, m_home.path(), training(2000));
    process.setChildProcessModifier([&pipe] {
        ::dup2(pipe[1], STDOUT_FILENO);
        ::close(pipe[0]);
        ::close(pipe[1]);
    });
    process.start();
    QVERIFY(process.waitForStarted());
    ::close(pipe[1]);
    char byte = 0;
    QCOMPARE(::read(pipe[0], &byte, 1), ssize_t(1)); // a step
    ::close(pipe[0]);
    QByteArray err;
    process.setReadChannel(QProcess::StandardError);
    while (!err.contains("The run goes on") && process.waitForReadyRead(kCliTimeoutMs)) err += process.readAllStandardError();
    QVERIFY(err.contains("The run goes on"));
    QCOMPARE(::kill(pid_t(process.processId()), SIGINT), 0);
    QCOMPARE(finishCli(process).code, 130);
    checkStopped();
}

void TestCliSurvives::theWindowEndsInOrder() {
    QProcess process;
    prepareCli(process, m_home.path(), {QStringLiteral("--db"), path("window.db")});
    process.setProgram(QStringLiteral(PHIBENCH_BINARY_DIR "/phibench"));
    process.start();
    QVERIFY(process.waitForStarted());
    QTRY_VERIFY_WITH_TIMEOUT(QFile::exists(path("window.db")), kCliTimeoutMs); // its signals are its own by then
    QCOMPARE(::kill(pid_t(process.processId()), SIGHUP), 0);
    QCOMPARE(finishCli(process).code, 130);
}

QTEST_GUILESS_MAIN(TestCliSurvives)
#include "tst_cli_survives.moc"
