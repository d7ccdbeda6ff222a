// SPDX-License-Identifier: GPL-3.0-or-later
// The runs table behind the page: filters in words and conditions, order, rows that stay where they are.
#include "engine/experiment.h"
#include "ui/runs/run_filter.h"
#include "ui/runs/runs_model.h"

#include <QAbstractItemModelTester>
#include <QSignalSpy>
#include <QtTest>

using namespace ui;
using namespace engine;

namespace {

RunSummary summary(RunId id, const char* name, const char* r = "16") {
    RunSummary run;
    run.id = id;
    run.name = name;
    run.state = RunState::Done;
    run.started = 1000;
    run.finished = 1125;
    run.measured.set("accuracy", 0.86);
    run.measured.set("macro_f1", 0.85);
    run.measured.set("last_loss", 0.3);
    run.tags = {"best", "for the article"};
    run.note = "Looks good";
    run.params = {{"lora.r", r},
                  {"lora.dropout", "0.05"},
                  {"train.learning_rate", "2e-4"},
                  {"train.batch_size", "8"},
                  {"evaluate.batch_size", "32"},
                  {"model.precision", "nf4"}};
    return run;
}

} // namespace

class TestRunsTable : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void filters_data();
    void filters();
    void filterProblems_data();
    void filterProblems();
    void missingNumbersMatchNoCondition();
    void everyFieldCanBeUsed();
    void modelIsSound();
    void modelKeepsRowsInPlace();
    void sortsByNumberAndPutsNothingLast();
    void tenThousandRuns();
};

void TestRunsTable::filters_data() {
    QTest::addColumn<QString>("filter");
    QTest::addColumn<bool>("matches"); // summary(12, "sweep rank", "16")
    const auto row = [](const char* filter, bool matches) { QTest::newRow(filter) << QString::fromUtf8(filter) << matches; };
    row("", true);
    row("   ", true);
    row("sweep", true);
    row("SWEEP", true);
    row("\"sweep rank\"", true);
    row("'rank sweep'", false);
    row("sweep rank", true); // both words
    row("sweep other", false);
    row("article", true); // a tag's part
    row("good", true);    // the note's
    row("done", true);    // the state
    row("training", true);
    row("12", true); // the number
    row("1", false);
    row("r >= 16", true);
    row("r > 16", false);
    row("r<17", true);
    row("r=16", true);
    row("r == 16.0", true);
    row("r != 16", false);
    row("lora.r <= 16", true);
    row("R >= 16", true);
    row("r >= 16 and macro_f1 > 0.8", true);
    row("r >= 16 && macro_f1 > 0.9", false);
    row("r > 16 or macro_f1 > 0.8", true);
    row("r > 16 || macro_f1 > 0.9", false);
    row("r > 16 or accuracy > 0.8 and r > 20", false); // and binds tighter
    row("(r > 16 or accuracy > 0.8) and r < 20", true);
    row("not r > 16", true);
    row("not (r = 16 and accuracy > 0.8)", false);
    row("not not r = 16", true);
    row("accuracy > 80%", true);
    row("accuracy > 86.5 %", false);
    row("f1 >= 0.85", true);
    row("lr = 0.0002", true);
    row("lr = 2e-4", true);
    row("learning_rate < 1e-3", true);
    row("dropout = 0.05", true);
    row("loss < 0.31", true);
    row("duration > 2min", true);
    row("duration > 125s", false);
    row("duration < 0.1h", true);
    row("batch_size = 8", true); // the training's
    row("evaluate.batch_size = 32", true);
    row("precision = nf4", true);
    row("precision != nf4", false);
    row("precision ~ nf", true);
    row("model.precision = NF4", true);
    row("state = done", true);
    row("state = failed", false);
    row("kind = train", true);
    row("tag = best", true);
    row("tag = bes", false);
    row("tag ~ bes", true);
    row("tags = 'for the article'", true);
    row("tag != best", false);
    row("name ~ \"p r\"", true);
    row("sweep r >= 16", true); // side by side: both
    row("r >= 16 sweep", true);
    row("\"r\"", true); // quoted: a word to look for
    row("id > 11", true);
}

void TestRunsTable::filters() {
    QFETCH(const QString, filter);
    QFETCH(const bool, matches);
    const RunFilter tried(filter);
    QCOMPARE(tried.problem(), QString());
    QCOMPARE(tried.matches(summary(12, "sweep rank")), matches);
}

void TestRunsTable::filterProblems_data() {
    QTest::addColumn<QString>("filter");
    QTest::addColumn<QString>("says");
    const auto row = [](const char* filter, const char* says) {
        QTest::newRow(filter) << QString::fromUtf8(filter) << QString::fromUtf8(says);
    };
    row("macrof1 > 0.8", "Runs have no “macrof1”. Did you mean macro_f1?");
    row("r >=", "“r >=” needs a value after it.");
    row("r >= and accuracy > 1", "is none");
    row("r >= (", "“r >=” needs a value");
    row(">= 16", "“>=” at 1 needs a name before it, such as accuracy.");
    row("r => 16", "“=>” at 3 compares nothing.");
    row("accuracy > good", "accuracy is a number, and “good” is none.");
    row("precision > nf4", "“>” compares numbers, and “nf4” is none.");
    row("(r = 16", "The bracket at 1 is not closed.");
    row("r = 16)", "The bracket at 7 closes nothing.");
    row(")", "The bracket at 1 closes nothing.");
    row("()", "The bracket at 2 closes nothing.");
    row("r = 16 and", "Something is missing at 11, after “and”.");
    row("or r = 16", "Something is missing at 1");
    row("not", "Something is missing");
    row("name = \"open", "The quotation mark at 8 has no partner.");
    row("r = 16; drop", "“;” at 7 means nothing here.");
    row("accuracy ~ 8", "accuracy is a number");
    QTest::newRow("deep") << QString(200, QLatin1Char('(')) << QStringLiteral("brackets inside one another");
    QTest::newRow("many nots") << QStringLiteral("not ").repeated(5000) << QStringLiteral("too many nots");
}

