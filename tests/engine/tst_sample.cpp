// links: engine_core test_support
// SPDX-License-Identifier: GPL-3.0-or-later
// Examples as tokens: where the answer begins, what counts, what is cut.
#include "engine/prompt/sample.h"
#include "engine/text/letters.h"
#include "tests/support/tiny_data.h"
#include "tests/support/tiny_model.h"

#include <QTemporaryDir>
#include <QTest>
#include <algorithm>
#include <optional>

using namespace engine;

namespace {

PromptSpec spec(const std::string& text, std::vector<std::pair<std::string, std::string>> labels = {}) {
    PromptSpec prompt;
    prompt.text_template = text;
    prompt.labels = std::move(labels);
    return prompt;
}

} // namespace

class TestSample : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void initTestCase();
    void answerFollowsTheQuestion();
    void lossOnAllEndsWithEos();
    void longTextLosesItsEnd_data();
    void longTextLosesItsEnd();
    void lengthOfACutTextTellsNothing();
    void nestedLabelsEndWithEos();
    void badLabelsAreRefused();
    void noRoomForText();
    void stops();
    void lowerCaseOfAnyScript();

private:
    SampleEncoder encoder(const PromptSpec& prompt, std::int64_t most, bool all,
                          const std::vector<std::string>& labels = testing_support::tinyLabels()) {
        return SampleEncoder(*m_tokenizer, PromptTemplate(prompt, labels), labels, most, all);
    }
    QTemporaryDir m_dir;
    std::optional<Tokenizer> m_tokenizer;
};

void TestSample::initTestCase() {
    const std::filesystem::path folder = m_dir.path().toStdString();
    testing_support::writeTinyTokenizer(folder);
    m_tokenizer = Tokenizer::fromFolder(folder);
}

void TestSample::answerFollowsTheQuestion() {
    SampleEncoder encode = encoder(spec("News: {text}\nAnswer: {label}"), 100, false);
    const Sample sample = encode.encode({7, "Sales rose.", 2});
    QCOMPARE(sample.record, 7);
    QCOMPARE(sample.label, 2);
    QCOMPARE(m_tokenizer->decode(sample.ids), std::string("News: Sales rose.\nAnswer: positive"));
    const auto question = sample.question();
    QCOMPARE(m_tokenizer->decode({question.begin(), question.end()}), std::string("News: Sales rose.\nAnswer:"));
    QCOMPARE(sample.lossBegin, sample.answerBegin);
    QCOMPARE(sample.counted(), static_cast<std::int64_t>(encode.answers().ids[2].size()));
    QCOMPARE(m_tokenizer->decode(encode.answers().ids[0]), std::string(" negative"));
    QCOMPARE(encode.cut(), 0);
}

void TestSample::lossOnAllEndsWithEos() {
    const Sample sample = encoder(spec("{text} {label}"), 100, true).encode({0, "Up.", 1});
    QCOMPARE(sample.ids.back(), testing_support::tinyEos());
    QCOMPARE(sample.lossBegin, 1);
    QCOMPARE(sample.counted(), static_cast<std::int64_t>(sample.ids.size()) - 1);
    QCOMPARE(m_tokenizer->decode(sample.ids, true), std::string("Up. neutral"));
}

void TestSample::longTextLosesItsEnd_data() {
    QTest::addColumn<QString>("text");
    QTest::newRow("ascii") << QStringLiteral("abcdefghijklmnopqrstuvwxyz").repeated(20);
    QTest::newRow("four bytes a character") << QStringLiteral("\U0001F600").repeated(60);
    QTest::newRow("mixed") << QStringLiteral("aé€\U0001F600 on the ").repeated(20);
}

void TestSample::longTextLosesItsEnd() {
    QFETCH(QString, text);
    SampleEncoder encode = encoder(spec("Q: {text}\nA: {label}"), 60, false);
    const Sample sample = encode.encode({0, text.toStdString(), 0});
    QCOMPARE(encode.cut(), 1);
    QVERIFY(sample.ids.size() <= 60);
    QVERIFY(sample.ids.size() > 50); // no more is cut than must be
    const QByteArray bytes = QByteArray::fromStdString(m_tokenizer->decode(sample.ids));
    const QString whole = QString::fromUtf8(bytes);
    QCOMPARE(whole.toUtf8(), bytes); // no character is split
    QVERIFY(whole.startsWith(QStringLiteral("Q: ") + text.left(8)));
    QVERIFY(whole.endsWith(QStringLiteral("\nA: negative")));
}

void TestSample::lengthOfACutTextTellsNothing() {
    const std::string text(500, 'x');
    SampleEncoder encode = encoder(spec("Q: {text}\nA: {label}"), 60, false);
    const Sample negative = encode.encode({0, text, 0}), positive = encode.encode({0, text, 2});
    QVERIFY(encode.answers().ids[0].size() != encode.answers().ids[2].size());
    QVERIFY(std::equal(negative.question().begin(), negative.question().end(), positive.question().begin(),
                       positive.question().end()));
}

void TestSample::nestedLabelsEndWithEos() {
    const std::vector<std::string> labels{"1", "10", "2"};
    for (bool all : {false, true}) {
        SampleEncoder encode = encoder(spec("{text} {label}"), 60, all, labels);
        for (const auto& ids : encode.answers().ids) QCOMPARE(ids.back(), testing_support::tinyEos());
        const Sample sample = encode.encode({0, "stars", 0});
        QCOMPARE(std::count(sample.ids.begin(), sample.ids.end(), testing_support::tinyEos()), std::ptrdiff_t{1});
    }
}

void TestSample::badLabelsAreRefused() {
    try {
        encoder(spec("{text} {label}", {{"negative", " same"}, {"positive", " same"}}), 60, false);
        QFAIL("two labels of the same spelling were taken");
    } catch (const Error& error) { QCOMPARE(error.code(), ErrorCode::BadInput); }
}

void TestSample::noRoomForText() {
    const PromptSpec prompt = spec("A very long beginning of a prompt: {text}\nA: {label}");
    const auto bare = static_cast<std::int64_t>(m_tokenizer->encode("A very long beginning of a prompt: \nA:").size());
    std::size_t longest = 0;
    const SampleEncoder roomy = encoder(prompt, 500, false);
    for (const auto& ids : roomy.answers().ids) longest = std::max(longest, ids.size());
    const std::int64_t least = bare + 1 + static_cast<std::int64_t>(longest);
    static_cast<void>(encoder(prompt, least, false));
    for (std::int64_t most : {std::int64_t{1}, std::int64_t{-5}, least - 1}) {
        try {
            encoder(prompt, most, false);
            QFAIL("a template without room was taken");
        } catch (const Error& error) { QVERIFY(error.hint().find("max_tokens") != std::string::npos); }
    }
}

void TestSample::stops() {
    std::stop_source stop;
    stop.request_stop();
    SampleEncoder encode = encoder(spec("{text} {label}"), 60, false);
    QVERIFY_EXCEPTION_THROWN(encode.encode({{0, "x", 0}}, {0}, stop.get_token()), StopRequested);
}

void TestSample::lowerCaseOfAnyScript() {
    QCOMPARE(lowerCase("POSITIVE Ä Σ Ж i"), std::string("positive ä σ ж i"));
    QCOMPARE(lowerCase("ISTANBUL"), std::string("istanbul")); // not the locale's
}

QTEST_APPLESS_MAIN(TestSample)
#include "tst_sample.moc"
