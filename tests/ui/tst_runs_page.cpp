// SPDX-License-Identifier: GPL-3.0-or-later
// The runs page: selection, notes, tags, names, deletion that can be undone.
#include "engine/experiment.h"
#include "tests/support/fake_backend.h"
#include "ui/runs/run_drawer.h"
#include "ui/runs/runs_model.h"
#include "ui/runs/runs_page.h"
#include "ui/runs/undo_bar.h"
#include "ui/theme/theme.h"

#include <QAbstractItemModelTester>
#include <QApplication>
#include <QFile>
#include <QHeaderView>
#include <QLabel>
#include <QLineEdit>
#include <QMenu>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QSettings>
#include <QSignalSpy>
#include <QTableView>
#include <QtTest>

using namespace ui;
using namespace engine;
using testing_support::FakeBackend;

namespace {

RunId begin(FakeBackend& backend, const char* name, RunState state) {
    NewRun run;
    run.name = name;
    run.experimentYaml = toYaml(Experiment());
    const RunId id = backend.runs().begin(run);
    if (state != RunState::Running) backend.runs().finish(id, state, "");
    return id;
}

/// A page with three finished runs, newest at the top.
struct Fixture {
    FakeBackend backend;
    Document document{backend};
    QList<RunId> ids;
    std::unique_ptr<RunsPage> page;
    QTableView* view = nullptr;

    Fixture() {
        for (const char* name : {"first", "second", "third"})
            ids << backend.addRun(RunKind::Train, QString::fromLatin1(name),
                                  {{QStringLiteral("lora.r"), QString::number(4 << ids.size())}},
                                  testing_support::matrix({{3, 1, 0, 0}, {0, 4, 0, 0}, {1, 0, 3, 0}}), 0.3, 8);
        page = std::make_unique<RunsPage>(backend, document);
        page->resize(1112, 690);
        page->show();
        view = page->findChild<QTableView*>(QStringLiteral("runs"));
    }
    QStringList names() const {
        QStringList names;
        for (int row = 0; row < view->model()->rowCount(); ++row)
            names << view->model()->index(row, RunsModel::Name).data().toString();
        return names;
    }
    void select(std::initializer_list<int> rows) {
        view->clearSelection();
        for (const int row : rows)
            view->selectionModel()->select(view->model()->index(row, 0), QItemSelectionModel::Select | QItemSelectionModel::Rows);
    }
    bool isStored(RunId run) {
        for (const RunSummary& one : backend.runs().list())
            if (one.id == run) return true;
        return false;
    }
    template <typename T> T* find(const char* name) const { return page->findChild<T*>(QString::fromLatin1(name)); }
};

} // namespace

class TestRunsPage : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void initTestCase();
    void init() { QSettings().clear(); }

    void emptyOffersTraining();
    void newRunsAppear();
    void filterNarrowsAndComplains();
    void compareTakesTheSelection();
    void selectionSurvivesARefresh();
    void drawerSaysEverything();
    void notesAreKept();
    void noteBelongsToTheRunItWasTypedFor();
    void tagsComeAndGo();
    void renames();
    void deleteCanBeUndone();
    void deleteHappensWhenTheBarGoes();
    void deleteHappensAtTheNextDelete();
    void deleteHappensWhenThePageGoes();
    void runningRunStays();
    void resumeOnlyWhatCanGoOn();
    void opensItsExperiment();
    void exports();
    void columnsAreRemembered();
};

void TestRunsPage::initTestCase() {
    QCoreApplication::setOrganizationName(QStringLiteral("phibench-tests"));
    QCoreApplication::setApplicationName(QStringLiteral("tst_runs_page"));
    QStandardPaths::setTestModeEnabled(true);
    Theme::instance().apply(*qApp, Mode::Light);
}

void TestRunsPage::emptyOffersTraining() {
    FakeBackend backend;
    Document document(backend);
    RunsPage page(backend, document);
    page.show();
    QSignalSpy train(&page, &RunsPage::trainRequested);
    QTest::mouseClick(page.findChild<QPushButton*>(QStringLiteral("emptyAction")), Qt::LeftButton);
    QCOMPARE(train.size(), 1);
    QVERIFY(!page.findChild<QPushButton*>(QStringLiteral("primaryAction"))->isEnabled());
}

