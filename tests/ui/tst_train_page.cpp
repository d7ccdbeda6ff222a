// SPDX-License-Identifier: GPL-3.0-or-later
// Form, YAML and what the page shows while a scripted training runs.
#include "tests/support/fake_backend.h"
#include "tests/support/moods_csv.h"
#include "ui/elided_label.h"
#include "ui/plots/loss_plot.h"
#include "ui/plots/matrix_plot.h"
#include "ui/theme/theme.h"
#include "ui/train/experiment_form.h"
#include "ui/train/log_panel.h"
#include "ui/train/memory_bar.h"
#include "ui/train/model_facts.h"
#include "ui/train/train_page.h"
#include "ui/train/yaml_editor.h"

#include <QApplication>
#include <QCheckBox>
#include <QComboBox>
#include <QFile>
#include <QLabel>
#include <QLineEdit>
#include <QPlainTextEdit>
#include <QProgressBar>
#include <QPushButton>
#include <QSignalSpy>
#include <QtTest>

using namespace testing_support;
using namespace ui;

namespace {

struct Scene {
    QTemporaryDir folder;
    FakeBackend backend;
    Document document{backend};
    std::unique_ptr<TrainPage> page = std::make_unique<TrainPage>(backend, document);

    Scene() {
        page->resize(1100, 680);
        page->show();
    }
    void load() {
        document.open(writeMoods(folder.path()));
        QTRY_VERIFY(document.dataset());
        document.set(QStringLiteral("data.split.train_per_label"), QStringLiteral("20"));
        document.set(QStringLiteral("data.split.test_per_label"), QStringLiteral("10"));
        document.set(QStringLiteral("data.split.eval_per_label"), QStringLiteral("5"));
        QCOMPARE(page->obstacle(), QString());
    }
    template <typename T> T* find(const char* name) {
        auto* found = page->findChild<T*>(QLatin1String(name));
        if (!found) qFatal("there is no %s", name);
        return found;
    }
    /// All of it, though fonts differ and it may be cut short; with breaking spaces before units.
    QString text(const char* name) {
        const auto* label = find<QLabel>(name);
        const auto* elided = qobject_cast<const ElidedLabel*>(label);
        return (elided ? elided->fullText() : label->text()).replace(QChar(0xa0), QLatin1Char(' '));
    }
    QString line() { return text("trainLine"); }
    QPushButton* action() { return find<QPushButton>("primaryAction"); }
};

engine::ConfusionMatrix two(std::vector<std::vector<std::int64_t>> counts) {
    return {{"bad", "good"}, std::move(counts)};
}

} // namespace

class TestTrainPage : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void initTestCase() { Theme::instance().apply(*qApp, Mode::Light); }
    void everyFieldHasAnEditor();
    void editorsSetTheDocument();
    void refusedTextBlocks();
    void documentSetsTheEditors();
    void issuesStandAtTheirField();
    void yamlBothWays();
    void brokenYamlBlocks();
    void modelFacts();
    void obstaclesAreVisible();
    void splitIsFitted();
    void trainsFromBaselineToResult();
    void staleEventsAreDropped();
    void stopsAndGoesOn();
    void failureIsSaid();
    void refusedStart();
    void earlierBaselineIsShown();
    void warningsBeforeTheRun();
    void resumedRunKeepsItsCurve();
};

void TestTrainPage::everyFieldHasAnEditor() {
    Scene scene;
    for (const engine::Field& field : engine::experimentFields()) {
        if (field.key.starts_with("prompt.")) continue;
        auto* editor = scene.page->findChild<QWidget*>(QStringLiteral("edit:") + QString::fromStdString(field.key));
        QVERIFY2(editor, field.key.c_str());
        QVERIFY(editor->toolTip().contains(QString::fromStdString(field.key)));
        QCOMPARE(editor->isVisible(), !field.advanced);
    }
    QTest::mouseClick(scene.find<QPushButton>("allSettings"), Qt::LeftButton);
    for (const engine::Field& field : engine::experimentFields())
        if (auto* editor = scene.page->findChild<QWidget*>(QStringLiteral("edit:") + QString::fromStdString(field.key)))
            QVERIFY(editor->isVisibleTo(scene.page.get()));
}

