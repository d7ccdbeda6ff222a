// SPDX-License-Identifier: GPL-3.0-or-later
// Results: the sentence, the figures, the rows behind every cell, for one run, a pair and more.
#include "tests/support/fake_backend.h"
#include "ui/compare/compare_page.h"
#include "ui/compare/label_model.h"
#include "ui/compare/metric_model.h"
#include "ui/plots/loss_plot.h"
#include "ui/plots/matrix_plot.h"
#include "ui/theme/theme.h"

#include <QAbstractItemModelTester>
#include <QApplication>
#include <QFile>
#include <QLabel>
#include <QMenu>
#include <QPushButton>
#include <QSignalSpy>
#include <QTabWidget>
#include <QTableView>
#include <QToolButton>
#include <QtTest>

using namespace ui;
using namespace engine;
using testing_support::FakeBackend;

namespace {

QString spaced(const char* text) {
    return QString::fromUtf8(text).replace(QLatin1Char('_'), QChar(0xa0)).replace(QLatin1Char('~'), QChar(0x2212));
}

QString verdictOf(const ComparePage& page) {
    QString text = page.findChild<QLabel*>(QStringLiteral("verdict"))->text();
    return text.remove(QRegularExpression(QStringLiteral("<[^>]*>")));
}

QString cell(const QAbstractItemModel* model, int row, int column) {
    return model->index(row, column).data().toString();
}

QString rowNamed(const QAbstractItemModel* model, const QString& title) {
    QStringList cells;
    for (int row = 0; row < model->rowCount(); ++row)
        if (cell(model, row, 0) == title)
            for (int column = 1; column < model->columnCount(); ++column) cells << cell(model, row, column);
    return cells.join(QLatin1Char('|'));
}

Prediction says(std::int64_t record, int truth, std::optional<int> guess) {
    Prediction p;
    p.record = record;
    p.truth = truth;
    p.guess = guess;
    return p;
}

RunId addRun(FakeBackend& backend, RunKind kind, const std::string& yaml, const std::string& data,
             const std::vector<std::string>& labels, const std::vector<Prediction>& predictions) {
    NewRun run;
    run.name = "run";
    run.kind = kind;
    run.experimentYaml = yaml;
    run.params = {{"lora.r", "8"}, {"gone.key", data}};
    run.datasetSha256 = data;
    const RunId id = backend.runs().begin(run);
    backend.runs().setReport(id, score(predictions, labels), predictions);
    backend.runs().finish(id, RunState::Done, {});
    return id;
}

} // namespace

class TestCompare : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void initTestCase() { Theme::instance().apply(*qApp, Mode::Light); }

    void emptyOffersTraining();
    void pairInWords();
    void figuresOfAPair();
    void settingsThatDiffer();
    void rowsByFate();
    void rowsOfACell();
    void rowsOfTheDifference();
    void textsOfTheRows();
    void textsOfAnotherFileAreNotShown();
    void otherLabels();
    void otherData();
    void oneRunAlone();
    void threeRuns();
    void runWithoutResults();
    void chipsAddAndRemove();
    void deletedRunLeaves();
    void tryItAsksForTheTunedRun();
    void modelsAreSound();
};

void TestCompare::emptyOffersTraining() {
    FakeBackend backend;
    Document document(backend);
    ComparePage page(backend, document);
    page.show();
    QVERIFY(page.findChild<QLabel*>(QStringLiteral("emptyText"))->isVisible());
    QVERIFY(!page.findChild<QPushButton*>(QStringLiteral("primaryAction"))->isEnabled());
    QVERIFY(!page.findChild<QPushButton*>(QStringLiteral("primaryAction"))->toolTip().isEmpty());
    QSignalSpy train(&page, &ComparePage::trainRequested);
    QTest::mouseClick(page.findChild<QPushButton*>(QStringLiteral("emptyAction")), Qt::LeftButton);
    QCOMPARE(train.size(), 1);

    const RunId run = backend.addRun(RunKind::Train, QStringLiteral("first"), {}, testing_support::tunedMatrix(), 0.3, 20);
    Q_EMIT backend.runsChanged();
    QCOMPARE(page.shownRuns(), QList<RunId>{run});
    QVERIFY(!page.findChild<QLabel*>(QStringLiteral("emptyText"))->isVisible());
}

