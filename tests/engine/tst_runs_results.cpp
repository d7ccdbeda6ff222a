// links: engine_core SQLiteCpp sqlite3
// SPDX-License-Identifier: GPL-3.0-or-later
// The runs file: metrics, reports, predictions and measures that go in come out.
#include "engine/store/runs.h"
#include "tests/support/some_runs.h"

#include <QDir>
#include <QTemporaryDir>
#include <QTest>

#include <cmath>

using namespace engine;
using namespace testing_support;
namespace fs = std::filesystem;

class TestRunsResults : public QObject {
    Q_OBJECT

    QTemporaryDir m_folder;
    fs::path m_file;

private Q_SLOTS:
    void init();

    void metricsComeBack();
    void reportsComeBack();
    void reportsAreReplaced();
    void measuresComeBack();
    void measuresOfAnOlderVersion();
};

void TestRunsResults::init() {
    QDir(m_folder.path()).removeRecursively();
    QVERIFY(QDir().mkpath(m_folder.path()));
    m_file = fs::path(m_folder.path().toStdString()) / "Läufe 1.db";
}

void TestRunsResults::metricsComeBack() {
    Runs runs(m_file);
    const RunId id = runs.begin(newRun()), other = runs.begin(newRun());
    const double infinite = std::numeric_limits<double>::infinity();
    runs.addMetrics(
        id,
        {{"loss", {1, 2.5, 100.25}}, {"lr", {1, 2e-4, 100.25}}, {"loss", {2, std::nan(""), 101}}, {"loss", {3, infinite, 102}}});
    runs.addMetrics(id,
                    {{"loss", {4, 0.1 + 0.2, 103}}, {"eval_loss", {4, 0.5, 103}}, {"lr", {1, 3e-4, 104}}}); // lr of step 1 anew
    runs.addMetrics(id, {});
    runs.addMetrics(other, {{"loss", {1, 9, 1}}});
    const auto metrics = runs.detail(id).metrics;
    QCOMPARE(metrics.size(), std::size_t(3));
    QCOMPARE(metrics[0].first, std::string("eval_loss"));
    QCOMPARE(metrics[1].first, std::string("loss"));
    QCOMPARE(metrics[1].second.size(), std::size_t(4));
    QCOMPARE(metrics[1].second[0].wall, 100.25);
    QVERIFY(std::isnan(metrics[1].second[1].value));
    QCOMPARE(metrics[1].second[2].value, infinite);
    QVERIFY(metrics[1].second[3].value == 0.1 + 0.2);
    QCOMPARE(metrics[2].second.size(), std::size_t(1));
    QCOMPARE(metrics[2].second[0].value, 3e-4);
    QVERIFY(*runs.detail(id).summary.measured["last_loss"] == 0.1 + 0.2);
    QCOMPARE(*runs.detail(id).summary.measured["eval_loss"], 0.5);

    runs.truncateMetrics(id, 1);
    const auto left = runs.detail(id).metrics;
    QCOMPARE(left.size(), std::size_t(2));
    QCOMPARE(left[0].second.size(), std::size_t(1));
    QCOMPARE(*runs.detail(id).summary.measured["last_loss"], 2.5);
    QVERIFY(!runs.detail(id).summary.measured["eval_loss"]);
    QCOMPARE(*runs.detail(other).summary.measured["last_loss"], 9.0);
}

void TestRunsResults::reportsComeBack() {
    Runs runs(m_file);
    const RunId id = runs.begin(newRun());
    runs.setReport(id, someReport(), somePredictions());
    const Report report = *runs.detail(id).report;
    QCOMPARE(report.examples, std::int64_t(5));
    QVERIFY(report.confusion == someReport().confusion);
    QVERIFY(report.accuracy == 0.6);
    QCOMPARE(report.per_label.size(), std::size_t(2));
    QVERIFY(report.per_label[1].f1 == 2.0 / 3 && report.per_label[0].support == 3 && report.per_label[1].accuracy == 0.5);
    const auto given = somePredictions(), got = runs.predictions(id);
    QCOMPARE(got.size(), given.size());
    for (std::size_t i = 0; i < got.size(); ++i) {
        QCOMPARE(got[i].record, given[i].record);
        QCOMPARE(got[i].truth, given[i].truth);
        QVERIFY(got[i].guess == given[i].guess);
        QCOMPARE(got[i].rawText, given[i].rawText);
        QCOMPARE(got[i].probabilities.size(), given[i].probabilities.size());
        for (std::size_t j = 0; j < got[i].probabilities.size(); ++j)
            QVERIFY(got[i].probabilities[j] == given[i].probabilities[j] ||
                    (std::isnan(got[i].probabilities[j]) && std::isnan(given[i].probabilities[j])));
    }
    const RunSummary summary = runs.list().front();
    QVERIFY(summary.measured == measured(someReport()));
    QCOMPARE(summary.measured["accuracy"], std::optional(0.6));
    QVERIFY(runs.summary(id).measured == summary.measured && runs.detail(id).summary.measured == summary.measured);
}

void TestRunsResults::reportsAreReplaced() {
    Runs runs(m_file);
    const RunId id = runs.begin(newRun());
    runs.setReport(id, someReport(), somePredictions());
    runs.setReport(id, score({{"a", "b"}, {{1, 0, 0}, {4, 0, 0}}}), {somePredictions().front()});
    QCOMPARE(runs.detail(id).report->accuracy, 0.2);
    QCOMPARE(runs.list().front().measured["accuracy"], std::optional(0.2));
    QCOMPARE(runs.predictions(id).size(), std::size_t(1));
}

void TestRunsResults::measuresComeBack() {
    Runs runs(m_file);
    const RunId other = runs.begin(newRun()), id = runs.begin(newRun());
    Measured first, second;
    first.set("seconds_train", 2.5);
    first.set("test_loss", 0.25);
    second.set("seconds_train", 3.5);
    second.set("peak_rss_bytes", 1e9);
    second.set("macro_f1", 1.0 / 3);
    runs.setMeasured(id, first);
    runs.setMeasured(id, second);
    for (const RunSummary& run : {runs.list().front(), runs.summary(id), runs.detail(id).summary}) {
        QCOMPARE(run.measured["seconds_train"], std::optional(3.5));
        QCOMPARE(run.measured["test_loss"], std::optional(0.25)); // what is not known stays
        QCOMPARE(run.measured["peak_rss_bytes"], std::optional(1e9));
        QCOMPARE(run.measured["macro_f1"], std::optional(1.0 / 3));
        QVERIFY(!run.measured["accuracy"]);
    }
    QVERIFY(runs.list().back().id == other && runs.list().back().measured == Measured{});
}

void TestRunsResults::measuresOfAnOlderVersion() {
    Runs runs(m_file);
    const RunId id = runs.begin(newRun());
    runs.begin(newRun()); // not evaluated
    runs.setReport(id, someReport(), somePredictions());
    SQLite::Database(m_file.string(), SQLite::OPEN_READWRITE, 5000).exec("UPDATE runs SET macro_f1 = NULL");
    for (int time = 0; time < 2; ++time)
        for (const RunSummary& run : {runs.list().back(), runs.detail(id).summary})
            QCOMPARE(run.measured["macro_f1"], measured(someReport())["macro_f1"]);
    QVERIFY(!runs.list().front().measured["macro_f1"]);
}

QTEST_APPLESS_MAIN(TestRunsResults)
#include "tst_runs_results.moc"
