// links: ui
// SPDX-License-Identifier: GPL-3.0-or-later
// What the plots hold and say: cells, labels, averages and files, never pixels.
#include "ui/plots/loss_canvas.h"
#include "ui/plots/loss_plot.h"
#include "ui/plots/matrix_plot.h"
#include "ui/theme/theme.h"

#include <QApplication>
#include <QElapsedTimer>
#include <QFile>
#include <QSignalSpy>
#include <QSvgRenderer>
#include <QTemporaryDir>
#include <QtTest>

#include <cmath>
#include <limits>

using namespace ui;

namespace {

engine::ConfusionMatrix matrix(std::vector<std::vector<std::int64_t>> counts,
                               std::vector<std::string> labels = {"negative", "neutral", "positive"}) {
    return {std::move(labels), std::move(counts)};
}

const engine::ConfusionMatrix kBefore = matrix({{22, 266, 12, 0}, {2, 259, 39, 0}, {0, 267, 33, 0}});
const engine::ConfusionMatrix kAfter = matrix({{261, 33, 6, 0}, {14, 252, 34, 0}, {3, 24, 270, 3}});

engine::StepEvent step(std::int64_t n, double loss, engine::RunId run = 7) {
    engine::StepEvent event;
    event.run = run;
    event.step = n;
    event.steps = 100;
    event.loss = loss;
    return event;
}

engine::EvalEvent evaluation(std::int64_t n, double loss, engine::RunId run = 7) {
    engine::EvalEvent event;
    event.run = run;
    event.step = n;
    event.loss = loss;
    return event;
}

QString spaced(const char* text) {
    return QString::fromUtf8(text).replace(QLatin1Char('_'), QChar(0xa0)).replace(QLatin1Char('~'), QChar(0x2212));
}

QString contents(const QString& path) {
    QFile file(path);
    return file.open(QIODevice::ReadOnly) ? QString::fromUtf8(file.readAll()) : QString();
}

} // namespace

class TestPlots : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void initTestCase() { Theme::instance().apply(*qApp, Mode::Light); }

    void matrixSaysCountsAndShares();
    void matrixWithoutRows();
    void matrixColoursByRow();
    void differenceIsSigned();
    void differenceOfOtherLabels();
    void matrixSetsNoAnswerApart();
    void matrixAnswersMouseAndKeys();
    void matrixForgetsTheCellOfOtherLabels();
    void matrixFiles();

    void averageIsDebiased();
    void averageOfTheFirstStepIsItself();
    void smoothingIsRecomputed();
    void resumedRunReplacesItsTail();
    void lossThatIsNoNumberIsLeftOut();
    void readsOut();
    void labelsStandInTheCurvesOrder();
    void emptyPlotSaysSo();
    void zoomEndsFollowing();
    void logScaleKeepsFollowing();
    void curvesOutOfOrderAreSorted();
    void lossFiles();
    void aMillionPoints();
};

void TestPlots::matrixSaysCountsAndShares() {
    MatrixPlot plot;
    plot.setMatrix(kBefore, QStringLiteral("Baseline"), 3);
    QCOMPARE(plot.title(), QStringLiteral("Baseline"));
    const MatrixCells& cells = plot.cells();
    QCOMPARE(cells.labels, (QStringList{QStringLiteral("negative"), QStringLiteral("neutral"), QStringLiteral("positive")}));
    QCOMPARE(cells.cells.size(), std::size_t(3));
    QCOMPARE(cells.cells[0].size(), std::size_t(4));
    QCOMPARE(cells.cells[0][1].count, QStringLiteral("266"));
    QCOMPARE(cells.cells[0][1].share, spaced("88.7_%"));
    QCOMPARE(cells.support[0], QStringLiteral("300 rows"));
    QVERIFY(!cells.hasUnanswered);
    QVERIFY2(plot.accessibleName().contains(spaced("314 of 900 rows right (34.9_%)")), qPrintable(plot.accessibleName()));
    QVERIFY(cells.cells[0][1].explanation.contains(QStringLiteral("truth negative, guessed neutral: 266")));
}