void TestTrainPage::editorsSetTheDocument() {
    Scene scene;
    QTest::mouseClick(scene.find<QPushButton>("allSettings"), Qt::LeftButton);
    auto* rank = scene.find<QLineEdit>("edit:lora.r");
    rank->selectAll();
    QTest::keyClicks(rank, QStringLiteral("32"));
    QCOMPARE(scene.document.experiment().lora.r, 32);
    auto* rate = scene.find<QLineEdit>("edit:train.learning_rate");
    rate->setFocus();
    rate->selectAll();
    QTest::keyClicks(rate, QStringLiteral("0.0005"));
    QCOMPARE(scene.document.experiment().train.learning_rate, 0.0005);
    QCOMPARE(rate->text(), QStringLiteral("0.0005")); // not rewritten under the fingers
    auto* flag = scene.find<QCheckBox>("edit:lora.rslora");
    flag->click();
    QVERIFY(scene.document.experiment().lora.rslora);
    auto* choice = scene.find<QComboBox>("edit:train.schedule");
    choice->setCurrentText(QStringLiteral("linear"));
    Q_EMIT choice->activated(choice->currentIndex());
    QCOMPARE(scene.document.experiment().train.schedule, std::string("linear"));
    auto* list = scene.find<QLineEdit>("edit:lora.targets");
    QCOMPARE(list->text(), QStringLiteral("all-linear"));
    list->selectAll();
    QTest::keyClicks(list, QStringLiteral("q_proj, v_proj"));
    QCOMPARE(scene.document.experiment().lora.targets, (std::vector<std::string>{"q_proj", "v_proj"}));
}

void TestTrainPage::refusedTextBlocks() {
    Scene scene;
    scene.load();
    auto* rank = scene.find<QLineEdit>("edit:lora.r");
    auto* error = scene.find<QLabel>("error:lora.r");
    rank->setFocus();
    rank->selectAll();
    QTest::keyClicks(rank, QStringLiteral("abc"));
    QVERIFY(!error->isVisible());          // not while it is being typed
    QVERIFY(!scene.action()->isEnabled()); // but what is not taken is not trained either
    QTest::keyClick(rank, Qt::Key_Return);
    QVERIFY(error->isVisible());
    QVERIFY(error->text().contains(QLatin1String("lora.r")));
    QVERIFY(rank->property("invalid").toBool());
    QVERIFY(scene.line().contains(QLatin1String("lora.r")));
    QCOMPARE(scene.document.experiment().lora.r, 16);
    rank->selectAll();
    QTest::keyClicks(rank, QStringLiteral("8"));
    QVERIFY(!error->isVisible());
    QVERIFY(!rank->property("invalid").toBool());
    QVERIFY(scene.action()->isEnabled());
}

void TestTrainPage::documentSetsTheEditors() {
    Scene scene;
    scene.document.set(QStringLiteral("lora.r"), QStringLiteral("64"));
    scene.document.set(QStringLiteral("model.path"), QStringLiteral("microsoft/phi-2"));
    scene.document.set(QStringLiteral("lora.rslora"), QStringLiteral("true"));
    QCOMPARE(scene.find<QLineEdit>("edit:lora.r")->text(), QStringLiteral("64"));
    QCOMPARE(scene.find<QComboBox>("edit:model.path")->currentText(), QStringLiteral("microsoft/phi-2"));
    QVERIFY(scene.find<QCheckBox>("edit:lora.rslora")->isChecked());
}

void TestTrainPage::issuesStandAtTheirField() {
    Scene scene;
    scene.load();
    scene.document.set(QStringLiteral("train.micro_batch_size"), QStringLiteral("64"));
    QVERIFY(!scene.find<QLabel>("error:train.micro_batch_size")->text().isEmpty());
    QVERIFY(!scene.action()->isEnabled());
    auto* fix = scene.find<QPushButton>("lineAction");
    QVERIFY(fix->isVisible());
    QVERIFY(!scene.find<QWidget>("edit:train.micro_batch_size")->isVisible());
    QTest::mouseClick(fix, Qt::LeftButton);
    QVERIFY(scene.find<QWidget>("edit:train.micro_batch_size")->isVisible());
    QVERIFY(scene.find<QPushButton>("allSettings")->isChecked());
}

