// SPDX-License-Identifier: GPL-3.0-or-later
// The whole window: from page to page by mouse and keyboard, a file opened, a training watched and stopped.
#include "tests/support/window_scene.h"
#include "ui/data/data_page.h"
#include "ui/main_window.h"
#include "ui/notice.h"
#include "ui/playground/playground_page.h"
#include "ui/prompt/prompt_page.h"
#include "ui/runs/runs_page.h"
#include "ui/theme/theme.h"
#include "ui/train/train_page.h"

#include <QAction>
#include <QApplication>
#include <QDir>
#include <QDropEvent>
#include <QFile>
#include <QLabel>
#include <QMenu>
#include <QMessageBox>
#include <QMimeData>
#include <QPushButton>
#include <QSettings>
#include <QStackedWidget>
#include <QStandardPaths>
#include <QTimer>
#include <QToolButton>
#include <QUndoStack>
#include <QUrl>
#include <QtTest>

using namespace testing_support;
using namespace ui;

namespace {

const char* const kRail[]{"railData", "railPrompt", "railTrain", "railResults", "railRuns", "railPlay"};

} // namespace

class TestWindow : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void initTestCase();
    void init() { QSettings().clear(); }
    void railLeadsToPages();
    void keysLeadToPages();
    void opensACsv();
    void opensAnExperiment();
    void takesADroppedFile();
    void brokenExperimentIsSaid();
    void lostFileIsSaid();
    void failedSaveIsSaidUntilItIsClosed();
    void escapeClosesTheNoticeAndStopsNothing();
    void trainsByKeyboard();
    void stripFollowsTheRun();
    void stopsByKeyboard();
    void escapeIsFreeWhenIdle();
    void themes();
};

void TestWindow::initTestCase() {
    QStandardPaths::setTestModeEnabled(true);
    QCoreApplication::setOrganizationName(QStringLiteral("phibench-test"));
    QCoreApplication::setApplicationName(QStringLiteral("tst_window"));
    Theme::instance().apply(*qApp, Mode::Light);
}

void TestWindow::railLeadsToPages() {
    Scene scene;
    for (int i = 0; i < 6; ++i) {
        QTest::mouseClick(scene.find<QPushButton>(kRail[i]), Qt::LeftButton);
        QCOMPARE(scene.window.currentPage(), i);
        for (int j = 0; j < 6; ++j) QCOMPARE(scene.find<QPushButton>(kRail[j])->isChecked(), i == j);
    }
}

void TestWindow::keysLeadToPages() {
    Scene scene;
    for (const int i : {5, 2, 0, 4, 1, 3}) {
        QTest::keyClick(&scene.window, Qt::Key(Qt::Key_1 + i), Qt::ControlModifier);
        QCOMPARE(scene.window.currentPage(), i);
        QVERIFY(scene.find<QPushButton>(kRail[i])->isChecked());
    }
    // Every page's button is reached by Tab and pressed by Space.
    auto* play = scene.find<QPushButton>("railPlay");
    play->setFocus();
    QTest::keyClick(play, Qt::Key_Space);
    QCOMPARE(scene.window.currentPage(), 5);
}

void TestWindow::opensACsv() {
    Scene scene;
    scene.window.showPage<RunsPage>();
    scene.window.open(scene.csv());
    QVERIFY(scene.window.isShown<DataPage>());
    QTRY_VERIFY(scene.document.dataset());
    QCOMPARE(scene.find<QLabel>("fact_records")->text(), QStringLiteral("80"));
}

void TestWindow::opensAnExperiment() {
    Scene scene;
    scene.csv();
    QFile yaml(scene.folder.filePath(QStringLiteral("soup.yaml")));
    QVERIFY(yaml.open(QIODevice::WriteOnly));
    yaml.write("name: soup\ndata: {csv: moods.csv}\nprompt: {template: \"{text} {label}\"}\nlora: {r: 3}\n");
    yaml.close();
    scene.window.open(yaml.fileName());
    QVERIFY(scene.window.isShown<TrainPage>());
    QCOMPARE(scene.document.experiment().lora.r, 3);
    QTRY_VERIFY(scene.document.dataset());
    QVERIFY(scene.window.windowTitle().startsWith(QLatin1String("soup.yaml")));
    QVERIFY(!scene.window.isWindowModified());
    scene.document.set(QStringLiteral("lora.r"), QStringLiteral("5"));
    QVERIFY(scene.window.isWindowModified());
}