void TestRunsTable::filterProblems() {
    QFETCH(const QString, filter);
    QFETCH(const QString, says);
    const RunFilter tried(filter);
    QVERIFY2(tried.problem().contains(says), qPrintable(tried.problem()));
    QVERIFY(tried.matches(summary(1, "anything"))); // never hides everything because of a typo
}

void TestRunsTable::missingNumbersMatchNoCondition() {
    RunSummary run = summary(1, "a");
    run.measured.set("accuracy", {});
    run.params.clear();
    for (const char* filter : {"accuracy > 0", "accuracy <= 1", "accuracy != 0.5", "r >= 0", "r = 16"})
        QVERIFY2(!RunFilter(QString::fromLatin1(filter)).matches(run), filter);
    QVERIFY(RunFilter(QStringLiteral("not accuracy > 0")).matches(run));
}

void TestRunsTable::everyFieldCanBeUsed() {
    const QStringList fields = RunFilter::fields();
    for (const Field& field : experimentFields())
        if (field.key.find('.') != std::string::npos)
            QVERIFY2(fields.contains(QString::fromStdString(field.key)), field.key.c_str());
    for (const QString& field : fields)
        QVERIFY2(RunFilter(field + QStringLiteral(" = 1")).problem().isEmpty(), qPrintable(field));
}

void TestRunsTable::modelIsSound() {
    RunsModel model;
    RunsProxy proxy;
    proxy.setSourceModel(&model);
    const auto fatal = QAbstractItemModelTester::FailureReportingMode::QtTest;
    const QAbstractItemModelTester a(&model, fatal), b(&proxy, fatal);
    model.setRuns({summary(3, "c"), summary(2, "b"), summary(1, "a")});
    proxy.setFilter(RunFilter(QStringLiteral("not name ~ b")));
    QCOMPARE(proxy.rowCount(), 2);
    proxy.sort(RunsModel::Name);
    model.setRuns({summary(5, "b again"), summary(4, "d"), summary(3, "c2"), summary(1, "a")});
    QCOMPARE(proxy.rowCount(), 3);
    proxy.hide({3});
    QCOMPARE(proxy.rowCount(), 2);
    model.patch(4, [](RunSummary& run) { run.name = "now b"; });
    QCOMPARE(proxy.rowCount(), 1);
    proxy.unhide({3});
    model.setRuns({});
    QCOMPARE(proxy.rowCount(), 0);
}

void TestRunsTable::modelKeepsRowsInPlace() {
    RunsModel model;
    model.setRuns({summary(3, "c"), summary(2, "b"), summary(1, "a")});
    const QPersistentModelIndex kept = model.index(2, 0);
    QSignalSpy reset(&model, &QAbstractItemModel::modelReset), changed(&model, &QAbstractItemModel::dataChanged);
    model.setRuns({summary(4, "d"), summary(3, "c"), summary(1, "a")});
    QCOMPARE(reset.size(), 0);
    QCOMPARE(changed.size(), 0);
    QCOMPARE(kept.row(), 2);
    QCOMPARE(kept.data(RunsModel::kRunRole).toLongLong(), 1);
    RunSummary better = summary(1, "a");
    better.measured.set("accuracy", 0.9);
    model.setRuns({summary(4, "d"), summary(3, "c"), better});
    QCOMPARE(changed.size(), 1);
    QCOMPARE(changed[0][0].toModelIndex().row(), 2);
}

void TestRunsTable::sortsByNumberAndPutsNothingLast() {
    RunsModel model;
    RunsProxy proxy;
    proxy.setSourceModel(&model);
    RunSummary none = summary(4, "none");
    none.params.clear();
    none.measured.set("accuracy", {});
    model.setRuns({none, summary(3, "c", "8"), summary(2, "b", "128"), summary(1, "a", "16")});
    const auto ranks = [&] {
        QStringList texts;
        for (int row = 0; row < proxy.rowCount(); ++row) texts << proxy.index(row, RunsModel::Rank).data().toString();
        return texts.join(QLatin1Char(' '));
    };
    proxy.sort(RunsModel::Rank, Qt::AscendingOrder);
    QCOMPARE(ranks(), QStringLiteral("8 16 128 –"));
    proxy.sort(RunsModel::Rank, Qt::DescendingOrder);
    QCOMPARE(ranks(), QStringLiteral("128 16 8 –"));
}

void TestRunsTable::tenThousandRuns() {
    std::vector<RunSummary> runs;
    for (RunId id = 10'000; id > 0; --id) runs.push_back(summary(id, id % 2 ? "odd" : "even", id % 3 ? "16" : "8"));
    RunsModel model;
    RunsProxy proxy;
    proxy.setSourceModel(&model);
    QSignalSpy reset(&model, &QAbstractItemModel::modelReset), inserted(&model, &QAbstractItemModel::rowsInserted);
    model.setRuns(runs);
    QCOMPARE(reset.size(), 1);
    QCOMPARE(inserted.size(), 0); // not ten thousand signals
    proxy.setFilter(RunFilter(QStringLiteral("odd and r = 8")));
    QCOMPARE(proxy.rowCount(), 1667);
    runs.insert(runs.begin(), summary(10'001, "odd", "8"));
    model.setRuns(runs);
    QCOMPARE(reset.size(), 1);
    QCOMPARE(inserted.size(), 1);
    QCOMPARE(proxy.rowCount(), 1668);
}

QTEST_MAIN(TestRunsTable)
#include "tst_runs_table.moc"