void TestRunsPage::newRunsAppear() {
    Fixture f;
    QCOMPARE(f.names(), (QStringList{QStringLiteral("third"), QStringLiteral("second"), QStringLiteral("first")}));
    begin(f.backend, "fourth", RunState::Running);
    Q_EMIT f.backend.runsChanged();
    QCOMPARE(f.names().front(), QStringLiteral("fourth"));
    QCOMPARE(f.find<QLabel>("status")->text(), QStringLiteral("4 runs"));
    f.page->hide();
    begin(f.backend, "fifth", RunState::Done);
    Q_EMIT f.backend.runsChanged();
    QCOMPARE(f.names().front(), QStringLiteral("fourth")); // nobody is looking
    f.page->show();
    QCOMPARE(f.names().front(), QStringLiteral("fifth"));
}

void TestRunsPage::filterNarrowsAndComplains() {
    Fixture f;
    auto* line = f.find<QLineEdit>("filter");
    auto* status = f.find<QLabel>("status");
    line->setText(QStringLiteral("r >= 8"));
    QCOMPARE(f.names(), (QStringList{QStringLiteral("third"), QStringLiteral("second")}));
    QCOMPARE(status->text(), QStringLiteral("2 of 3 runs"));
    line->setText(QStringLiteral("r >= 8 and nonsense > 1"));
    QCOMPARE(f.names().size(), 2); // as it was
    QVERIFY(status->text().startsWith(QStringLiteral("Runs have no “nonsense”")));
    QCOMPARE(status->property("role").toString(), QStringLiteral("error"));
    QVERIFY(line->property("invalid").toBool());
    line->clear();
    QCOMPARE(f.names().size(), 3);
    QVERIFY(!line->property("invalid").toBool());
    QCOMPARE(status->text(), QStringLiteral("3 runs"));
}

void TestRunsPage::compareTakesTheSelection() {
    Fixture f;
    auto* compare = f.find<QPushButton>("primaryAction");
    QVERIFY(!compare->isEnabled());
    QVERIFY(!compare->toolTip().isEmpty());
    f.select({0, 2});
    QCOMPARE(compare->text(), QStringLiteral("Compare 2"));
    QSignalSpy asked(f.page.get(), &RunsPage::compareRequested);
    QTest::mouseClick(compare, Qt::LeftButton);
    QCOMPARE(asked[0][0].value<QList<RunId>>(), (QList<RunId>{f.ids[0], f.ids[2]})); // oldest first
    QTest::keyClick(f.view, Qt::Key_Return);
    QCOMPARE(asked.size(), 2);
    f.view->clearSelection();
    QTest::keyClick(f.view, Qt::Key_Return);
    QCOMPARE(asked.size(), 2);
}

void TestRunsPage::selectionSurvivesARefresh() {
    Fixture f;
    f.select({1});
    begin(f.backend, "fourth", RunState::Done);
    Q_EMIT f.backend.runsChanged();
    QCOMPARE(f.page->selectedRuns(), QList<RunId>{f.ids[1]});
}

void TestRunsPage::drawerSaysEverything() {
    Fixture f;
    f.backend.runs().addArtifact(f.ids[2],
                                 {"adapter", f.backend.runs().artifactDirectory(f.ids[2]) / "adapter", std::string(64, 'a')});
    QVERIFY(f.find<QLabel>("drawerText")->isVisible());
    f.select({0});
    QVERIFY(!f.find<QLabel>("drawerText")->isVisible());
    const QString settings = f.find<QLabel>("runSettings")->text();
    QVERIFY(settings.contains(QStringLiteral("Rank r")));
    QVERIFY(settings.contains(QStringLiteral(">16<")));
    QVERIFY(f.find<QLabel>("runFacts")->text().contains(QStringLiteral("Training")));
    QVERIFY(f.find<QLabel>("runFiles")->text().contains(QStringLiteral("adapter")));
    f.select({0, 1, 2});
    QCOMPARE(f.find<QPushButton>("deleteMany")->text(), QStringLiteral("Delete 3 runs"));
    QTest::mouseClick(f.find<QPushButton>("details"), Qt::LeftButton);
    QVERIFY(!f.page->findChild<RunDrawer*>()->isVisible());
    const RunsPage again(f.backend, f.document);
    QVERIFY(!again.findChild<QPushButton*>(QStringLiteral("details"))->isChecked()); // remembered
}