void TestCompare::pairInWords() {
    FakeBackend backend;
    Document document(backend);
    backend.addRun(RunKind::Baseline, QStringLiteral("a"), {}, testing_support::baselineMatrix(), 0, 0);
    backend.addRun(RunKind::Train, QStringLiteral("a"), {}, testing_support::tunedMatrix(), 0.3, 20);
    ComparePage page(backend, document);
    page.show();
    QCOMPARE(verdictOf(page), spaced("Accuracy 34.9_% → 86.9_%, +52.0 points"));
    const QString detail = page.findChild<QLabel*>(QStringLiteral("verdictDetail"))->text();
    QVERIFY2(detail.contains(QStringLiteral("490 rows fixed, 22 broken, 96 wrong in both")), qPrintable(detail));
    QVERIFY2(detail.contains(QStringLiteral("McNemar p < 0.001")), qPrintable(detail));
    QCOMPARE(page.findChildren<MatrixPlot*>().size(), 3);
    const auto* difference = page.findChild<MatrixPlot*>(QStringLiteral("difference"));
    QCOMPARE(difference->cells().cells[0][0].count, QStringLiteral("+259"));
    QCOMPARE(page.findChild<LossPlot*>()->curves().size(), std::size_t(1)); // the baseline has none
}

void TestCompare::figuresOfAPair() {
    FakeBackend backend;
    const RunId base = backend.addRun(RunKind::Baseline, QStringLiteral("a"), {}, testing_support::baselineMatrix(), 0, 0);
    const RunId tuned = backend.addRun(RunKind::Train, QStringLiteral("a"), {}, testing_support::tunedMatrix(), 0.3, 20);
    const Comparison comparison = compare(backend.runs(), {base, tuned});
    MetricModel overall(QStringLiteral("Overall"));
    overall.show(comparison.runs, overallRows(comparison));
    QCOMPARE(overall.columnCount(), 4);
    QCOMPARE(rowNamed(&overall, QStringLiteral("Accuracy")), spaced("34.9_%|86.9_%|+52.0"));
    QCOMPARE(rowNamed(&overall, QStringLiteral("Eval loss")), QStringLiteral("–|0.3765|"));
    QCOMPARE(rowNamed(&overall, QStringLiteral("Peak memory")), spaced("642_MB|642_MB|0_B"));
    QCOMPARE(rowNamed(&overall, QStringLiteral("Training time")), spaced("–|17_s|"));
    QCOMPARE(overall.headerData(2, Qt::Horizontal).toString(), QStringLiteral("Run %1").arg(tuned));
    QCOMPARE(overall.index(0, 3).data(Qt::ForegroundRole).value<QColor>(), Theme::instance().color(Token::Good));

    LabelModel labels;
    labels.show(comparison);
    QCOMPARE(labels.rowCount(), 3);
    QCOMPARE(cell(&labels, 0, LabelModel::Recall), QStringLiteral("7.3 → 93.7"));
    QVERIFY(std::abs(labels.index(0, LabelModel::Recall).data(LabelModel::kDifferenceRole).toDouble() - 259.0 / 300) < 1e-12);
    QVERIFY(labels.index(1, LabelModel::Recall).data(LabelModel::kDifferenceRole).toDouble() < 0);
}

void TestCompare::settingsThatDiffer() {
    FakeBackend backend;
    const auto pair = [](const char* key, const char* value) {
        return std::pair(QString::fromLatin1(key), QString::fromLatin1(value));
    };
    const RunId base = backend.addRun(RunKind::Baseline, QStringLiteral("a"), {}, testing_support::baselineMatrix(), 0, 0);
    const RunId one = backend.addRun(RunKind::Train, QStringLiteral("a"), {}, testing_support::tunedMatrix(), 0.3, 20);
    const RunId two =
        backend.addRun(RunKind::Train, QStringLiteral("b"), {pair("lora.r", "64"), pair("train.learning_rate", "1e-4")},
                       testing_support::tunedMatrix(), 0.3, 20);
    const auto settings = settingRows(compare(backend.runs(), {one, two}));
    QCOMPARE(settings.size(), std::size_t(2)); // the name is above, and no setting
    QCOMPARE(settings[0].key, QStringLiteral("lora.r"));
    QCOMPARE(settings[0].values, (QStringList{QStringLiteral("16"), QStringLiteral("64")}));

    const auto against = settingRows(compare(backend.runs(), {base, two}));
    QCOMPARE(against[0].values, (QStringList{QStringLiteral("Baseline"), QStringLiteral("Training")}));
    QCOMPARE(against[1].values[0], QStringLiteral("–")); // a baseline has no rank
}