void TestPlots::matrixWithoutRows() {
    MatrixPlot plot;
    plot.setMatrix(matrix({{0, 0, 0}, {4, 5, 1}}, {"a", "b"}), QStringLiteral("Live"));
    QCOMPARE(plot.cells().cells[0][0].share, QStringLiteral("–"));
    QCOMPARE(plot.cells().cells[1][2].count, QStringLiteral("1"));
    QVERIFY(plot.cells().hasUnanswered);
    plot.setMatrix(matrix({{1}}, {"a", "b"}), QStringLiteral("Short rows read as zero"));
    QCOMPARE(plot.cells().cells[1][1].count, QStringLiteral("0"));
}

void TestPlots::matrixColoursByRow() {
    MatrixPlot plot;
    plot.setMatrix(matrix({{10, 0, 0}, {0, 1000, 0}}, {"few", "many"}), QStringLiteral("t"));
    QCOMPARE(plot.cellColor(0, 0), plot.cellColor(1, 1)); // both are all of their row
    QCOMPARE(plot.cellColor(0, 0), Theme::instance().heat(1));
    QCOMPARE(plot.cellColor(0, 1), Theme::instance().heat(0));
}

void TestPlots::differenceIsSigned() {
    MatrixPlot plot;
    plot.setDifference(kBefore, kAfter, QStringLiteral("Difference"));
    const MatrixCells& cells = plot.cells();
    QVERIFY(cells.difference);
    QCOMPARE(cells.cells[0][0].count, QStringLiteral("+239"));
    QCOMPARE(cells.cells[0][1].count, spaced("~233"));
    QCOMPARE(cells.cells[0][0].share, QStringLiteral("+79.7"));
    QCOMPARE(cells.cells[0][3].count, QStringLiteral("0"));
    QCOMPARE(plot.cellColor(0, 3), Theme::instance().diverging(0));
    QVERIFY(cells.cells[0][1].strength < 0);
    QCOMPARE(cells.cells[2][1].strength, -1.0); // the largest change has the strongest colour
    QVERIFY(cells.hasUnanswered);

    plot.setDifference(kBefore, matrix({{22, 265, 13, 0}, {2, 259, 39, 0}, {0, 267, 33, 0}}), QStringLiteral("Hardly"));
    QVERIFY(std::abs(plot.cells().cells[0][1].strength) < 0.05); // a row or two is no strong colour
}

void TestPlots::differenceOfOtherLabels() {
    MatrixPlot plot;
    plot.setDifference(kBefore, matrix({{1, 0, 0}, {0, 1, 0}}, {"a", "b"}), QStringLiteral("Difference"));
    QVERIFY(plot.cells().labels.isEmpty());
    QVERIFY(plot.cells().problem.contains(QStringLiteral("different labels")));
    plot.resize(300, 200);
    QVERIFY(!plot.grab().isNull());
}

void TestPlots::matrixSetsNoAnswerApart() {
    MatrixPlot plot;
    plot.resize(400, 280);
    plot.setMatrix(kAfter, QStringLiteral("t"));
    plot.show();
    const double between = plot.cellRect(0, 1).left() - plot.cellRect(0, 0).right();
    const double before = plot.cellRect(0, 3).left() - plot.cellRect(0, 2).right();
    QVERIFY2(before >= between + 8, qPrintable(QStringLiteral("%1 against %2").arg(before).arg(between)));
    QVERIFY(QRectF(plot.rect()).contains(plot.cellRect(2, 3)));
    QVERIFY(plot.cellRect(1, 0).top() > plot.cellRect(0, 0).bottom());
}

void TestPlots::matrixAnswersMouseAndKeys() {
    MatrixPlot plot;
    plot.resize(400, 280);
    plot.setMatrix(kAfter, QStringLiteral("t"));
    plot.show();
    QSignalSpy clicked(&plot, &MatrixPlot::cellClicked);
    QTest::mouseClick(&plot, Qt::LeftButton, {}, plot.cellRect(2, 3).center().toPoint());
    QCOMPARE(clicked.size(), 1);
    QCOMPARE(clicked[0][0].toInt(), 2);
    QCOMPARE(clicked[0][1].toInt(), 3);
    QTest::mouseClick(&plot, Qt::LeftButton, {}, QPoint(2, 2));
    QCOMPARE(clicked.size(), 1);
    QTest::keyClick(&plot, Qt::Key_Right);
    QTest::keyClick(&plot, Qt::Key_Down);
    QTest::keyClick(&plot, Qt::Key_Up);
    QTest::keyClick(&plot, Qt::Key_Up); // stops at the edge
    QVERIFY(plot.accessibleDescription().contains(QStringLiteral("truth negative, guessed neutral: 33")));
    QTest::keyClick(&plot, Qt::Key_Return);
    QCOMPARE(clicked.size(), 2);
    QCOMPARE(clicked[1][0].toInt(), 0);
    QCOMPARE(clicked[1][1].toInt(), 1);
}

