// SPDX-License-Identifier: GPL-3.0-or-later
// The Data page from its empty state to a file with faults, and its two models.
#include "engine/data/csv/csv.h"
#include "tests/support/fake_backend.h"
#include "ui/data/data_page.h"
#include "ui/data/drop_target.h"
#include "ui/data/issue_model.h"
#include "ui/data/label_bars.h"
#include "ui/data/length_bars.h"
#include "ui/data/table_model.h"
#include "ui/theme/theme.h"

#include <QAbstractItemModelTester>
#include <QApplication>
#include <QComboBox>
#include <QDragEnterEvent>
#include <QFile>
#include <QLabel>
#include <QMimeData>
#include <QPushButton>
#include <QSignalSpy>
#include <QTableView>
#include <QUrl>
#include <QtTest>

using namespace testing_support;
using namespace ui;

namespace {

const char kCsv[] = "mood,sentence,page\n"
                    "good,The soup was warm and everybody asked for more of it.,1\n"
                    "bad,\"The soup was cold, and\nnobody wanted to finish it.\",2\n"
                    "good,A pleasant evening with friends at the long table.,3\n"
                    "broken\n"
                    "bad,The bread was as hard as the bench that we sat on.,4\n"
                    "good,They brought a second plate without being asked to.,5\n";

struct Scene {
    QTemporaryDir folder;
    FakeBackend backend;
    Document document{backend};
    DataPage page{backend, document};

    QString write(const char* name, const QByteArray& bytes) {
        QFile file(folder.filePath(QLatin1String(name)));
        if (!file.open(QIODevice::WriteOnly) || file.write(bytes) != bytes.size()) qFatal("cannot write %s", name);
        return file.fileName();
    }
    template <typename T> T* find(const char* name) {
        auto* found = page.findChild<T*>(QLatin1String(name));
        if (!found) qFatal("there is no %s", name);
        return found;
    }
};

engine::Issue note(engine::Severity severity, int line, const char* message) {
    return {severity, "a.csv", line, 0, message};
}

} // namespace

class TestDataPage : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void initTestCase() { Theme::instance().apply(*qApp, Mode::Light); }
    void emptyPageOffersAFile();
    void showsTheFile();
    void columnsAreChosen();
    void readingIsShown();
    void failureIsSaid();
    void issuesLeadToTheirLine();
    void dropsWhatItCanOpen();
    void csvModel();
    void issueModel();
    void labelBars();
    void lengthBars();
};

void TestDataPage::emptyPageOffersAFile() {
    Scene scene;
    scene.page.show();
    QSignalSpy open(&scene.page, &DataPage::openRequested);
    auto* button = scene.find<QPushButton>("openData");
    QVERIFY(button->isVisible());
    QTest::mouseClick(button, Qt::LeftButton);
    QCOMPARE(open.size(), 1);
    QVERIFY(!scene.find<QTableView>("preview")->isVisible());
}

void TestDataPage::showsTheFile() {
    Scene scene;
    scene.page.show();
    scene.document.open(scene.write("moods.csv", kCsv));
    QTRY_VERIFY(scene.find<QTableView>("preview")->isVisible());
    QCOMPARE(scene.find<QTableView>("preview")->model()->rowCount(), 5);
    QCOMPARE(scene.find<QLabel>("fact_records")->text(), QStringLiteral("6"));
    QVERIFY(scene.find<QLabel>("fact_records")->isVisible());
    QCOMPARE(scene.find<QLabel>("fact_usable")->text(), QStringLiteral("5"));
    QCOMPARE(scene.find<QLabel>("fact_encoding")->text(), QStringLiteral("UTF-8"));
    QCOMPARE(scene.find<QLabel>("fact_delimiter")->text(), QStringLiteral("comma"));
    QCOMPARE(scene.find<QLabel>("fact_line_ending")->text(), QStringLiteral("LF"));
    QCOMPARE(scene.find<QLabel>("fact_header")->text(), QStringLiteral("first line"));
    QCOMPARE(scene.find<QComboBox>("labelColumn")->currentText(), QStringLiteral("Auto: mood"));
    QCOMPARE(scene.find<QComboBox>("textColumn")->currentText(), QStringLiteral("Auto: sentence"));
    QCOMPARE(scene.find<LabelBars>("labelBars")->rows(), (QStringList{QStringLiteral("good 3"), QStringLiteral("bad 2")}));
    QSignalSpy next(&scene.page, &DataPage::nextRequested);
    QTest::mouseClick(scene.find<QPushButton>("primaryAction"), Qt::LeftButton);
    QCOMPARE(next.size(), 1);
}