void TestRunsPage::notesAreKept() {
    Fixture f;
    f.select({0});
    auto* note = f.find<QPlainTextEdit>("note");
    note->setPlainText(QStringLiteral("Better with dropout"));
    QTRY_COMPARE(f.backend.runs().detail(f.ids[2]).summary.note, std::string("Better with dropout")); // without leaving the field
    f.find<QLineEdit>("filter")->setText(QStringLiteral("dropout"));
    QCOMPARE(f.names(), QStringList{QStringLiteral("third")});
}

void TestRunsPage::noteBelongsToTheRunItWasTypedFor() {
    Fixture f;
    f.select({0});
    auto* note = f.find<QPlainTextEdit>("note");
    note->setPlainText(QStringLiteral("of the third"));
    f.select({1}); // before the pause is over
    QCOMPARE(f.backend.runs().detail(f.ids[2]).summary.note, std::string("of the third"));
    QCOMPARE(f.backend.runs().detail(f.ids[1]).summary.note, std::string());
    QCOMPARE(note->toPlainText(), QString());
    note->setPlainText(QStringLiteral("of the second"));
    f.page.reset(); // closing keeps it too
    QCOMPARE(f.backend.runs().detail(f.ids[1]).summary.note, std::string("of the second"));
}

void TestRunsPage::tagsComeAndGo() {
    Fixture f;
    f.select({0});
    auto* tag = f.find<QLineEdit>("newTag");
    QTest::keyClicks(tag, QStringLiteral("  for the paper "));
    QTest::keyClick(tag, Qt::Key_Return);
    QCOMPARE(f.backend.runs().detail(f.ids[2]).summary.tags, std::vector<std::string>{"for the paper"});
    QCOMPARE(f.view->model()->index(0, RunsModel::Tags).data().toString(), QStringLiteral("for the paper"));
    QVERIFY(tag->text().isEmpty());
    QTest::keyClick(tag, Qt::Key_Return); // nothing typed, nothing added
    QCOMPARE(f.backend.runs().detail(f.ids[2]).summary.tags.size(), std::size_t(1));
    const auto showsWhole = [&](const char* name) {
        const auto* chip = f.find<QPushButton>(name);
        return chip && chip->height() > 10 && chip->parentWidget()->rect().contains(chip->geometry());
    };
    QTRY_VERIFY(showsWhole("tag_for the paper"));
    f.backend.runs().addTag(f.ids[0], "kept");
    Q_EMIT f.backend.runsChanged();
    f.select({2});
    QTRY_VERIFY(showsWhole("tag_kept"));
    f.page->hide();
    f.select({1});
    f.select({2});
    f.page->show(); // chosen before it was seen
    QTRY_VERIFY(showsWhole("tag_kept"));
    f.select({0});
    QTest::mouseClick(f.find<QPushButton>("tag_for the paper"), Qt::LeftButton);
    QVERIFY(f.backend.runs().detail(f.ids[2]).summary.tags.empty());
}

void TestRunsPage::renames() {
    Fixture f;
    const QModelIndex name = f.view->model()->index(0, RunsModel::Name);
    QVERIFY(name.flags() & Qt::ItemIsEditable);
    QVERIFY(!(name.siblingAtColumn(RunsModel::columnOf(measure("accuracy"))).flags() & Qt::ItemIsEditable));
    QVERIFY(f.view->model()->setData(name, QStringLiteral(" better name ")));
    QCOMPARE(f.backend.runs().detail(f.ids[2]).summary.name, std::string("better name"));
    QCOMPARE(name.data().toString(), QStringLiteral("better name"));
    QVERIFY(!f.view->model()->setData(name, QStringLiteral("  "))); // a run keeps a name
    QCOMPARE(f.backend.runs().detail(f.ids[2]).summary.name, std::string("better name"));
}