void TestPlots::matrixForgetsTheCellOfOtherLabels() {
    MatrixPlot plot;
    plot.resize(400, 280);
    plot.setMatrix(kAfter, QStringLiteral("t"));
    plot.setSelected(std::pair{2, 3});
    QTest::keyClick(&plot, Qt::Key_Down);
    QTest::keyClick(&plot, Qt::Key_Down);
    plot.setMatrix(matrix({{1, 0, 0}, {0, 1, 0}}, {"a", "b"}), QStringLiteral("fewer"));
    QVERIFY(!plot.grab().isNull());
    plot.clear();
    QVERIFY(!plot.grab().isNull());
    QVERIFY(plot.accessibleName().contains(QStringLiteral("appears here")));
}

void TestPlots::matrixFiles() {
    QTemporaryDir folder;
    MatrixPlot plot;
    plot.resize(320, 240);
    plot.setMatrix(matrix({{1234, 0, 1}, {2, 50, 0}}, {"a, or b", "c"}), QStringLiteral("t"));
    QVERIFY(plot.exportTo(folder.filePath(QStringLiteral("m.csv"))));
    QCOMPARE(contents(folder.filePath(QStringLiteral("m.csv"))),
             QStringLiteral("truth \\ guess,\"a, or b\",c,no answer\n\"a, or b\",1234,0,1\nc,2,50,0\n"));
    QVERIFY(plot.exportTo(folder.filePath(QStringLiteral("m.png"))));
    QCOMPARE(QImage(folder.filePath(QStringLiteral("m.png"))).size(), QSize(640, 480));
    QVERIFY(plot.exportTo(folder.filePath(QStringLiteral("m.svg"))));
    QVERIFY(QSvgRenderer(folder.filePath(QStringLiteral("m.svg"))).isValid());
    QVERIFY(plot.exportTo(folder.filePath(QStringLiteral("m.pdf"))));
    QVERIFY(contents(folder.filePath(QStringLiteral("m.pdf"))).startsWith(QStringLiteral("%PDF")));
    QString problem;
    QVERIFY(!plot.exportTo(folder.filePath(QStringLiteral("m.bmp")), &problem));
    QVERIFY(problem.contains(QStringLiteral("m.bmp must end in")));
    QVERIFY(!plot.exportTo(folder.filePath(QStringLiteral("missing/m.png")), &problem));
    QVERIFY(problem.contains(QStringLiteral("could not be written")));
}

void TestPlots::averageIsDebiased() {
    LossCurve curve(1);
    curve.smoothAgain(0.9);
    const std::vector<double> losses{2.0, 1.0, 4.0, 0.5};
    double mean = 0;
    for (std::size_t i = 0; i < losses.size(); ++i) {
        curve.addStep(double(i + 1), losses[i]);
        mean = 0.9 * mean + 0.1 * losses[i];
        QCOMPARE(curve.smooth().back().value, mean / (1 - std::pow(0.9, double(i + 1))));
    }
}

void TestPlots::averageOfTheFirstStepIsItself() {
    LossPlot plot;
    plot.addStep(step(1, 3.25));
    QCOMPARE(plot.curves()[0].smooth()[0].value, 3.25);
}

void TestPlots::smoothingIsRecomputed() {
    LossPlot plot;
    for (int i = 1; i <= 20; ++i) plot.addStep(step(i, i % 2 ? 1 : 3));
    QVERIFY(std::abs(plot.curves()[0].smooth().back().value - 2) < 0.2);
    plot.setSmoothing(0);
    QCOMPARE(plot.curves()[0].smooth().back().value, 3.0);
    QCOMPARE(plot.curves()[0].raw().size(), std::size_t(20));
    plot.addStep(step(21, 1));
    QCOMPARE(plot.curves()[0].smooth().back().value, 1.0);
}