void TestWindow::takesADroppedFile() {
    Scene scene;
    scene.window.showPage<PlaygroundPage>();
    QMimeData data;
    data.setUrls({QUrl::fromLocalFile(scene.csv())});
    QDragEnterEvent enter({50, 50}, Qt::CopyAction, &data, Qt::LeftButton, {});
    QApplication::sendEvent(&scene.window, &enter);
    QVERIFY(enter.isAccepted());
    QDropEvent drop({50, 50}, Qt::CopyAction, &data, Qt::LeftButton, {});
    QApplication::sendEvent(&scene.window, &drop);
    QTRY_VERIFY(scene.document.dataset());
    QVERIFY(scene.window.isShown<DataPage>());
}

void TestWindow::brokenExperimentIsSaid() {
    Scene scene;
    scene.load();
    QFile yaml(scene.folder.filePath(QStringLiteral("bad.yaml")));
    QVERIFY(yaml.open(QIODevice::WriteOnly));
    yaml.write("lora: {rank: 3}\n");
    yaml.close();
    scene.window.open(yaml.fileName());
    QVERIFY(scene.find<QWidget>("notice")->isVisible());
    QVERIFY2(scene.find<QLabel>("noticeText")->text().contains(QLatin1String("rank")),
             qPrintable(scene.find<QLabel>("noticeText")->text()));
    QVERIFY(!scene.find<QLabel>("trainLine")->text().contains(QLatin1String("rank")));
    scene.window.open(scene.csv()); // the next attempt begins anew
    QVERIFY(!scene.find<QWidget>("notice")->isVisible());
}

void TestWindow::lostFileIsSaid() {
    Scene scene;
    scene.load();
    scene.window.showPage<PromptPage>();
    QVERIFY(QFile::remove(scene.folder.filePath(QStringLiteral("moods.csv"))));
    scene.document.open(scene.folder.filePath(QStringLiteral("moods.csv")));
    QTRY_VERIFY(scene.find<QWidget>("notice")->isVisible());
    QVERIFY(scene.find<QLabel>("noticeText")->text().startsWith(QLatin1String("There is no file")));
    QVERIFY(scene.window.isShown<PromptPage>());
}

void TestWindow::failedSaveIsSaidUntilItIsClosed() {
    Scene scene;
    scene.load();
    QVERIFY(QDir(scene.folder.path()).mkdir(QStringLiteral("there")));
    QVERIFY(scene.document.save(scene.folder.filePath(QStringLiteral("there/mine.yaml"))));
    QVERIFY(QDir(scene.folder.filePath(QStringLiteral("there"))).removeRecursively());
    auto* notice = scene.find<QWidget>("notice");
    QVERIFY(!notice->isVisible());
    scene.window.showPage<PromptPage>();
    for (const bool byKey : {false, true}) {
        QTest::keyClick(&scene.window, Qt::Key_S, Qt::ControlModifier);
        QVERIFY(notice->isVisible());
        QVERIFY2(scene.find<QLabel>("noticeText")->text().contains(QLatin1String("mine.yaml")),
                 qPrintable(scene.find<QLabel>("noticeText")->text()));
        QVERIFY(scene.window.isShown<PromptPage>());
        for (int i = 0; i < 6; ++i) { // whichever page one goes to
            scene.window.showPage(i);
            QVERIFY(notice->isVisible());
        }
        scene.window.showPage<PromptPage>();
        if (byKey)
            QTest::keyClick(&scene.window, Qt::Key_Escape);
        else
            QTest::mouseClick(scene.find<QToolButton>("noticeClose"), Qt::LeftButton);
        QVERIFY(!notice->isVisible());
    }
    QVERIFY(QDir(scene.folder.path()).mkdir(QStringLiteral("there")));
    QTest::keyClick(&scene.window, Qt::Key_S, Qt::ControlModifier);
    QVERIFY(!notice->isVisible());
}

void TestWindow::escapeClosesTheNoticeAndStopsNothing() {
    Scene scene;
    scene.load();
    QTest::keyClick(&scene.window, Qt::Key_F5);
    scene.backend.beginJob(engine::RunKind::Train, QStringLiteral("soup"));
    scene.find<Notice>("notice")->say(QStringLiteral("It could not be saved."));
    QTest::keyClick(&scene.window, Qt::Key_Escape);
    QVERIFY(!scene.find<QWidget>("notice")->isVisible());
    QCOMPARE(scene.backend.stops, 0);
    QTest::keyClick(&scene.window, Qt::Key_Escape);
    QCOMPARE(scene.backend.stops, 0);
}