void TestCompare::rowsByFate() {
    FakeBackend backend;
    const std::vector<std::string> labels{"a", "b"};
    const RunId one = addRun(backend, RunKind::Baseline, "", "d", labels,
                             {says(9, 0, 1), says(4, 0, 0), says(5, 1, std::nullopt), says(6, 1, 1), says(7, 1, 0)});
    const RunId two = addRun(backend, RunKind::Train, "", "d", labels,
                             {says(4, 0, 1), says(9, 0, 0), says(5, 1, 0), says(6, 1, 1), says(8, 1, 1)});
    const Comparison comparison = compare(backend.runs(), {one, two});
    QCOMPARE(comparison.rows.size(), std::size_t(4)); // 7 and 8 were tested by one run only
    QCOMPARE(comparison.rowsOf(RowFate::Fixed), 1);
    QCOMPARE(comparison.rowsOf(RowFate::Broken), 1);
    QCOMPARE(comparison.rowsOf(RowFate::BothWrong), 1);
    QCOMPARE(comparison.rowsOf(RowFate::BothRight), 1);
    QCOMPARE(comparison.rows[0].record, 9);
    QVERIFY(comparison.rows[0].fate == RowFate::Fixed);

    RowModel model;
    model.show(&comparison, {});
    RowFilter filter;
    filter.fate = RowFate::BothWrong;
    model.setFilter(filter);
    QCOMPARE(model.rowCount(), 1);
    QCOMPARE(cell(&model, 0, RowModel::Record), QStringLiteral("5"));
    QCOMPARE(cell(&model, 0, RowModel::FirstAnswer), QStringLiteral("no answer"));
    QCOMPARE(model.index(0, RowModel::FirstAnswer).data(Qt::AccessibleTextRole).toString(), QStringLiteral("no answer, wrong"));
}

void TestCompare::rowsOfACell() {
    FakeBackend backend;
    Document document(backend);
    const RunId base = backend.addRun(RunKind::Baseline, QStringLiteral("a"), {}, testing_support::baselineMatrix(), 0, 0);
    const RunId tuned = backend.addRun(RunKind::Train, QStringLiteral("a"), {}, testing_support::tunedMatrix(), 0.3, 20);
    ComparePage page(backend, document);
    page.resize(1112, 690);
    page.showRuns({base, tuned});
    page.show();
    auto* plot = page.findChild<MatrixPlot*>(QStringLiteral("matrix%1").arg(base));
    auto* model = page.findChild<RowModel*>();
    QCOMPARE(model->rowCount(), 900);
    QTest::mouseClick(plot, Qt::LeftButton, {}, plot->cellRect(0, 1).center().toPoint());
    QCOMPARE(model->rowCount(), 266);
    QVERIFY(page.findChild<QTableView*>(QStringLiteral("rows"))->isVisible());
    auto* clear = page.findChild<QPushButton*>(QStringLiteral("clearCell"));
    QCOMPARE(clear->text(), QStringLiteral("negative taken for neutral in run %1: 266").arg(base));
    QTest::mouseClick(page.findChild<QPushButton*>(QStringLiteral("rows_fixed")), Qt::LeftButton);
    QVERIFY(model->rowCount() < 266);
    for (int row = 0; row < model->rowCount(); ++row) QVERIFY(model->row(row).fate == RowFate::Fixed);
    QTest::mouseClick(clear, Qt::LeftButton);
    QCOMPARE(model->rowCount(), 490);
    QVERIFY(!clear->isVisible());
    QTest::mouseClick(page.findChild<QPushButton*>(QStringLiteral("rows_all")), Qt::LeftButton);
    auto* after = page.findChild<MatrixPlot*>(QStringLiteral("matrix%1").arg(tuned));
    QTest::mouseClick(after, Qt::LeftButton, {}, after->cellRect(1, 1).center().toPoint());
    QCOMPARE(model->rowCount(), 237);
    QTest::mouseClick(after, Qt::LeftButton, {}, after->cellRect(1, 1).center().toPoint()); // again: taken back
    QCOMPARE(model->rowCount(), 900);
    QTest::mouseClick(plot, Qt::LeftButton, {}, plot->cellRect(2, 3).center().toPoint()); // no answer
    QCOMPARE(model->rowCount(), 2);
}