void TestDataPage::columnsAreChosen() {
    Scene scene;
    scene.page.show();
    scene.document.open(scene.write("moods.csv", kCsv));
    QTRY_VERIFY(scene.document.dataset());
    auto* label = scene.find<QComboBox>("labelColumn");
    label->setCurrentIndex(label->findData(QStringLiteral("page")));
    Q_EMIT label->activated(label->currentIndex());
    QCOMPARE(scene.document.experiment().data.label, std::string("page"));
    QTRY_COMPARE(scene.find<LabelBars>("labelBars")->rows().size(), 5);
    // A choice that gives no dataset says so beside the choice, and the rows stay.
    QVERIFY(scene.document.set(QStringLiteral("data.text"), QStringLiteral("gone")));
    QVERIFY(scene.find<QLabel>("dataProblem")->isVisible());
    QVERIFY(scene.find<QLabel>("dataProblem")->text().contains(QLatin1String("gone")));
    QVERIFY(scene.find<QTableView>("preview")->isVisible());
    QCOMPARE(scene.find<QComboBox>("textColumn")->currentText(), QStringLiteral("gone"));
}

void TestDataPage::readingIsShown() {
    Scene scene;
    scene.backend.holdTables = true;
    scene.page.show();
    scene.document.open(scene.write("slow.csv", kCsv));
    QVERIFY(!scene.find<QPushButton>("openData")->isVisible());
    bool named = false;
    for (const QLabel* label : scene.page.findChildren<QLabel*>())
        named = named || (label->isVisible() && label->text().contains(QLatin1String("slow.csv")));
    QVERIFY(named);
    scene.backend.releaseTables();
    QVERIFY(scene.find<QTableView>("preview")->isVisible());
}

void TestDataPage::failureIsSaid() {
    Scene scene;
    scene.page.show();
    scene.document.open(scene.folder.filePath(QStringLiteral("none.csv")));
    auto* problem = scene.find<QLabel>("openProblem");
    QTRY_VERIFY(problem->isVisible());
    QVERIFY(problem->text().contains(QLatin1String("none.csv")));
    QVERIFY(scene.find<QPushButton>("openData")->isVisible());
}

void TestDataPage::issuesLeadToTheirLine() {
    Scene scene;
    scene.page.resize(1100, 680);
    scene.page.show();
    scene.document.open(scene.write("moods.csv", kCsv));
    auto* issues = scene.find<QTableView>("issues");
    QTRY_VERIFY(issues->isVisible());
    QVERIFY(issues->model()->rowCount() >= 1);
    int row = -1;
    for (int i = 0; i < issues->model()->rowCount(); ++i)
        if (issues->model()->index(i, 0).data().toString() == QStringLiteral("line 6"))
            row = i; // the broken one: a quoted field took two lines
    QVERIFY(row >= 0);
    QTest::mouseClick(issues->viewport(), Qt::LeftButton, {}, issues->visualRect(issues->model()->index(row, 1)).center());
    QCOMPARE(scene.find<QTableView>("preview")->currentIndex().row(), 2); // the row before it
}

void TestDataPage::dropsWhatItCanOpen() {
    DropTarget target;
    QSignalSpy dropped(&target, &DropTarget::dropped);
    const auto drop = [&](const QString& path) {
        QMimeData data;
        data.setUrls({QUrl::fromLocalFile(path)});
        QDragEnterEvent enter({5, 5}, Qt::CopyAction, &data, Qt::LeftButton, {});
        QApplication::sendEvent(&target, &enter);
        if (!enter.isAccepted()) return false;
        QDropEvent event({5, 5}, Qt::CopyAction, &data, Qt::LeftButton, {});
        QApplication::sendEvent(&target, &event);
        return true;
    };
    QVERIFY(!drop(QStringLiteral("/tmp/picture.png")));
    QVERIFY(drop(QStringLiteral("/tmp/data.CSV")));
    QVERIFY(drop(QStringLiteral("/tmp/experiment.yaml")));
    QCOMPARE(dropped.size(), 2);
    QCOMPARE(dropped[0][0].toString(), QStringLiteral("/tmp/data.CSV"));
}

