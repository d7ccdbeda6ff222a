// SPDX-License-Identifier: GPL-3.0-or-later
// A prompt that was made for other data is told from one that fits.
#include "engine/prompt/doubts.h"

#include <QtTest>

using namespace engine;

namespace {

std::string doubts(const std::string& text, const std::vector<std::string>& labels,
                   const std::vector<std::pair<std::string, std::string>>& spelled = {}) {
    Dataset dataset;
    dataset.labels = labels;
    dataset.textColumn = 1;
    std::string all;
    for (const Issue& issue : promptDoubts({text, spelled}, dataset, {"label", "sentence", "title"})) {
        if (issue.severity != Severity::Warning || issue.path != "prompt.template") qFatal("not a warning about the template");
        all += (all.empty() ? "" : "\n") + issue.message;
    }
    return all;
}

} // namespace

class TestPromptDoubts : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void fits_data();
    void fits();
    void doesNot_data();
    void doesNot();
};

void TestPromptDoubts::fits_data() {
    QTest::addColumn<QString>("text");
    for (const char* text :
         {"{text}\nLabel: {label}", "Good or bad?\n{text} {label}", "Answer with one of: good, bad.\n\n{text}\n{label}",
          "In one or two words, is it good, or is it bad?\n{text} {label}", "A text, a label\n{text}: {label}",
          "Does it sound GOOD or BAD to you, me or them? {text} {label}"})
        QTest::newRow(text) << QString::fromLatin1(text);
}

void TestPromptDoubts::fits() {
    QFETCH(QString, text);
    QCOMPARE(doubts(text.toStdString(), {"bad", "good"}), std::string());
    QCOMPARE(doubts(text.toStdString() + "no place", {"bad", "good"}), std::string()); // refused elsewhere
}

void TestPromptDoubts::doesNot_data() {
    QTest::addColumn<QString>("text");
    QTest::addColumn<QString>("said");
    const auto row = [](const char* text, const char* said) {
        QTest::newRow(text) << QString::fromLatin1(text) << QString::fromLatin1(said);
    };
    row("Is it negative, neutral or positive?\n{text} {label}",
        "asks for \"negative\", \"neutral\", \"positive\"; the data's labels are \"bad\", \"good\".");
    row("Answer with one of: spam, ham.\n{text} {label}", "asks for \"spam\", \"ham\"; the data's labels are \"bad\", \"good\".");
    row("Is it good?\n{text} {label}", "names some of the labels, but not \"bad\".");
    row("{title}: {text} {label}",
        "{title} is a column of the table, but only {text} and {label} are filled in; {text} is the column \"sentence\".");
    row("[{text}] {nope} {nope} ={label}", "{nope} is sent as it stands; only {text} and {label} are filled in.\n"
                                           "puts no blank between \"=\" and \"bad\", \"good\": end it in \" {label}\".");
    row("{_a1} {1} {} {a b} {title: {text} {label}", "{_a1} is sent as it stands; only {text} and {label} are filled in.");
    row("{text}\nLabel:{label}", "puts no blank between \":\" and \"bad\", \"good\": end it in \" {label}\".");
    row("{text} is{label}", "puts no blank between \"s\" and \"bad\", \"good\": end it in \" {label}\".");
}

void TestPromptDoubts::doesNot() {
    QFETCH(QString, text);
    QFETCH(QString, said);
    QCOMPARE(QString::fromStdString(doubts(text.toStdString(), {"bad", "good"})), said);
    QCOMPARE(doubts("[{text}] ={label}", {"bad", "good"}, {{"bad", " bad"}, {"good", " good"}}), std::string());
    QVERIFY(!doubts("[{text}] ={label}", {"bad", "good"}, {{"bad", " bad"}}).empty());
}

QTEST_APPLESS_MAIN(TestPromptDoubts)
#include "tst_prompt_doubts.moc"