void TestRunsPage::deleteCanBeUndone() {
    Fixture f;
    f.select({0, 1});
    QTest::keyClick(f.view, Qt::Key_Delete);
    QCOMPARE(f.names(), QStringList{QStringLiteral("first")});
    QVERIFY(f.page->findChild<UndoBar*>()->isVisible());
    QCOMPARE(f.find<QLabel>("status")->text(), QStringLiteral("1 run"));
    QVERIFY(f.isStored(f.ids[2])); // not yet
    begin(f.backend, "meanwhile", RunState::Done);
    Q_EMIT f.backend.runsChanged();
    QCOMPARE(f.names(),
             (QStringList{QStringLiteral("meanwhile"), QStringLiteral("first")})); // a refresh does not bring them back
    QTest::mouseClick(f.find<QPushButton>("undo"), Qt::LeftButton);
    QCOMPARE(f.names().size(), 4);
    QVERIFY(!f.page->findChild<UndoBar*>()->isVisible());
    f.page.reset();
    QVERIFY(f.isStored(f.ids[2]));
}

void TestRunsPage::deleteHappensWhenTheBarGoes() {
    Fixture f;
    f.select({0});
    QTest::mouseClick(f.find<QPushButton>("delete"), Qt::LeftButton);
    QSignalSpy changed(&f.backend, &Backend::runsChanged);
    f.page->findChild<UndoBar*>()->expire();
    QVERIFY(!f.isStored(f.ids[2]));
    QCOMPARE(changed.size(), 1);           // other pages want to know
    f.page->findChild<UndoBar*>()->undo(); // too late
    QCOMPARE(f.names().size(), 2);
}

void TestRunsPage::deleteHappensAtTheNextDelete() {
    Fixture f;
    f.select({0});
    QTest::keyClick(f.view, Qt::Key_Delete);
    f.select({0});
    QTest::keyClick(f.view, Qt::Key_Delete);
    QVERIFY(!f.isStored(f.ids[2]));
    QVERIFY(f.isStored(f.ids[1]));
    f.page->findChild<UndoBar*>()->undo();
    QCOMPARE(f.names(), (QStringList{QStringLiteral("second"), QStringLiteral("first")}));
}

void TestRunsPage::deleteHappensWhenThePageGoes() {
    Fixture f;
    f.select({0});
    QTest::keyClick(f.view, Qt::Key_Delete);
    f.page.reset();
    QVERIFY(!f.isStored(f.ids[2]));
}

void TestRunsPage::runningRunStays() {
    Fixture f;
    const RunId running = begin(f.backend, "running", RunState::Running);
    Q_EMIT f.backend.runsChanged();
    f.select({0});
    QVERIFY(!f.find<QPushButton>("delete")->isEnabled());
    QVERIFY(!f.find<QPushButton>("delete")->toolTip().isEmpty());
    QTest::keyClick(f.view, Qt::Key_Delete);
    QVERIFY(f.find<QLabel>("status")->text().contains(QStringLiteral("under way")));
    f.select({0, 1});
    QTest::keyClick(f.view, Qt::Key_Delete); // the other one goes
    QCOMPARE(f.names(), (QStringList{QStringLiteral("running"), QStringLiteral("second"), QStringLiteral("first")}));
    QVERIFY(f.isStored(running));
}

void TestRunsPage::resumeOnlyWhatCanGoOn() {
    Fixture f;
    const RunId stopped = begin(f.backend, "stopped", RunState::Stopped);
    Q_EMIT f.backend.runsChanged();
    auto* resume = f.find<QPushButton>("resume");
    f.select({1});
    QVERIFY(!resume->isEnabled());
    QVERIFY(resume->toolTip().contains(QStringLiteral("stopped")));
    f.select({0});
    QVERIFY(resume->isEnabled());
    QSignalSpy asked(f.page.get(), &RunsPage::resumeRequested);
    QTest::mouseClick(resume, Qt::LeftButton);
    QCOMPARE(asked[0][0].value<RunId>(), stopped);
    QVERIFY(f.backend.startTraining(Experiment()));
    f.select({1});
    f.select({0});
    QVERIFY(!resume->isEnabled());
    QVERIFY(resume->toolTip().contains(QStringLiteral("under way")));
}