void TestTrainPage::yamlBothWays() {
    Scene scene;
    QTest::mouseClick(scene.find<QPushButton>("asYaml"), Qt::LeftButton);
    auto* yaml = scene.find<QPlainTextEdit>("yaml");
    QVERIFY(yaml->isVisible());
    QVERIFY(yaml->toPlainText().contains(QLatin1String("r: 16")));
    scene.document.set(QStringLiteral("lora.r"), QStringLiteral("24"));
    QVERIFY(yaml->toPlainText().contains(QLatin1String("r: 24")));
    const QString written =
        QStringLiteral("# mine\n") + yaml->toPlainText().replace(QStringLiteral("r: 24"), QStringLiteral("r: 12"));
    yaml->setPlainText(written);
    QTRY_COMPARE(scene.document.experiment().lora.r, 12);
    QCOMPARE(yaml->toPlainText(), written); // the comment stays while one writes
    QCOMPARE(scene.find<QLineEdit>("edit:lora.r")->text(), QStringLiteral("12"));
}

void TestTrainPage::brokenYamlBlocks() {
    Scene scene;
    scene.load();
    QTest::mouseClick(scene.find<QPushButton>("asYaml"), Qt::LeftButton);
    auto* yaml = scene.find<QPlainTextEdit>("yaml");
    const QString good = yaml->toPlainText();
    yaml->setPlainText(QStringLiteral("name: x\nlora: {rank: 8}\n"));
    QTRY_VERIFY(scene.find<QLabel>("yamlProblem")->isVisible());
    QVERIFY(scene.find<QLabel>("yamlProblem")->text().contains(QLatin1String("line 2")));
    QCOMPARE(yaml->extraSelections().size(), 1);
    QVERIFY(!scene.action()->isEnabled());
    QVERIFY(scene.line().contains(QLatin1String("YAML")));
    QCOMPARE(scene.document.experiment().lora.r, 16);
    yaml->setPlainText(good);
    QTRY_VERIFY(scene.action()->isEnabled());
    QVERIFY(!scene.find<QLabel>("yamlProblem")->isVisible());
    // Typing that has not been read yet is read before it trains.
    yaml->setPlainText(QString(good).replace(QStringLiteral("r: 16"), QStringLiteral("r: 9")));
    QTest::mouseClick(scene.action(), Qt::LeftButton);
    QCOMPARE(scene.backend.started.size(), std::size_t(1));
    QCOMPARE(scene.backend.started[0].lora.r, 9);
}

void TestTrainPage::modelFacts() {
    Scene scene;
    QTRY_COMPARE(scene.text("modelParameters"), QStringLiteral("134.5 M"));
    const QString trains = scene.text("modelTrainable");
    QVERIFY2(trains.contains(QLatin1String("4.88")) && trains.contains(QLatin1String("3.6")), qPrintable(trains));
    const std::size_t asked = scene.backend.models.size();
    scene.document.set(QStringLiteral("lora.r"), QStringLiteral("32")); // a larger adapter: asked again
    QTRY_COMPARE(scene.backend.models.size(), asked + 1);
    QTRY_VERIFY(scene.text("modelTrainable").contains(QLatin1String("9.77")));
    scene.document.set(QStringLiteral("train.epochs"), QStringLiteral("2"));
    scene.document.set(QStringLiteral("model.precision"), QStringLiteral("fp32"));
    const QString fp32 = scene.text("modelMemory");
    QCOMPARE(scene.text("modelPrecision"), QStringLiteral("fp32"));
    scene.document.set(QStringLiteral("model.compute"), QStringLiteral("bf16")); // contradicts fp32: nothing can be said
    QCOMPARE(scene.text("modelPrecision"), QStringLiteral("–"));
    QVERIFY(!scene.find<MemoryBar>("memoryParts")->isVisibleTo(scene.page.get()));
    scene.document.set(QStringLiteral("model.precision"), QStringLiteral("nf4"));
    QCOMPARE(scene.text("modelPrecision"), QStringLiteral("NF4, computed in bf16"));
    QVERIFY(scene.text("modelMemory") != fp32);
    const QStringList parts = scene.find<MemoryBar>("memoryParts")->rows();
    QCOMPARE(parts.size(), 4);
    QCOMPARE(parts[0], QStringLiteral("Weights 119\u00A0MB")); // 0.5625 bytes a weight of the layers, two of the embedding
    QCOMPARE(parts[1], QStringLiteral("Adapter 176\u00A0MB"));
    QVERIFY(!scene.find<QLabel>("memoryTight")->isVisibleTo(scene.page.get()));
    scene.document.set(QStringLiteral("train.micro_batch_size"), QStringLiteral("65536"));
    scene.document.set(QStringLiteral("train.batch_size"), QStringLiteral("65536"));
    QVERIFY(scene.find<QLabel>("memoryTight")->isVisibleTo(scene.page.get())); // more than any machine has
    QCOMPARE(scene.backend.models.size(), asked + 1);                          // these change nothing that the files say
    scene.backend.modelProblem = QStringLiteral("There is no model folder /nowhere.");
    scene.document.set(QStringLiteral("model.path"), QStringLiteral("/nowhere"));
    QTRY_VERIFY(scene.find<QLabel>("modelProblem")->isVisible());
}

