// links: app_core test_support
// SPDX-License-Identifier: GPL-3.0-or-later
// One person's way through the real window over the real engine: open, look, train, compare, prompt.
#include "app/runner.h"
#include "tests/support/tiny_data.h"
#include "tests/support/tiny_model.h"
#include "ui/compare/compare_page.h"
#include "ui/data/data_page.h"
#include "ui/document.h"
#include "ui/main_window.h"
#include "ui/playground/playground_page.h"
#include "ui/plots/matrix_plot.h"
#include "ui/runs/runs_page.h"
#include "ui/theme/theme.h"
#include "ui/train/train_page.h"

#include <QApplication>
#include <QComboBox>
#include <QLabel>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QSettings>
#include <QSignalSpy>
#include <QSpinBox>
#include <QTableView>
#include <QTemporaryDir>
#include <QTest>

using namespace engine;

class TestJourney : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void fromCsvToPlayground() {
        QTemporaryDir dir;
        QSettings::setDefaultFormat(QSettings::IniFormat);
        QSettings::setPath(QSettings::IniFormat, QSettings::UserScope, dir.path());
        const std::filesystem::path folder = dir.path().toStdString();
        const auto model = testing_support::writeTinyModel(folder / "model");
        const auto csv = testing_support::writeTinyCsv(folder / "news.csv");
        Experiment experiment = testing_support::tinyExperiment(model, csv);
        experiment.data.csv = "elsewhere.csv"; // the person opens the right one
        saveExperiment(experiment, folder / "tiny.yaml");

        Runs runs(folder / "runs.db");
        app::Runner runner(runs, app::engineJobs());
        ui::Document document(runner);
        ui::Theme::instance().apply(*qApp, ui::Mode::Light);
        ui::MainWindow window(runner, document);
        window.resize(1280, 720);
        window.show();
        const auto go = [&](const char* rail) {
            QTest::mouseClick(window.findChild<QPushButton*>(QString::fromLatin1(rail)), Qt::LeftButton);
        };

        // Open an experiment, then a CSV for it.
        window.open(QString::fromStdString((folder / "tiny.yaml").string()));
        window.open(QString::fromStdString(csv.string()));
        window.findChild<QPushButton*>(QStringLiteral("noticeAction"))->click(); // use it with the experiment
        QTRY_VERIFY_WITH_TIMEOUT(document.dataset().has_value(), 30000);
        QCOMPARE(document.dataset()->examples.size(), std::size_t(180));
        go("railData");
        QVERIFY(window.isShown<ui::DataPage>());

        // Train, from the button.
        go("railTrain");
        auto* train = window.findChild<ui::TrainPage*>();
        auto* button = train->findChild<QPushButton*>(QStringLiteral("primaryAction"));
        QTRY_VERIFY_WITH_TIMEOUT(button->isEnabled(), 30000);
        QSignalSpy idle(&runner, &ui::Backend::idle);
        QTest::mouseClick(button, Qt::LeftButton);
        QTRY_COMPARE_WITH_TIMEOUT(idle.count(), 1, 240000);
        const std::vector<RunSummary> made = runs.list();
        QCOMPARE(made.size(), std::size_t(2));
        QVERIFY(made[0].kind == RunKind::Train && made[0].state == RunState::Done);
        QVERIFY(made[1].kind == RunKind::Baseline && made[1].state == RunState::Done);
        QCOMPARE(made[0].step, 12); // 36 rows, 6 at a time, twice

        // The runs table, both chosen, compared.
        go("railRuns");
        auto* page = window.findChild<ui::RunsPage*>();
        auto* table = page->findChild<QTableView*>();
        QTRY_COMPARE(table->model()->rowCount(), 2);
        table->selectAll();
        QTest::mouseClick(page->findChild<QPushButton*>(QStringLiteral("primaryAction")), Qt::LeftButton);
        QVERIFY(window.isShown<ui::ComparePage>());
        auto* results = window.findChild<ui::ComparePage*>();
        const QString verdict = results->findChild<QLabel*>(QStringLiteral("verdict"))->text();
        QVERIFY2(verdict.contains(QStringLiteral("ccuracy")), qPrintable(verdict));
        QVERIFY(results->findChildren<ui::MatrixPlot*>().size() >= 2);

        // Prompt both.
        go("railPlay");
        auto* play = window.findChild<ui::PlaygroundPage*>();
        auto* adapter = play->findChild<QComboBox*>(QStringLiteral("playAdapter"));
        QCOMPARE(adapter->currentData().toLongLong(), made[0].id);
        QTest::mouseClick(play->findChild<QPushButton*>(QStringLiteral("playInsert")), Qt::LeftButton);
        QVERIFY(play->findChild<QPlainTextEdit*>(QStringLiteral("playPrompt"))
                    ->toPlainText()
                    .startsWith(QStringLiteral("How is this news: ")));
        play->findChild<QSpinBox*>(QStringLiteral("playTokens"))->setValue(5);
        auto* run = play->findChild<QPushButton*>(QStringLiteral("playRun"));
        if (!run) run = play->findChild<QPushButton*>(QStringLiteral("primaryAction"));
        QTest::mouseClick(run, Qt::LeftButton);
        QCOMPARE(run->text(), QStringLiteral("Stop"));
        QTRY_COMPARE_WITH_TIMEOUT(run->text(), QStringLiteral("Run"), 60000);
        for (const char* facts : {"playFacts0", "playFacts1"}) {
            const QString text = play->findChild<QLabel*>(QString::fromLatin1(facts))->text();
            QVERIFY2(text.contains(QStringLiteral("tokens")), qPrintable(text));
        }
        QVERIFY(document.save(document.filePath())); // else closing asks
        QVERIFY(window.close());
    }
};

QTEST_MAIN(TestJourney)
#include "tst_journey.moc"