void TestRunsPage::opensItsExperiment() {
    Fixture f;
    f.select({0});
    QSignalSpy asked(f.page.get(), &RunsPage::experimentRequested);
    QTest::mouseClick(f.find<QPushButton>("openExperiment"), Qt::LeftButton);
    QCOMPARE(asked.size(), 1);
    QCOMPARE(parseExperiment(asked[0][0].toString().toStdString(), "run", {}).lora.r, 16);
}

void TestRunsPage::exports() {
    Fixture f;
    f.select({0});
    QMenu* menu = f.find<QPushButton>("export")->menu();
    QStringList keys;
    for (const QAction* action : menu->actions()) keys << action->objectName();
    QCOMPARE(keys, QStringList({QStringLiteral("tables"), QStringLiteral("model")}));
    QVERIFY(menu->actions()[0]->isEnabled());
    QVERIFY(!menu->actions()[1]->isEnabled()); // no adapter
    QVERIFY(menu->actions()[1]->toolTip().contains(QStringLiteral("no adapter")));
    QTemporaryDir folder;
    std::filesystem::create_directory(folder.filePath(QStringLiteral("adapter")).toStdString());
    f.backend.runs().addArtifact(f.ids[2], {"adapter", folder.filePath(QStringLiteral("adapter")).toStdString(), "ab"});
    f.select({1});
    f.select({0});
    QVERIFY(menu->actions()[1]->isEnabled());
    const QList<QAction*> types = menu->actions()[1]->menu()->actions();
    QCOMPARE(types.size(), 2);
    QCOMPARE(types[1]->objectName(), QStringLiteral("model_q8_0"));

    const QString path = folder.filePath(QStringLiteral("out"));
    QSignalSpy written(&f.backend, &Backend::exported), failed(&f.backend, &Backend::exportFailed);
    f.page->exportRun(f.ids[2], QStringLiteral("model"), {{"type", "q8_0"}}, path);
    QVERIFY(written.wait());
    QCOMPARE(f.backend.choices.back().at("type"), std::string("q8_0"));
    QVERIFY(QFile::exists(path + QStringLiteral("/metrics.csv")));
    const auto* status = f.find<QLabel>("status");
    QVERIFY2(status->text().contains(path) && status->text().contains(QStringLiteral("Three files.")),
             qPrintable(status->text()));
    f.page->exportRun(999, QStringLiteral("tables"), {}, path);
    QVERIFY(failed.wait());
    QVERIFY2(status->text().contains(QStringLiteral("999")) && !status->text().contains(path), qPrintable(status->text()));
}

void TestRunsPage::columnsAreRemembered() {
    Fixture f;
    QHeaderView* header = f.view->horizontalHeader();
    QVERIFY(header->isSectionHidden(RunsModel::Model));
    header->setSectionHidden(RunsModel::Model, false);
    header->setSectionHidden(RunsModel::Epochs, true);
    header->moveSection(header->visualIndex(RunsModel::columnOf(measure("accuracy"))), 1);
    f.view->sortByColumn(RunsModel::Name, Qt::AscendingOrder);
    RunsPage again(f.backend, f.document);
    const auto* view = again.findChild<QTableView*>(QStringLiteral("runs"));
    QVERIFY(!view->isColumnHidden(RunsModel::Model));
    QVERIFY(view->isColumnHidden(RunsModel::Epochs));
    QCOMPARE(view->horizontalHeader()->visualIndex(RunsModel::columnOf(measure("accuracy"))), 1);
    QCOMPARE(view->model()->index(0, RunsModel::Name).data().toString(), QStringLiteral("first"));
}

QTEST_MAIN(TestRunsPage)
#include "tst_runs_page.moc"
