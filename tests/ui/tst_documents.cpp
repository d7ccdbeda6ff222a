// SPDX-License-Identifier: GPL-3.0-or-later
// Documents in the window: what is opened, saved and asked before something is lost, and a run that outlives the window.
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

class TestDocuments : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void initTestCase();
    void init() { QSettings().clear(); }
    void asksBeforeSomethingIsLost();
    void aTableOpenedOverAnExperiment();
    void runsSettingsBeginANewExperiment();
    void undoesByKeyboard();
    void asksWhenClosedInMidTraining();
    void offersToGoOn();
    void remembersRecentFiles();
    void noticesAChangeOnDisk();
    void savesTheExperiment();
    void remembersTheDraft();
};

void TestDocuments::initTestCase() {
    QStandardPaths::setTestModeEnabled(true);
    QCoreApplication::setOrganizationName(QStringLiteral("phibench-test"));
    QCoreApplication::setApplicationName(QStringLiteral("tst_documents"));
    Theme::instance().apply(*qApp, Mode::Light);
}

void TestDocuments::asksBeforeSomethingIsLost() {
    Scene scene;
    QTest::qWait(500); // whatever the pages do to show themselves changes nothing
    QVERIFY(!scene.document.isModified());
    scene.load(); // changes the split
    QVERIFY(scene.window.isWindowModified());
    const QString other = scene.folder.filePath(QStringLiteral("other.yaml"));
    QFile yaml(other);
    QVERIFY(yaml.open(QIODevice::WriteOnly));
    yaml.write("name: other\n");
    yaml.close();
    {
        Answer stay("unsaved", QMessageBox::Cancel);
        scene.window.open(other);
        QVERIFY(stay.asked);
        QVERIFY(scene.document.filePath().isEmpty());
        QCOMPARE(scene.document.experiment().data.split.train_per_label, 20);
    }
    Answer leave("unsaved", QMessageBox::Discard);
    scene.window.open(other);
    QVERIFY(leave.asked);
    QCOMPARE(scene.document.filePath(), other);
    QVERIFY(!scene.window.isWindowModified());
    scene.window.open(scene.csv()); // nothing to lose, nothing asked
    QVERIFY(scene.document.table() || scene.document.isLoading());
}

void TestDocuments::aTableOpenedOverAnExperiment() {
    Scene scene;
    scene.csv();
    const QString path = scene.folder.filePath(QStringLiteral("soup.yaml"));
    const QByteArray text = "# mine\nname: soup\ndata: {csv: moods.csv}\nprompt: {template: \"Mine: {text} {label}\"}\n";
    QFile yaml(path);
    QVERIFY(yaml.open(QIODevice::WriteOnly));
    yaml.write(text);
    yaml.close();
    scene.window.open(path);
    QTRY_VERIFY(scene.document.dataset());
    const QString other = scene.folder.filePath(QStringLiteral("other.csv"));
    QVERIFY(QFile::copy(scene.folder.filePath(QStringLiteral("moods.csv")), other));
    scene.window.open(other);
    QTRY_VERIFY(scene.document.dataset());
    QVERIFY(scene.document.filePath().isEmpty());
    QVERIFY(!scene.document.experiment().prompt.text_template.starts_with("Mine"));
    auto* instead = scene.find<QPushButton>("noticeAction");
    QVERIFY(instead->isVisible());
    QVERIFY(instead->text().contains(QLatin1String("soup.yaml")));
    QTest::mouseClick(instead, Qt::LeftButton);
    QTRY_VERIFY(scene.document.dataset());
    QCOMPARE(scene.document.filePath(), path);
    QVERIFY(scene.document.experiment().prompt.text_template.starts_with("Mine"));
    QTest::keyClick(&scene.window, Qt::Key_S, Qt::ControlModifier);
    QVERIFY(yaml.open(QIODevice::ReadOnly));
    QCOMPARE(yaml.readAll(), QByteArray(text).replace("moods.csv", "other.csv"));
}

void TestDocuments::runsSettingsBeginANewExperiment() {
    Scene scene;
    scene.load();
    QVERIFY(scene.document.save(scene.folder.filePath(QStringLiteral("mine.yaml"))));
    engine::Experiment recorded;
    recorded.lora.r = 5;
    Q_EMIT scene.window.findChild<RunsPage*>()->experimentRequested(QString::fromStdString(engine::toYaml(recorded)));
    QCOMPARE(scene.document.experiment().lora.r, 5);
    QVERIFY(scene.document.filePath().isEmpty()); // saving it must not write mine.yaml
}

void TestDocuments::undoesByKeyboard() {
    Scene scene;
    scene.load();
    QVERIFY(scene.document.save(scene.folder.filePath(QStringLiteral("mine.yaml"))));
    scene.document.set(QStringLiteral("lora.r"), QStringLiteral("7"));
    QVERIFY(scene.window.isWindowModified());
    scene.window.setFocus();
    QTest::keyClick(&scene.window, Qt::Key_Z, Qt::ControlModifier);
    QCOMPARE(scene.document.experiment().lora.r, 16);
    QVERIFY(!scene.window.isWindowModified());
    QTest::keyClick(&scene.window, Qt::Key_Z, Qt::ControlModifier | Qt::ShiftModifier);
    QCOMPARE(scene.document.experiment().lora.r, 7);
}