void TestTrainPage::obstaclesAreVisible() {
    Scene scene;
    QVERIFY(!scene.action()->isEnabled());
    QVERIFY(scene.find<QLabel>("trainLine")->isVisible());
    QVERIFY(scene.line().contains(QLatin1String("no data"), Qt::CaseInsensitive));
    QSignalSpy data(scene.page.get(), &TrainPage::dataRequested), prompt(scene.page.get(), &TrainPage::promptRequested);
    QTest::mouseClick(scene.find<QPushButton>("lineAction"), Qt::LeftButton);
    QCOMPARE(data.size(), 1);
    scene.page->train(); // as by the shortcut
    QVERIFY(scene.backend.started.empty());
    scene.load();
    QVERIFY(scene.line().contains(QLatin1String("40 rows")));
    scene.document.set(QStringLiteral("prompt.template"), QStringLiteral("nothing"));
    QVERIFY(!scene.action()->isEnabled());
    QTest::mouseClick(scene.find<QPushButton>("lineAction"), Qt::LeftButton);
    QCOMPARE(prompt.size(), 1);
}

void TestTrainPage::splitIsFitted() {
    Scene scene;
    scene.load();
    scene.document.set(QStringLiteral("data.split.train_per_label"), QStringLiteral("300"));
    scene.document.set(QStringLiteral("data.split.test_per_label"), QStringLiteral("300"));
    QVERIFY(!scene.action()->isEnabled());
    QTest::mouseClick(scene.find<QPushButton>("lineAction"), Qt::LeftButton);
    QVERIFY2(scene.action()->isEnabled(), qPrintable(scene.page->obstacle()));
    const engine::SplitSpec& split = scene.document.experiment().data.split;
    QCOMPARE(split.train_per_label, split.test_per_label); // half and half, as it was
    QVERIFY(split.train_per_label + split.test_per_label <= 40);
}

