// SPDX-License-Identifier: GPL-3.0-or-later
// Template, spellings and the rendered row.
#include "tests/support/fake_backend.h"
#include "ui/prompt/presets.h"
#include "ui/prompt/prompt_page.h"
#include "ui/prompt/rendered_prompt.h"
#include "ui/prompt/spelling_model.h"
#include "ui/prompt/template_highlighter.h"
#include "ui/theme/theme.h"

#include <QAbstractItemModelTester>
#include <QApplication>
#include <QFile>
#include <QLabel>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QSignalSpy>
#include <QSpinBox>
#include <QTableView>
#include <QtTest>

using namespace testing_support;
using namespace ui;

namespace {

struct Scene {
    QTemporaryDir folder;
    FakeBackend backend;
    Document document{backend};
    PromptPage page{backend, document};

    void load() {
        QFile file(folder.filePath(QStringLiteral("moods.csv")));
        if (!file.open(QIODevice::WriteOnly)) qFatal("cannot write");
        file.write("mood,sentence\n"
                   "good,The soup was warm and everybody asked for more.\n"
                   "bad,The soup was cold and nobody wanted to finish it.\n"
                   "good,A pleasant evening with friends at the table.\n");
        file.close();
        document.open(file.fileName());
        QTRY_VERIFY(document.dataset());
    }
    template <typename T> T* find(const char* name) {
        auto* found = page.findChild<T*>(QLatin1String(name));
        if (!found) qFatal("there is no %s", name);
        return found;
    }
};

} // namespace

class TestPromptPage : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void initTestCase() { Theme::instance().apply(*qApp, Mode::Light); }
    void withoutData();
    void rowsAreStepped();
    void editingIsRendered();
    void problems_data();
    void problems();
    void presetsAreEdits();
    void spellings();
    void articleIsExact();
};

void TestPromptPage::withoutData() {
    Scene scene;
    scene.page.show();
    QVERIFY(!scene.find<RenderedPrompt>("rendered")->isVisible());
    QSignalSpy asked(&scene.page, &PromptPage::dataRequested);
    QTest::mouseClick(scene.find<QPushButton>("openData"), Qt::LeftButton);
    QCOMPARE(asked.size(), 1);
}

void TestPromptPage::rowsAreStepped() {
    Scene scene;
    scene.page.show();
    scene.load();
    auto* rendered = scene.find<RenderedPrompt>("rendered");
    QVERIFY(rendered->isVisible());
    QCOMPARE(scene.find<QLabel>("rowCount")->text(), QStringLiteral("of 3"));
    QVERIFY(rendered->question().contains(QLatin1String("warm")));
    QCOMPARE(rendered->answer().trimmed(), QStringLiteral("good"));
    QVERIFY(!scene.find<QPushButton>("previousRow")->isEnabled());
    QTest::mouseClick(scene.find<QPushButton>("nextRow"), Qt::LeftButton);
    QVERIFY(rendered->question().contains(QLatin1String("cold")));
    QCOMPARE(rendered->answer().trimmed(), QStringLiteral("bad"));
    scene.find<QSpinBox>("rowNumber")->setValue(3);
    QVERIFY(rendered->question().contains(QLatin1String("pleasant")));
    QVERIFY(!scene.find<QPushButton>("nextRow")->isEnabled());
    QCOMPARE(rendered->toPlainText(), rendered->question() + rendered->answer());
}

void TestPromptPage::editingIsRendered() {
    Scene scene;
    scene.page.show();
    scene.load();
    auto* edit = scene.find<QPlainTextEdit>("template");
    edit->selectAll();
    QTest::keyClicks(edit, QStringLiteral("Mood of \"{text}\"? {label}"));
    QCOMPARE(scene.document.experiment().prompt.text_template, std::string("Mood of \"{text}\"? {label}"));
    QVERIFY(scene.find<RenderedPrompt>("rendered")->question().startsWith(QLatin1String("Mood of \"The soup was warm")));
    QVERIFY(scene.document.set(QStringLiteral("prompt.template"), QStringLiteral("{text} = {label}")));
    QCOMPARE(edit->toPlainText(), QStringLiteral("{text} = {label}"));
}

void TestPromptPage::problems_data() {
    QTest::addColumn<QString>("text");
    QTest::addColumn<QString>("role");
    QTest::addColumn<QString>("says");
    QTest::newRow("good") << "{text}: {label}"
                          << "small"
                          << "{label}, at the very end";
    QTest::newRow("no text") << "Label: {label}"
                             << "error"
                             << "{text}";
    QTest::newRow("no label") << "{text}"
                              << "error"
                              << "{label}";
    QTest::newRow("label in the middle") << "{text} {label} is it"
                                         << "error"
                                         << "end";
    QTest::newRow("two texts") << "{text} {text} {label}"
                               << "error"
                               << "2 times";
    QTest::newRow("unknown word") << "{sentence} {text} {label}"
                                  << "warning"
                                  << "{sentence}";
    QTest::newRow("empty") << ""
                           << "error"
                           << "missing";
}