void TestCompare::rowsOfTheDifference() {
    FakeBackend backend;
    Document document(backend);
    const std::vector<std::string> labels{"a", "b"};
    const RunId one = addRun(backend, RunKind::Baseline, "", "d", labels, {says(1, 0, 1), says(2, 0, 0), says(3, 0, 0)});
    const RunId two = addRun(backend, RunKind::Train, "", "d", labels, {says(1, 0, 0), says(2, 0, 1), says(3, 0, 0)});
    ComparePage page(backend, document);
    page.resize(1112, 690);
    page.showRuns({one, two});
    page.show();
    auto* plot = page.findChild<MatrixPlot*>(QStringLiteral("difference"));
    QTest::mouseClick(plot, Qt::LeftButton, {}, plot->cellRect(0, 1).center().toPoint());
    QCOMPARE(page.findChild<RowModel*>()->rowCount(), 2); // of either run
}

void TestCompare::textsOfTheRows() {
    QTemporaryDir folder;
    const QString path = folder.filePath(QStringLiteral("d.csv"));
    QFile file(path);
    QVERIFY(file.open(QIODevice::WriteOnly));
    file.write("label,text\na,first text here\nb,\"second\n text here\"\na,third text here\n");
    file.close();
    FakeBackend backend;
    Document document(backend);
    const std::string sha = openTable(path.toStdString()).sha256();
    Experiment experiment;
    experiment.data.csv = path.toStdString();
    const RunId run = addRun(backend, RunKind::Train, toYaml(experiment), sha, {"a", "b"}, {says(0, 0, 0), says(1, 1, 0)});
    ComparePage page(backend, document);
    page.resize(1112, 690);
    page.showRuns({run});
    page.show();
    page.findChild<QTabWidget*>()->setCurrentIndex(1);
    auto* model = page.findChild<RowModel*>();
    QCOMPARE(cell(model, 0, RowModel::Text), QString());
    auto* load = page.findChild<QPushButton*>(QStringLiteral("loadTexts"));
    QVERIFY(load->isVisible());
    QTest::mouseClick(load, Qt::LeftButton);
    QTRY_COMPARE(cell(model, 0, RowModel::Text), QStringLiteral("first text here"));
    QCOMPARE(cell(model, 1, RowModel::Text), QStringLiteral("second text here")); // in one line
    QVERIFY(!load->isVisible());
}

void TestCompare::textsOfAnotherFileAreNotShown() {
    QTemporaryDir folder;
    const QString path = folder.filePath(QStringLiteral("d.csv"));
    QFile file(path);
    QVERIFY(file.open(QIODevice::WriteOnly));
    file.write("label,text\na,first text here\nb,second text here\n");
    file.close();
    FakeBackend backend;
    Document document(backend);
    const RunId run = addRun(backend, RunKind::Train, "", std::string(64, 'e'), {"a", "b"}, {says(0, 0, 0), says(1, 1, 0)});
    ComparePage page(backend, document);
    page.showRuns({run});
    document.open(path);
    QTRY_VERIFY(document.table());
    QCOMPARE(cell(page.findChild<RowModel*>(), 0, RowModel::Text), QString());
}

void TestCompare::otherLabels() {
    FakeBackend backend;
    Document document(backend);
    const RunId one = addRun(backend, RunKind::Baseline, "", "d", {"a", "b"}, {says(1, 0, 0)});
    const RunId two = addRun(backend, RunKind::Train, "", "d", {"a", "c"}, {says(1, 0, 0)});
    ComparePage page(backend, document);
    page.showRuns({one, two});
    page.show();
    QVERIFY(
        page.findChild<MatrixPlot*>(QStringLiteral("difference"))->cells().problem.contains(QStringLiteral("different labels")));
    QVERIFY(page.findChild<QLabel*>(QStringLiteral("verdictDetail"))->text().contains(QStringLiteral("different labels")));
    QCOMPARE(page.findChild<LabelModel*>()->rowCount(), 0);
}

