// SPDX-License-Identifier: GPL-3.0-or-later
// Templates cut into question and answers; bad ones refused.
#include "engine/prompt/template.h"

#include <QTest>

using engine::PromptSpec;
using engine::PromptTemplate;

namespace {
const std::vector<std::string> kLabels{"negative", "neutral", "positive"};
using Spellings = std::vector<std::pair<std::string, std::string>>;
} // namespace

class TestPrompt : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void cuts_data();
    void cuts();
    void theArticle();
    void spellsEachLabel();
    void textIsTakenAsItIs();
    void refuses_data();
    void refuses();
};

void TestPrompt::cuts_data() {
    QTest::addColumn<QString>("text");
    QTest::addColumn<QString>("spelling");
    QTest::addColumn<QString>("question");
    QTest::addColumn<QString>("answer");
    QTest::newRow("plain") << "Text: {text}\nLabel:{label}"
                           << ""
                           << "Text: rain\nLabel:"
                           << "negative";
    QTest::newRow("space") << "Text: {text}\nLabel: {label}"
                           << ""
                           << "Text: rain\nLabel:"
                           << " negative";
    QTest::newRow("space in both") << "{text} is {label}"
                                   << " bad"
                                   << "rain is"
                                   << " bad";
    QTest::newRow("space in spelling") << "{text} is{label}"
                                       << " bad"
                                       << "rain is"
                                       << " bad";
    QTest::newRow("two spaces") << "{text} is  {label}"
                                << ""
                                << "rain is "
                                << " negative";
    QTest::newRow("two spaces in both") << "{text} is  {label}"
                                        << "  bad"
                                        << "rain is "
                                        << " bad";
    QTest::newRow("two spaces, one in spelling") << "{text} is  {label}"
                                                 << " bad"
                                                 << "rain is "
                                                 << "  bad";
    QTest::newRow("line end") << "{text}\nLabel:\n{label}"
                              << ""
                              << "rain\nLabel:\n"
                              << "negative";
    QTest::newRow("line end and space") << "{text}\nLabel:\n {label}"
                                        << ""
                                        << "rain\nLabel:\n"
                                        << " negative";
    QTest::newRow("side by side") << "{text}{label}"
                                  << ""
                                  << "rain"
                                  << "negative";
    QTest::newRow("only a space between") << "{text} {label}"
                                          << ""
                                          << "rain"
                                          << " negative";
    QTest::newRow("other braces") << "{a} {{text}} {label}"
                                  << ""
                                  << "{a} {rain}"
                                  << " negative";
}

void TestPrompt::cuts() {
    QFETCH(QString, text);
    QFETCH(QString, spelling);
    QFETCH(QString, question);
    QFETCH(QString, answer);
    PromptSpec spec;
    spec.text_template = text.toStdString();
    if (!spelling.isEmpty()) spec.labels = {{"negative", spelling.toStdString()}};
    const PromptTemplate promptTemplate(spec, kLabels);
    const engine::Prompt prompt = engine::render({7, "rain", 0}, promptTemplate);
    QCOMPARE(QString::fromStdString(prompt.question), question);
    QCOMPARE(QString::fromStdString(prompt.answer), answer);
    QCOMPARE(prompt.record, 7);
    QCOMPARE(prompt.label, 0);
    QVERIFY(prompt.question.starts_with(promptTemplate.prefix()));
    QCOMPARE(promptTemplate.prefix(), spec.text_template.substr(0, spec.text_template.find("{text}")));
}

void TestPrompt::theArticle() {
    const std::string in = "\n            ";
    PromptSpec spec;
    spec.text_template = "The sentiment of the following phrase: '{text}' is " + in + "\n\n Positive" + in + "\n Negative" + in +
                         "\n Neutral" + in + "\n Cannot be determined" + in + "\n\nSolution: The correct option is {label}";
    const PromptTemplate promptTemplate(spec, kLabels);
    const std::string question = promptTemplate.question("Sales rose.");
    QVERIFY(question.starts_with("The sentiment of the following phrase: 'Sales rose.' is \n            \n\n Positive\n"));
    QVERIFY(question.ends_with("\n            \n\nSolution: The correct option is"));
    QCOMPARE(promptTemplate.answers(), (std::vector<std::string>{" negative", " neutral", " positive"}));
}

void TestPrompt::spellsEachLabel() {
    PromptSpec spec{"{text} -> {label}", {{"positive", "good"}, {"negative", " bad"}}};
    const PromptTemplate promptTemplate(spec, kLabels);
    QCOMPARE(promptTemplate.answer(0), std::string(" bad"));
    QCOMPARE(promptTemplate.answer(1), std::string(" neutral"));
    QCOMPARE(promptTemplate.answer(2), std::string(" good"));
    QVERIFY_THROWS_EXCEPTION(std::out_of_range, (void)promptTemplate.answer(3));
}

void TestPrompt::textIsTakenAsItIs() {
    const PromptTemplate promptTemplate(PromptSpec{"<{text}> {label}", {}}, kLabels);
    QCOMPARE(promptTemplate.question("a {label} and {text}\n"), std::string("<a {label} and {text}\n>"));
}

void TestPrompt::refuses_data() {
    QTest::addColumn<QString>("text");
    QTest::addColumn<Spellings>("spellings");
    QTest::addColumn<QString>("says");
    QTest::newRow("empty") << "" << Spellings{} << "prompt.template has no {text}.";
    QTest::newRow("no text") << "Label: {label}" << Spellings{} << "prompt.template has no {text}.";
    QTest::newRow("no label") << "Text: {text}" << Spellings{} << "prompt.template has no {label}.";
    QTest::newRow("two texts") << "{text} {text} {label}" << Spellings{} << "prompt.template has {text} more than once.";
    QTest::newRow("two labels") << "{text} {label} {label}" << Spellings{} << "prompt.template has {label} more than once.";
    QTest::newRow("label first") << "{label} {text}" << Spellings{} << "prompt.template goes on after {label}.";
    QTest::newRow("line end after label") << "{text} {label}\n" << Spellings{} << "prompt.template goes on after {label}.";
    QTest::newRow("unknown label") << "{text} {label}" << Spellings{{"mixed", "x"}}
                                   << "prompt.labels spells 'mixed', which is no label of the data.";
    QTest::newRow("spelled twice") << "{text} {label}" << Spellings{{"neutral", "x"}, {"neutral", "y"}}
                                   << "prompt.labels spells 'neutral' twice.";
    QTest::newRow("blank") << "{text} {label}" << Spellings{{"neutral", " \n"}}
                           << "The label 'neutral' is spelled with nothing but blanks.";
    QTest::newRow("same") << "{text} {label}" << Spellings{{"neutral", "positive"}}
                          << "The labels 'neutral' and 'positive' are both spelled \" positive\".";
    QTest::newRow("same but for a space") << "{text} {label}" << Spellings{{"neutral", "x"}, {"negative", " x"}}
                                          << "The labels 'negative' and 'neutral' are both spelled \" x\".";
}

void TestPrompt::refuses() {
    QFETCH(QString, text);
    QFETCH(Spellings, spellings);
    QFETCH(QString, says);
    try {
        PromptTemplate(PromptSpec{text.toStdString(), spellings}, kLabels);
        QFAIL("not refused");
    } catch (const engine::Error& error) {
        QCOMPARE(QString::fromStdString(error.message()), says);
        QVERIFY(error.code() == engine::ErrorCode::BadInput);
        QVERIFY(!error.hint().empty());
    }
}

QTEST_APPLESS_MAIN(TestPrompt)
#include "tst_prompt.moc"