void TestPlots::resumedRunReplacesItsTail() {
    LossPlot plot;
    LossPlot straight;
    for (int i = 1; i <= 10; ++i) plot.addStep(step(i, 1.0 / i));
    plot.addEval(evaluation(4, 0.9));
    plot.addEval(evaluation(8, 0.8));
    for (int i = 7; i <= 9; ++i) plot.addStep(step(i, 2.0 / i));
    for (int i = 1; i <= 9; ++i) straight.addStep(step(i, i < 7 ? 1.0 / i : 2.0 / i));
    const LossCurve& curve = plot.curves()[0];
    QCOMPARE(curve.raw().size(), std::size_t(9));
    QCOMPARE(curve.eval().size(), std::size_t(1)); // the one of step 8 went with its step
    for (std::size_t i = 0; i < 9; ++i) QCOMPARE(curve.smooth()[i].value, straight.curves()[0].smooth()[i].value);
}

void TestPlots::lossThatIsNoNumberIsLeftOut() {
    LossPlot plot;
    plot.addStep(step(1, 1.5));
    plot.addStep(step(2, std::numeric_limits<double>::quiet_NaN()));
    plot.addStep(step(3, std::numeric_limits<double>::infinity()));
    plot.addStep(step(4, 0.5));
    QCOMPARE(plot.curves()[0].raw().size(), std::size_t(2));
    QVERIFY(std::isfinite(plot.curves()[0].smooth().back().value));
}

void TestPlots::readsOut() {
    LossPlot plot;
    plot.setSmoothing(0);
    for (int i = 1; i <= 10; ++i) plot.addStep(step(i, 2.0 / i));
    plot.addEval(evaluation(5, 0.625));
    QCOMPARE(plot.readout(4), QStringLiteral("step 4\nloss 0.5000"));
    QCOMPARE(plot.readout(6), QStringLiteral("step 6\nloss 0.3333 · eval 0.6250"));
    QCOMPARE(plot.readout(99), QStringLiteral("step 10\nloss 0.2000 · eval 0.6250"));
    plot.setSmoothing(0.9);
    QVERIFY(plot.readout(4).contains(QStringLiteral("(raw 0.5000)")));

    plot.setCurves({{1, QStringLiteral("one"), {{10, 0.5, 0}}, {}}, {2, QStringLiteral("two"), {}, {{20, 0.25, 0}}}});
    QCOMPARE(plot.readout(30), QStringLiteral("step 20\none: loss 0.5000 (raw 0.5000)\ntwo: eval 0.2500"));
}

void TestPlots::labelsStandInTheCurvesOrder() {
    LossPlot plot;
    plot.resize(600, 300);
    plot.setCurves({{1, QStringLiteral("low"), {{0, 2, 0}, {100, 0.1, 0}}, {}},
                    {2, QStringLiteral("high"), {{0, 2, 0}, {100, 1.5, 0}}, {}},
                    {3, QStringLiteral("base"), {}, {{0, 0.8, 0}}}});
    plot.setSmoothing(0);
    plot.show();
    const QStringList labels = plot.endLabels();
    QCOMPARE(labels, (QStringList{QStringLiteral("high  1.50"), QStringLiteral("base  0.800"), QStringLiteral("low  0.100")}));
    plot.clear();
    plot.addStep(step(1, 1.0));
    plot.addEval(evaluation(1, 2.0));
    QCOMPARE(plot.endLabels(), (QStringList{QStringLiteral("eval  2.00"), QStringLiteral("train  1.00")}));
}

void TestPlots::emptyPlotSaysSo() {
    LossPlot plot;
    plot.setEmptyText(QStringLiteral("Nothing yet."));
    QCOMPARE(plot.accessibleName(), QStringLiteral("Nothing yet."));
    plot.addStep(step(3, 0.75));
    QTRY_VERIFY2(plot.accessibleName().contains(QStringLiteral("run 7: loss 0.7500 at step 3")),
                 qPrintable(plot.accessibleName()));
    plot.clear();
    QCOMPARE(plot.accessibleName(), QStringLiteral("Nothing yet."));
}

void TestPlots::zoomEndsFollowing() {
    LossPlot plot;
    plot.resize(500, 300);
    plot.show();
    for (int i = 1; i <= 50; ++i) plot.addStep(step(i, 2.0 / i));
    QTRY_VERIFY(plot.accessibleName().contains(QStringLiteral("step 50")));
    auto* canvas = static_cast<LossCanvas*>(plot.findChild<QCustomPlot*>());
    QVERIFY(!plot.isZoomed());
    QVERIFY(canvas->xAxis->range().upper >= 100); // the run's steps, not those so far
    QTest::keyClick(&plot, Qt::Key_Plus);
    QVERIFY(plot.isZoomed());
    const QCPRange zoomed = canvas->xAxis->range();
    plot.addStep(step(51, 0.01));
    QTRY_VERIFY(plot.accessibleName().contains(QStringLiteral("step 51")));
    QCOMPARE(canvas->xAxis->range(), zoomed);
    QTest::mouseDClick(canvas, Qt::LeftButton, {}, QPoint(250, 150));
    QVERIFY(!plot.isZoomed());
    for (int i = 0; i < 30; ++i) QTest::keyClick(&plot, Qt::Key_Minus);
    QVERIFY(canvas->xAxis->range().size() < 110); // no way out into emptiness
}