void TestDataPage::csvModel() {
    TableModel model;
    QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::QtTest);
    const std::string text = "label,text\na,\"one\ntwo\"\nb," + std::string(2000, 'x') + "\n\n\nb,left,out\n\na,Grüße " +
                             std::string(393, 'y') + "ä tail\n";
    model.setTable(std::make_shared<const engine::Table>(engine::parseCsv(text, {"true", "auto", ","}, "a.csv")));
    QCOMPARE(model.rowCount(), 3);
    QCOMPARE(model.index(0, 1).data().toString(), QStringLiteral("one ⏎ two"));
    QVERIFY(model.index(1, 1).data().toString().size() < 500);
    QVERIFY(!model.index(2, 1).data().toString().contains(QChar(0xfffd))); // never cut inside a character
    QCOMPARE(model.headerData(2, Qt::Vertical, Qt::DisplayRole).toString(), QStringLiteral("9"));
    QCOMPARE(model.rowOfLine(1), 0);
    QCOMPARE(model.rowOfLine(4), 1);
    QCOMPARE(model.rowOfLine(8), 1);
    QCOMPARE(model.rowOfLine(1000), 2);
    QCOMPARE(model.rowOfLine(0), -1);
    QSignalSpy headers(&model, &TableModel::headerDataChanged);
    model.setRoles(0, 1);
    QCOMPARE(headers.size(), 1);
    QVERIFY(model.headerData(0, Qt::Horizontal, Qt::ToolTipRole).toString().contains(QLatin1String("label")));
    model.setTable(nullptr);
    QCOMPARE(model.rowCount(), 0);
    QCOMPARE(model.rowOfLine(3), -1);
}

void TestDataPage::issueModel() {
    using engine::Severity;
    IssueModel model;
    QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::QtTest);
    model.setIssues({note(Severity::Warning, 7, "3 fields where 2 were expected."),
                     note(Severity::Note, 0, "Two rows are the same."),
                     note(Severity::Warning, 12, "5 fields where 2 were expected."),
                     note(Severity::Error, 30, "The quote that opens here never closes."),
                     note(Severity::Warning, 40, "The label \"maybe\" is not one of those asked for."),
                     note(Severity::Warning, 41, "The label \"often\" is not one of those asked for.")});
    QCOMPARE(model.rowCount(), 4);
    QCOMPARE(model.total(), 6);
    QCOMPARE(model.lineOf(0), 30); // the error first
    QCOMPARE(model.index(1, IssueModel::Where).data().toString(), QStringLiteral("line 7"));
    QCOMPARE(model.index(1, IssueModel::Count).data().toString(), QStringLiteral("× 2"));
    QVERIFY(model.index(1, IssueModel::What).data(Qt::ToolTipRole).toString().contains(QLatin1String("7, 12")));
    QCOMPARE(model.index(2, IssueModel::Count).data().toString(), QStringLiteral("× 2"));
    QCOMPARE(model.index(3, IssueModel::Where).data().toString(), QStringLiteral("file"));
    model.setIssues({});
    QCOMPARE(model.rowCount(), 0);
}

void TestDataPage::labelBars() {
    LabelBars bars;
    std::vector<std::string> labels;
    std::vector<std::int64_t> counts;
    for (int i = 0; i < 40; ++i) {
        labels.push_back("label " + std::to_string(i));
        counts.push_back(1000 + i);
    }
    bars.setCounts(labels, counts);
    QCOMPARE(bars.rows().size(), 12);
    QCOMPARE(bars.rows().front(), QStringLiteral("label 39 1,039"));
    QVERIFY(bars.rows().back().startsWith(QLatin1String("and 29 more")));
    bars.resize(240, 320);
    bars.grab(); // draws without a table too
    bars.setCounts({}, {});
    bars.grab();
    QVERIFY(bars.rows().isEmpty());
}

void TestDataPage::lengthBars() {
    LengthBars bars;
    std::vector<engine::Example> examples;
    for (const char* text : {"one", "one two", "one  two\nthree", "a b c d e f g", ""}) examples.push_back({0, text, 0});
    bars.setTexts(examples);
    QCOMPARE(bars.median(), 2);
    QCOMPARE(bars.longest(), 7);
    bars.resize(240, 90);
    bars.grab();
    bars.setTexts({});
    QCOMPARE(bars.longest(), 0);
    bars.grab();
}

QTEST_MAIN(TestDataPage)
#include "tst_data_page.moc"