void TestCompare::otherData() {
    FakeBackend backend;
    const RunId one = addRun(backend, RunKind::Baseline, "", "d", {"a", "b"}, {says(1, 0, 0)});
    const RunId two = addRun(backend, RunKind::Train, "", "e", {"a", "b"}, {says(1, 0, 0)});
    const Comparison comparison = compare(backend.runs(), {one, two});
    QVERIFY(comparison.rows.empty());
    QVERIFY(noRowsText(comparison).contains(QStringLiteral("different data")));
    QCOMPARE(comparison.labels.size(), std::size_t(2)); // the figures can still be compared
}

void TestCompare::oneRunAlone() {
    FakeBackend backend;
    Document document(backend);
    const RunId run = backend.addRun(RunKind::Train, QStringLiteral("a"), {}, testing_support::tunedMatrix(), 0.3, 20);
    ComparePage page(backend, document);
    page.resize(1112, 690);
    page.showRuns({run});
    page.show();
    QCOMPARE(verdictOf(page), spaced("Accuracy 86.9_% on 900 rows"));
    QVERIFY(page.findChild<QLabel*>(QStringLiteral("verdictDetail"))->text().contains(spaced("84.5_% to 88.9_%"))); // Wilson
    QVERIFY(!page.findChild<MatrixPlot*>(QStringLiteral("difference")));
    page.findChild<QTabWidget*>()->setCurrentIndex(1);
    QVERIFY(!page.findChild<QPushButton*>(QStringLiteral("rows_fixed"))->isVisible());
    QTest::mouseClick(page.findChild<QPushButton*>(QStringLiteral("rows_bothWrong")), Qt::LeftButton);
    QCOMPARE(page.findChild<RowModel*>()->rowCount(), 118);
    QCOMPARE(cell(page.findChild<LabelModel*>(), 0, LabelModel::Recall), spaced("93.7_%"));
}

void TestCompare::threeRuns() {
    FakeBackend backend;
    Document document(backend);
    const RunId base = backend.addRun(RunKind::Baseline, QStringLiteral("a"), {}, testing_support::baselineMatrix(), 0, 0);
    const RunId one = backend.addRun(RunKind::Train, QStringLiteral("a"), {}, testing_support::tunedMatrix(), 0.3, 20);
    const RunId two = backend.addRun(RunKind::Train, QStringLiteral("b"), {},
                                     testing_support::matrix({{300, 0, 0, 0}, {10, 240, 50, 0}, {4, 32, 264, 0}}), 0.3, 20);
    ComparePage page(backend, document);
    page.resize(760, 690);
    page.showRuns({base, one, two, one});
    page.show();
    QCOMPARE(page.shownRuns(), (QList<RunId>{base, one, two})); // each once
    QCOMPARE(verdictOf(page), spaced("Best of 3 runs: 3 · b with accuracy 89.3_%"));
    QCOMPARE(page.findChildren<MatrixPlot*>().size(), 3);
    const auto* first = page.findChild<MatrixPlot*>(QStringLiteral("matrix%1").arg(base));
    const auto* last = page.findChild<MatrixPlot*>(QStringLiteral("matrix%1").arg(two));
    QVERIFY(last->mapTo(&page, QPoint()).y() > first->mapTo(&page, QPoint()).y()); // wrapped
    QCOMPARE(page.findChild<LossPlot*>()->curves().size(), std::size_t(2));
    const Comparison comparison = compare(backend.runs(), {base, one, two});
    MetricModel model(QStringLiteral("m"));
    model.show(comparison.runs, perLabelRows(comparison));
    QCOMPARE(model.columnCount(), 4); // no difference column
    QCOMPARE(model.rowCount(), 9);
    QVERIFY(model.index(1, 3).data(Qt::FontRole).value<QFont>().weight() > QFont::Normal); // best recall of negative
    QVERIFY(!model.index(1, 2).data(Qt::FontRole).isValid());
}

void TestCompare::runWithoutResults() {
    FakeBackend backend;
    Document document(backend);
    const RunId done = backend.addRun(RunKind::Train, QStringLiteral("a"), {}, testing_support::tunedMatrix(), 0.3, 20);
    NewRun run;
    run.name = "half";
    const RunId half = backend.runs().begin(run);
    ComparePage page(backend, document);
    page.showRuns({done, half});
    page.show();
    QCOMPARE(verdictOf(page), QStringLiteral("Run %1 · half has no results yet").arg(half));
    QVERIFY(!page.findChild<MatrixPlot*>(QStringLiteral("difference")));
}