void TestWindow::trainsByKeyboard() {
    Scene scene;
    QTest::keyClick(&scene.window, Qt::Key_F5);
    QVERIFY(scene.window.isShown<TrainPage>()); // it says there what is missing
    QVERIFY(scene.backend.started.empty());
    scene.load();
    QTest::keyClick(&scene.window, Qt::Key_Return, Qt::ControlModifier);
    QCOMPARE(scene.backend.started.size(), std::size_t(1));
    QVERIFY(scene.window.isShown<TrainPage>());
    QTest::keyClick(&scene.window, Qt::Key_F5);
    QCOMPARE(scene.backend.started.size(), std::size_t(1));
}

void TestWindow::stripFollowsTheRun() {
    Scene scene;
    scene.load();
    auto* strip = scene.find<QWidget>("strip");
    QVERIFY(!strip->isVisible());
    QTest::keyClick(&scene.window, Qt::Key_F5);
    const auto run = scene.backend.beginJob(engine::RunKind::Train, QStringLiteral("soup"));
    scene.backend.sayStepsUpTo(1, 84, 339);
    for (int i = 0; i < 6; ++i) {
        scene.window.showPage(i);
        QVERIFY(strip->isVisible());
    }
    QVERIFY(scene.find<QLabel>("stripRun")->text().startsWith(QStringLiteral("Run %1").arg(run)));
    QVERIFY(scene.find<QLabel>("stripStage")->text().contains(QLatin1String("step 84 of 339")));
    QVERIFY(scene.find<QLabel>("stripLeft")->text().contains(QStringLiteral("3 min 42 s left")) ||
            scene.find<QLabel>("stripLeft")
                ->text()
                .replace(QChar(0xa0), QLatin1Char(' '))
                .contains(QStringLiteral("3 min 42 s left")));
    QVERIFY(scene.find<QLabel>("stripSpeed")->text().contains(QLatin1String("examples/s")));
    QVERIFY(scene.find<QLabel>("stripMemory")->text().contains(QLatin1String("642")));
    const int width = scene.find<QLabel>("stripStage")->width();
    scene.backend.sayStepsUpTo(85, 338, 339);
    QCOMPARE(scene.find<QLabel>("stripStage")->width(), width); // nothing jumps
    scene.window.showPage<PlaygroundPage>();
    QTest::mouseClick(strip, Qt::LeftButton, {}, {40, 20});
    QVERIFY(scene.window.isShown<TrainPage>());
    QTest::mouseClick(scene.find<QPushButton>("stripStop"), Qt::LeftButton);
    QCOMPARE(scene.backend.stops, 1);
    QVERIFY(!scene.find<QPushButton>("stripStop")->isEnabled());
    scene.backend.finishJob(engine::Outcome(engine::Stopped{run, "checkpoint", 338}));
    scene.backend.goIdle({run});
    QVERIFY(!strip->isVisible());
}

void TestWindow::stopsByKeyboard() {
    Scene scene;
    scene.load();
    QTest::keyClick(&scene.window, Qt::Key_F5);
    scene.backend.beginJob(engine::RunKind::Train, QStringLiteral("soup"));
    scene.window.showPage<DataPage>();
    QTest::keyClick(&scene.window, Qt::Key_Period, Qt::ControlModifier);
    QCOMPARE(scene.backend.stops, 1);
}

void TestWindow::escapeIsFreeWhenIdle() {
    Scene scene;
    QVERIFY(!scene.find<QAction>("actionStop")->isEnabled());
    QTest::keyClick(&scene.window, Qt::Key_Escape);
    QCOMPARE(scene.backend.stops, 0);
    QVERIFY(scene.window.isVisible());
}

void TestWindow::themes() {
    Scene scene;
    scene.find<QAction>("theme2")->trigger();
    QVERIFY(Theme::instance().isDark());
    QCOMPARE(QSettings().value(QStringLiteral("theme")).toInt(), int(Mode::Dark));
    scene.find<QAction>("theme1")->trigger();
    QVERIFY(!Theme::instance().isDark());
}

QTEST_MAIN(TestWindow)
#include "tst_window.moc"
