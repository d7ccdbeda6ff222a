// links: engine engine_core test_support
// SPDX-License-Identifier: GPL-3.0-or-later
// phibench-cli train --compare: before and after by one command, as app/run asks for them.
#include "cli_process.h"
#include "engine/experiment.h"
#include "engine/store/runs.h"
#include "tests/support/tiny_data.h"
#include "tests/support/tiny_model.h"

#include <QTemporaryDir>
#include <QtTest>

using namespace testing_support;

class TestCliCompare : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void initTestCase();
    void recordsAndTellsBoth();
    void takesTheBaselineThatIsThere();
    void badUsage();

private:
    CliResult run(const QStringList& arguments) const { return runCli(m_home.path(), arguments); }

    QTemporaryDir m_home;
    QString m_experiment;
};

void TestCliCompare::initTestCase() {
    const QString model = m_home.filePath(QStringLiteral("model")), csv = m_home.filePath(QStringLiteral("data.csv"));
    m_experiment = m_home.filePath(QStringLiteral("tiny.yaml"));
    writeTinyModel(model.toStdString());
    writeTinyCsv(csv.toStdString());
    engine::saveExperiment(tinyExperiment(model.toStdString(), csv.toStdString()), m_experiment.toStdString());
}

void TestCliCompare::recordsAndTellsBoth() {
    const CliResult both = run({QStringLiteral("train"), m_experiment, QStringLiteral("--compare"), QStringLiteral("--json")});
    QVERIFY2(both.code == 0, both.err);
    QCOMPARE(both.out.count("\"event\":\"result\""), 1);
    const QJsonObject result = both.last();
    QCOMPARE(result[QLatin1String("baseline")].toInt(), 1);
    QCOMPARE(result[QLatin1String("run")].toInt(), 2);
    QVERIFY(result[QLatin1String("adapter")].isString());
    const QJsonObject comparison = result[QLatin1String("comparison")].toObject();
    const QJsonArray runs = comparison[QLatin1String("runs")].toArray();
    QCOMPARE(runs.size(), 2);
    QCOMPARE(runs[0].toObject()[QLatin1String("kind")].toString(), QStringLiteral("baseline"));
    QCOMPARE(runs[1].toObject()[QLatin1String("accuracy")], result[QLatin1String("accuracy")]);
    QVERIFY(runs[0].toObject()[QLatin1String("eval_loss")].isNull() && runs[0].toObject()[QLatin1String("test_loss")].isDouble());
    QVERIFY(comparison[QLatin1String("verdict")].isObject());
    // The same by the command that compares.
    const QJsonObject again = run({QStringLiteral("runs"), QStringLiteral("compare"), QStringLiteral("1"), QStringLiteral("2"),
                                   QStringLiteral("--json")})
                                  .last();
    for (const char* key : {"runs", "differences", "verdict"})
        QCOMPARE(comparison[QLatin1String(key)], again[QLatin1String(key)]);
}

void TestCliCompare::takesTheBaselineThatIsThere() {
    const CliResult second = run({QStringLiteral("train"), m_experiment, QStringLiteral("--compare"), QStringLiteral("--set"),
                                  QStringLiteral("lora.r=2")});
    QVERIFY2(second.code == 0, second.err);
    QCOMPARE(second.out.count("truth \\ guess"), 2);
    for (const char* piece : {"run 1", "run 3", "rows fixed", "settings that differ", "adapter: "})
        QVERIFY2(second.out.contains(piece), second.out);
    QCOMPARE(engine::Runs(m_home.filePath(QStringLiteral("phibench/runs.db")).toStdString()).list().size(), std::size_t(3));
}

void TestCliCompare::badUsage() {
    const CliResult resume = run(
        {QStringLiteral("train"), m_experiment, QStringLiteral("--compare"), QStringLiteral("--resume"), QStringLiteral("2")});
    QVERIFY2(resume.code == 2 && resume.err.contains("--resume"), resume.err);
    const CliResult nothing =
        run({QStringLiteral("train"), m_experiment, QStringLiteral("--compare"), QStringLiteral("--set"),
             QStringLiteral("data.csv=/nowhere.csv"), QStringLiteral("--db"), m_home.filePath(QStringLiteral("other.db"))});
    QVERIFY2(nothing.code == 2 && nothing.err.contains("/nowhere.csv"), nothing.err);
}

QTEST_GUILESS_MAIN(TestCliCompare)
#include "tst_cli_compare.moc"