void TestPlots::logScaleKeepsFollowing() {
    LossPlot plot;
    plot.resize(500, 300);
    plot.show();
    for (int i = 1; i <= 50; ++i) plot.addStep(step(i, 2.0 / i));
    plot.setLogScale(true);
    QVERIFY(plot.isLogScale());
    QVERIFY(!plot.isZoomed());
    const auto* canvas = plot.findChild<QCustomPlot*>();
    QVERIFY(canvas->yAxis->range().lower > 0.01);
    QVERIFY(canvas->yAxis->range().upper < 3);
    plot.addStep(step(51, 0)); // nothing to show of a zero on this axis, and nothing to break
    QVERIFY(!plot.endLabels().isEmpty());
}

void TestPlots::curvesOutOfOrderAreSorted() {
    LossPlot plot;
    plot.setCurves({{1, QStringLiteral("r"), {{3, 0.3, 0}, {1, 0.1, 0}, {2, std::numeric_limits<double>::quiet_NaN(), 0}}, {}}});
    const auto& raw = plot.curves()[0].raw();
    QCOMPARE(raw.size(), std::size_t(2));
    QCOMPARE(raw[0].step, 1.0);
    QCOMPARE(raw[1].value, 0.3);
}

void TestPlots::lossFiles() {
    QTemporaryDir folder;
    LossPlot plot;
    plot.resize(400, 240);
    plot.setSmoothing(0.5);
    plot.setCurves({{4, QStringLiteral("r 8, a"), {{1, 2, 0}, {2, 1, 0}}, {{2, 1.25, 0}}}});
    QVERIFY(plot.exportTo(folder.filePath(QStringLiteral("l.csv"))));
    QCOMPARE(
        contents(folder.filePath(QStringLiteral("l.csv"))),
        QStringLiteral(
            "run,name,step,loss,smoothed,eval_loss\n4,\"r 8, a\",1,2,2,\n4,\"r 8, a\",2,1,1.33333333,\n4,\"r 8, a\",2,,,1.25\n"));
    for (const char* ending : {"png", "svg", "pdf"}) {
        const QString path = folder.filePath(QStringLiteral("l.") + QLatin1String(ending));
        QVERIFY(plot.exportTo(path));
        QVERIFY(QFile(path).size() > 1000);
    }
    QVERIFY(QSvgRenderer(folder.filePath(QStringLiteral("l.svg"))).isValid());
    const QImage picture(folder.filePath(QStringLiteral("l.png")));
    QCOMPARE(picture.size(), QSize(800, 480));
}

void TestPlots::aMillionPoints() {
    Curve curve{1, QStringLiteral("long"), {}, {}};
    for (int i = 0; i < 1'000'000; ++i) curve.loss.push_back({i, i == 500'000 ? 9.0 : 1 + std::sin(i * 12.9898), 0});
    LossPlot plot;
    plot.resize(900, 400);
    plot.show();
    plot.setCurves({curve});
    QCOMPARE(plot.curves()[0].raw().size(), std::size_t(1'000'000));
    QVERIFY(!plot.endLabels().isEmpty());
    auto* canvas = plot.findChild<QCustomPlot*>();
    QVERIFY(canvas->graph(0)->dataCount() <= 2 * canvas->width()); // what is drawn is bounded by the pixels
    bool found = false;
    QCPRange seen = canvas->graph(0)->getValueRange(found);
    QCOMPARE(seen.upper, 9.0); // and still has every spike
    canvas->xAxis->setRange(1000, 1100);
    canvas->replot(QCustomPlot::rpImmediateRefresh);
    QVERIFY(canvas->graph(0)->dataCount() >= 101);
    QVERIFY(canvas->graph(0)->dataCount() < 110);
}

QTEST_MAIN(TestPlots)
#include "tst_plots.moc"