void TestDocuments::asksWhenClosedInMidTraining() {
    Scene scene;
    scene.load();
    QVERIFY(scene.document.save(scene.folder.filePath(QStringLiteral("mine.yaml"))));
    QTest::keyClick(&scene.window, Qt::Key_F5);
    const auto run = scene.backend.beginJob(engine::RunKind::Train, QStringLiteral("soup"));
    {
        Answer stay("runUnderWay", QStringLiteral("Stay"));
        scene.window.close();
        QVERIFY(stay.asked);
        QVERIFY(scene.window.isVisible());
        QCOMPARE(scene.backend.stops, 0);
    }
    Answer leave("runUnderWay", QStringLiteral("Stop and keep"));
    scene.window.close();
    QVERIFY(leave.asked);
    QCOMPARE(scene.backend.stops, 1);
    QVERIFY(scene.window.isVisible()); // until the checkpoint is written
    scene.backend.finishJob(engine::Outcome(engine::Stopped{run, "checkpoint", 3}));
    scene.backend.goIdle({run});
    QTRY_VERIFY(!scene.window.isVisible());
}

void TestDocuments::offersToGoOn() {
    Scene scene;
    scene.load();
    QTest::keyClick(&scene.window, Qt::Key_F5);
    const auto run = scene.backend.beginJob(engine::RunKind::Train, QStringLiteral("soup"));
    scene.backend.sayStepsUpTo(1, 3, 20);
    scene.backend.runs().setSteps(run, 3, 20);
    scene.backend.finishJob(engine::Outcome(engine::Stopped{run, "checkpoint", 3}));
    scene.backend.goIdle({run});
    scene.backend.runs().finish(run, engine::RunState::Stopped, "stopped");

    Document document(scene.backend);
    MainWindow window(scene.backend, document);
    window.restore();
    window.open(scene.csv());
    QTRY_VERIFY(document.dataset());
    document.set(QStringLiteral("data.split.train_per_label"), QStringLiteral("20"));
    document.set(QStringLiteral("data.split.test_per_label"), QStringLiteral("10"));
    const QString line = window.findChild<QLabel*>(QStringLiteral("trainLine"))->text();
    QVERIFY2(line.contains(QLatin1String("step 3 of 20")), qPrintable(line));
    window.findChild<QPushButton*>(QStringLiteral("lineAction"))->click();
    QCOMPARE(scene.backend.resumed, std::vector<engine::RunId>{run});
}

void TestDocuments::remembersRecentFiles() {
    Scene scene;
    const QString csv = scene.csv();
    scene.window.open(csv);
    QTRY_VERIFY(scene.document.dataset());
    auto* menu = scene.find<QMenu>("recentMenu");
    Q_EMIT menu->aboutToShow();
    QVERIFY(menu->actions().first()->text().startsWith(QLatin1String("moods.csv")));
    scene.document.begin();
    menu->actions().first()->trigger();
    QTRY_VERIFY(scene.document.dataset());
}

void TestDocuments::noticesAChangeOnDisk() {
    Scene scene;
    scene.csv();
    const QString path = scene.folder.filePath(QStringLiteral("soup.yaml"));
    const auto write = [&](const QByteArray& text) {
        QFile yaml(path);
        if (!yaml.open(QIODevice::WriteOnly) || yaml.write(text) < 0) qFatal("cannot write");
    };
    write("name: soup\ndata: {csv: moods.csv}\n");
    scene.window.open(path);
    write("name: stew\ndata: {csv: moods.csv}\n");
    scene.document.set(QStringLiteral("lora.r"), QStringLiteral("7"));
    {
        Answer cancel("changedOnDisk", QMessageBox::Cancel);
        QTest::keyClick(&scene.window, Qt::Key_S, Qt::ControlModifier);
        QVERIFY(cancel.asked);
        QVERIFY(scene.window.isWindowModified());
    }
    scene.window.activateWindow();
    QVERIFY(QTest::qWaitForWindowActive(&scene.window));
    Answer replace("changedOnDisk", QStringLiteral("Replace it"));
    QTest::keyClick(&scene.window, Qt::Key_S, Qt::ControlModifier);
    QVERIFY(replace.asked);
    QVERIFY(!scene.window.isWindowModified());
    QCOMPARE(engine::loadExperiment(path.toStdString()).name, std::string("soup"));
}

void TestDocuments::savesTheExperiment() {
    Scene scene;
    scene.load();
    const QString path = scene.folder.filePath(QStringLiteral("mine.yaml"));
    QVERIFY(scene.document.save(path));
    scene.document.set(QStringLiteral("lora.r"), QStringLiteral("7"));
    QVERIFY(scene.window.isWindowModified());
    QTest::keyClick(&scene.window, Qt::Key_S, Qt::ControlModifier); // has a file: no question is asked
    QVERIFY(!scene.window.isWindowModified());
    QCOMPARE(engine::loadExperiment(path.toStdString()).lora.r, 7);
}

void TestDocuments::remembersTheDraft() {
    QTemporaryDir folder;
    {
        Scene scene;
        scene.window.open(scene.csv());
        QTRY_VERIFY(scene.document.dataset());
        QVERIFY(scene.document.save(folder.filePath(QStringLiteral("mine.yaml"))));
        scene.document.set(QStringLiteral("lora.r"), QStringLiteral("11"));
        scene.window.resize(1180, 700);
        Answer answer("unsaved", QMessageBox::Save);
        scene.window.close();
        QVERIFY(answer.asked);
    }
    FakeBackend backend;
    Document document(backend);
    MainWindow window(backend, document);
    window.restore();
    QCOMPARE(document.experiment().lora.r, 11);
    QCOMPARE(window.size(), QSize(1180, 700));
}

QTEST_MAIN(TestDocuments)
#include "tst_documents.moc"