void TestPromptPage::problems() {
    QFETCH(const QString, text);
    QFETCH(const QString, role);
    QFETCH(const QString, says);
    Scene scene;
    scene.page.show();
    scene.load();
    scene.find<QPlainTextEdit>("template")->setPlainText(text);
    auto* problem = scene.find<QLabel>("templateProblem");
    QCOMPARE(problem->property("role").toString(), role);
    QVERIFY2(problem->text().contains(says), qPrintable(problem->text()));
    QCOMPARE(scene.find<QPlainTextEdit>("template")->property("invalid").toBool(), role == QLatin1String("error"));
}

void TestPromptPage::presetsAreEdits() {
    Scene scene;
    scene.page.show();
    scene.load();
    const QString before = scene.find<QPlainTextEdit>("template")->toPlainText();
    QVERIFY(before.contains(QLatin1String("bad, good"))); // the labels are named
    QVERIFY(scene.find<QPushButton>("preset0")->isChecked());
    QTest::mouseClick(scene.find<QPushButton>("preset2"), Qt::LeftButton);
    QCOMPARE(scene.document.experiment().prompt.text_template, presets({})[2].text.toStdString());
    QVERIFY(scene.find<QPushButton>("preset2")->isChecked());
    QVERIFY(!scene.find<QPushButton>("preset0")->isChecked());
    scene.find<QPlainTextEdit>("template")->undo();
    QCOMPARE(scene.find<QPlainTextEdit>("template")->toPlainText(), before);
    QCOMPARE(scene.document.experiment().prompt.text_template, before.toStdString());
    for (const Preset& preset : presets({"bad", "good"})) {
        QVERIFY(preset.text.endsWith(QLatin1String("{label}")));
        QCOMPARE(preset.text.count(QLatin1String("{text}")), 1);
        QVERIFY(TemplateHighlighter::unknown(preset.text).isEmpty());
    }
}

void TestPromptPage::spellings() {
    SpellingModel model;
    QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::QtTest);
    model.show({"bad", "good"}, {{"good", " splendid"}});
    QCOMPARE(model.index(1, 1).data().toString(), QStringLiteral("·splendid")); // the blank counts, so it shows
    QCOMPARE(model.index(1, 1).data(Qt::EditRole).toString(), QStringLiteral(" splendid"));
    QCOMPARE(model.index(0, 1).data(Qt::EditRole).toString(), QStringLiteral("bad"));
    QVERIFY(!model.setData(model.index(0, 0), QStringLiteral("x"), Qt::EditRole));
    QVERIFY(model.setData(model.index(0, 1), QStringLiteral("awful"), Qt::EditRole));
    QVERIFY(model.setData(model.index(1, 1), QStringLiteral("good"), Qt::EditRole));
    QCOMPARE(model.spellings(), (SpellingModel::Spellings{{"bad", "awful"}}));

    Scene scene;
    scene.page.show();
    scene.load();
    auto* table = scene.find<QTableView>("spellings");
    QVERIFY(table->isVisible());
    QVERIFY(table->model()->setData(table->model()->index(1, 1), QStringLiteral("splendid"), Qt::EditRole));
    QCOMPARE(scene.document.experiment().prompt.labels, (SpellingModel::Spellings{{"good", "splendid"}}));
    QCOMPARE(scene.find<RenderedPrompt>("rendered")->answer().trimmed(), QStringLiteral("splendid"));
    // Two labels spelled alike cannot be told apart.
    QVERIFY(table->model()->setData(table->model()->index(1, 1), QStringLiteral("bad"), Qt::EditRole));
    QCOMPARE(scene.find<QLabel>("templateProblem")->property("role").toString(), QStringLiteral("error"));
}

void TestPromptPage::articleIsExact() {
    const QString twelve(12, QLatin1Char(' '));
    QCOMPARE(presets({})[1].text, QStringLiteral("The sentiment of the following phrase: '{text}' is \n%1\n\n Positive\n%1\n "
                                                 "Negative\n%1\n Neutral\n%1\n Cannot be determined\n%1\n\n"
                                                 "Solution: The correct option is {label}")
                                      .arg(twelve));
}

QTEST_MAIN(TestPromptPage)
#include "tst_prompt_page.moc"