void TestTrainPage::trainsFromBaselineToResult() {
    Scene scene;
    scene.load();
    QCOMPARE(scene.action()->text(), QStringLiteral("Train"));
    QTest::mouseClick(scene.action(), Qt::LeftButton);
    QCOMPARE(scene.backend.started.size(), std::size_t(1));
    QCOMPARE(scene.action()->text(), QStringLiteral("Stop"));

    const auto base = scene.backend.beginJob(engine::RunKind::Baseline, QStringLiteral("soup"));
    scene.backend.say({engine::ProgressEvent{base, engine::Stage::LoadModel, 1, 2, 0, -1}});
    QVERIFY(scene.line().contains(QLatin1String("Loading")));
    int last = 0;
    const auto grew = [&] {
        const int now = scene.find<QProgressBar>("trainProgress")->value(), before = std::exchange(last, now);
        return now >= before;
    };
    QVERIFY(grew());
    scene.backend.say({engine::MatrixEvent{base, two({{4, 1, 0}, {3, 1, 1}}), 10, 20}});
    QCOMPARE(scene.text("fact_accuracy"), QStringLiteral("50.0 %"));
    QCOMPARE(scene.find<MatrixPlot>("matrixPlot")->cells().labels, (QStringList{QStringLiteral("bad"), QStringLiteral("good")}));
    QVERIFY(grew());
    scene.backend.finishJob(engine::score(two({{8, 2, 0}, {7, 2, 1}})));
    QCOMPARE(scene.text("note_accuracy"), QStringLiteral("base"));
    QVERIFY(grew());

    const auto run = scene.backend.beginJob(engine::RunKind::Train, QStringLiteral("soup"));
    QVERIFY(grew());
    scene.backend.say({engine::ProgressEvent{run, engine::Stage::LoadModel, 0, 2, 0, -1}});
    QVERIFY(grew()); // a new stage begins, the bar does not go back
    scene.backend.sayStepsUpTo(1, 10, 20);
    QVERIFY(grew());
    QVERIFY(scene.line().contains(QLatin1String("step 10 of 20")));
    QCOMPARE(scene.find<LossPlot>("lossPlot")->curves().size(), std::size_t(1));
    scene.backend.say({engine::EvalEvent{run, 10, 0.52, measured(engine::score(testing_support::baselineMatrix()))}});
    QVERIFY(scene.text("fact_eval").startsWith(QLatin1String("0.52")));
    scene.backend.sayStepsUpTo(11, 20, 20);
    QVERIFY(grew());
    scene.backend.say({engine::MatrixEvent{run, two({{9, 1, 0}, {1, 9, 0}}), 20, 20}});
    QVERIFY(grew());
    scene.backend.finishJob(engine::score(two({{9, 1, 0}, {1, 9, 0}})));
    scene.backend.goIdle({base, run});
    QCOMPARE(scene.text("fact_accuracy"), QStringLiteral("90.0 %"));
    QCOMPARE(scene.text("note_accuracy"), QStringLiteral("from 50.0 %"));
    QVERIFY(scene.text("fact_eval").startsWith(QLatin1String("0.52"))); // never the loss of the test rows
    QCOMPARE(scene.action()->text(), QStringLiteral("Train"));
    QVERIFY(scene.line().contains(QLatin1String("90.0 %")));
    QVERIFY(!scene.find<QProgressBar>("trainProgress")->isVisible());

    // Both matrices can be looked at.
    QTest::mouseClick(scene.find<QPushButton>("showBase"), Qt::LeftButton);
    QVERIFY(scene.find<MatrixPlot>("matrixPlot")->title().contains(QLatin1String("base")));
    QSignalSpy results(scene.page.get(), &TrainPage::resultsRequested);
    QTest::mouseClick(scene.find<QPushButton>("lineAction"), Qt::LeftButton);
    QCOMPARE(results.size(), 1);
    QCOMPARE(results[0][0].value<QList<engine::RunId>>(), (QList<engine::RunId>{base, run}));
    // A changed setting makes the result old news.
    scene.document.set(QStringLiteral("lora.r"), QStringLiteral("4"));
    QVERIFY(scene.line().startsWith(QLatin1String("Ready")));
}

void TestTrainPage::staleEventsAreDropped() {
    Scene scene;
    scene.load();
    scene.page->train();
    const auto run = scene.backend.beginJob(engine::RunKind::Train, QStringLiteral("soup"));
    engine::StepEvent stale;
    stale.run = run + 7;
    stale.step = 3;
    stale.steps = 9;
    stale.loss = 123;
    scene.backend.say({stale, engine::MatrixEvent{run + 7, two({{1, 0, 0}, {0, 1, 0}}), 2, 2}});
    QVERIFY(!scene.line().contains(QLatin1String("step 3")));
    QCOMPARE(scene.text("fact_loss"), QStringLiteral("–"));
    QCOMPARE(scene.text("fact_accuracy"), QStringLiteral("–"));
}