void TestCompare::chipsAddAndRemove() {
    FakeBackend backend;
    Document document(backend);
    const RunId base = backend.addRun(RunKind::Baseline, QStringLiteral("a"), {}, testing_support::baselineMatrix(), 0, 0);
    const RunId tuned = backend.addRun(RunKind::Train, QStringLiteral("a & b"), {}, testing_support::tunedMatrix(), 0.3, 20);
    ComparePage page(backend, document);
    page.show();
    QCOMPARE(page.shownRuns(), (QList<RunId>{base, tuned}));
    QTest::mouseClick(page.findChild<QToolButton*>(QStringLiteral("removeRun%1").arg(tuned)), Qt::LeftButton);
    QCOMPARE(page.shownRuns(), QList<RunId>{base});
    auto* menu = page.findChild<QToolButton*>(QStringLiteral("addRun"))->menu();
    Q_EMIT menu->aboutToShow();
    QCOMPARE(menu->actions().size(), 1);
    QVERIFY(menu->actions()[0]->text().contains(QStringLiteral("a && b")));
    menu->actions()[0]->trigger();
    QCOMPARE(page.shownRuns(), (QList<RunId>{base, tuned}));
    Q_EMIT menu->aboutToShow();
    QVERIFY(!menu->actions()[0]->isEnabled()); // nothing left to add, and it says so
}

void TestCompare::deletedRunLeaves() {
    FakeBackend backend;
    Document document(backend);
    const RunId base = backend.addRun(RunKind::Baseline, QStringLiteral("a"), {}, testing_support::baselineMatrix(), 0, 0);
    const RunId tuned = backend.addRun(RunKind::Train, QStringLiteral("a"), {}, testing_support::tunedMatrix(), 0.3, 20);
    ComparePage page(backend, document);
    page.showRuns({base, tuned});
    page.show();
    backend.runs().remove(base);
    Q_EMIT backend.runsChanged();
    QCOMPARE(page.shownRuns(), QList<RunId>{tuned});
}

void TestCompare::tryItAsksForTheTunedRun() {
    FakeBackend backend;
    Document document(backend);
    const RunId tuned = backend.addRun(RunKind::Train, QStringLiteral("a"), {}, testing_support::tunedMatrix(), 0.3, 20);
    const RunId base = backend.addRun(RunKind::Baseline, QStringLiteral("a"), {}, testing_support::baselineMatrix(), 0, 0);
    ComparePage page(backend, document);
    page.showRuns({tuned, base});
    page.show();
    QSignalSpy asked(&page, &ComparePage::promptRequested);
    QTest::mouseClick(page.findChild<QPushButton*>(QStringLiteral("primaryAction")), Qt::LeftButton);
    QCOMPARE(asked.size(), 1);
    QCOMPARE(asked[0][0].value<RunId>(), tuned);
}

void TestCompare::modelsAreSound() {
    FakeBackend backend;
    const RunId base = backend.addRun(RunKind::Baseline, QStringLiteral("a"), {}, testing_support::baselineMatrix(), 0, 0);
    const RunId tuned = backend.addRun(RunKind::Train, QStringLiteral("a"), {{QStringLiteral("lora.r"), QStringLiteral("4")}},
                                       testing_support::tunedMatrix(), 0.3, 20);
    MetricModel metrics(QStringLiteral("m"));
    SettingModel settings;
    LabelModel labels;
    RowModel rows;
    const auto fatal = QAbstractItemModelTester::FailureReportingMode::QtTest;
    const QAbstractItemModelTester a(&metrics, fatal), b(&settings, fatal), c(&labels, fatal), d(&rows, fatal);
    for (const QList<RunId>& ids :
         {QList<RunId>{}, QList<RunId>{tuned}, QList<RunId>{base, tuned}, QList<RunId>{base, tuned, base}}) {
        const Comparison comparison = compare(backend.runs(), std::vector<RunId>(ids.begin(), ids.end()));
        metrics.show(comparison.runs, overallRows(comparison));
        settings.show(comparison.runs, settingRows(comparison));
        labels.show(comparison);
        rows.show(&comparison, [](std::int64_t) { return QStringLiteral("text"); });
        RowFilter filter;
        filter.fate = RowFate::Fixed;
        rows.setFilter(filter);
        rows.setFilter({});
        rows.show(nullptr, {});
    }
}

QTEST_MAIN(TestCompare)
#include "tst_compare.moc"