void TestTrainPage::stopsAndGoesOn() {
    Scene scene;
    scene.load();
    scene.page->train();
    const auto run = scene.backend.beginJob(engine::RunKind::Train, QStringLiteral("soup"));
    scene.backend.sayStepsUpTo(1, 4, 20);
    QTest::mouseClick(scene.action(), Qt::LeftButton);
    QCOMPARE(scene.backend.stops, 1);
    QVERIFY(scene.line().startsWith(QLatin1String("Stopping")));
    QVERIFY(!scene.action()->isEnabled());
    scene.backend.sayStepsUpTo(5, 5, 20); // what was under way still arrives
    QVERIFY(scene.line().startsWith(QLatin1String("Stopping")));
    scene.backend.finishJob(engine::Outcome(engine::Stopped{run, "checkpoint", 5}));
    scene.backend.goIdle({run});
    QVERIFY(scene.line().contains(QLatin1String("step 5")));
    QVERIFY(scene.action()->isEnabled());
    auto* goOn = scene.find<QPushButton>("lineAction");
    QCOMPARE(goOn->text(), QStringLiteral("Go on"));
    QTest::mouseClick(goOn, Qt::LeftButton);
    QCOMPARE(scene.backend.resumed, std::vector<engine::RunId>{run});
    QCOMPARE(scene.action()->text(), QStringLiteral("Stop"));
    QVERIFY(scene.action()->isEnabled());
}

void TestTrainPage::failureIsSaid() {
    Scene scene;
    scene.load();
    scene.page->train();
    const auto run = scene.backend.beginJob(engine::RunKind::Train, QStringLiteral("soup"));
    scene.backend.finishJob(engine::Outcome(engine::Failed{
        run, engine::ErrorCode::OutOfMemory, "There is not enough memory for a batch of 8.", "Lower train.micro_batch_size."}));
    scene.backend.goIdle({run});
    QCOMPARE(scene.line(), QStringLiteral("There is not enough memory for a batch of 8. Lower train.micro_batch_size."));
    QCOMPARE(scene.find<QLabel>("trainLine")->property("role").toString(), QStringLiteral("error"));
    QVERIFY(scene.action()->isEnabled());
    QVERIFY(scene.page->findChild<LogPanel*>()->text().contains(QLatin1String("not enough memory")));
}

void TestTrainPage::refusedStart() {
    Scene scene;
    scene.load();
    scene.backend.refuseToStart = true;
    QTest::mouseClick(scene.action(), Qt::LeftButton);
    QVERIFY(scene.backend.started.empty());
    QVERIFY(scene.line().contains(QLatin1String("under way")));
    QCOMPARE(scene.action()->text(), QStringLiteral("Train"));
}

void TestTrainPage::earlierBaselineIsShown() {
    Scene scene;
    scene.load();
    scene.page->train();
    const auto base = scene.backend.beginJob(engine::RunKind::Baseline, QStringLiteral("soup"));
    scene.backend.finishJob(engine::score(two({{8, 2, 0}, {7, 2, 1}})));
    scene.backend.goIdle({base});
    scene.page->train(); // this time the baseline is there already
    scene.backend.beginJob(engine::RunKind::Train, QStringLiteral("soup"));
    QCOMPARE(scene.text("fact_accuracy"), QStringLiteral("50.0 %"));
    QVERIFY(scene.find<QPushButton>("showBase")->isEnabled());
}

void TestTrainPage::warningsBeforeTheRun() {
    Scene scene;
    scene.load();
    scene.page->train();
    const engine::LogEvent cut{0, engine::Severity::Warning, "3 texts were cut."};
    scene.backend.say({cut});
    scene.backend.beginJob(engine::RunKind::Train, QStringLiteral("soup"));
    scene.backend.say({cut});
    QCOMPARE(scene.find<QPlainTextEdit>("log")->toPlainText().count(QStringLiteral("3 texts were cut.")), 1);
}

void TestTrainPage::resumedRunKeepsItsCurve() {
    Scene scene;
    scene.load();
    const auto earlier =
        scene.backend.addRun(engine::RunKind::Train, QStringLiteral("soup"), {}, two({{9, 1, 0}, {1, 9, 0}}), 0.4, 12);
    QVERIFY(scene.backend.resume(earlier));
    Q_EMIT scene.backend.jobStarted(earlier, engine::RunKind::Train, QStringLiteral("soup"));
    QCOMPARE(scene.find<LossPlot>("lossPlot")->curves().size(), std::size_t(1));
}

QTEST_MAIN(TestTrainPage)
#include "tst_train_page.moc"
