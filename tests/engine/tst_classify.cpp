// links: engine engine_core test_support libtorch
// SPDX-License-Identifier: GPL-3.0-or-later
// Answers scored in batches behind a cached beginning are those of one plain pass a prompt and label.
#include "engine/infer/classify.h"
#include "engine/infer/find_answer.h"
#include "engine/infer/label_trie.h"
#include "tests/support/tiny_data.h"
#include "tests/support/tiny_model.h"

#include <ATen/ATen.h>
#include <QTemporaryDir>
#include <QTest>
#include <cmath>
#include <optional>

using namespace engine;

namespace {

/// log p(answer | question), token by token in a plain pass without cache, packing or sharing.
double plainLogProbability(const Decoder& decoder, std::span<const std::int32_t> question, const std::vector<std::int32_t>& answer) {
    std::vector<std::int32_t> ids(question.begin(), question.end());
    ids.insert(ids.end(), answer.begin(), answer.end());
    Pack pack;
    pack.add(std::span(ids).first(ids.size() - 1));
    std::vector<std::int64_t> rows;
    for (std::size_t i = 0; i < answer.size(); ++i) rows.push_back(static_cast<std::int64_t>(question.size() + i) - 1);
    const at::Tensor p = at::log_softmax(decoder.logits(pack, rows).to(at::kDouble), 1);
    double sum = 0;
    for (std::size_t i = 0; i < answer.size(); ++i) sum += p[static_cast<std::int64_t>(i)][answer[i]].item<double>();
    return sum;
}

std::vector<std::int32_t> plainGreedy(const Decoder& decoder, std::span<const std::int32_t> question, std::int64_t most, std::int32_t eos) {
    std::vector<std::int32_t> ids(question.begin(), question.end());
    for (std::int64_t i = 0; i < most; ++i) {
        Pack pack;
        pack.add(ids);
        const auto token = static_cast<std::int32_t>(at::argmax(decoder.logits(pack, {pack.rows() - 1})).item<std::int64_t>());
        if (token == eos) break;
        ids.push_back(token);
    }
    return {ids.begin() + static_cast<std::ptrdiff_t>(question.size()), ids.end()};
}

} // namespace

class TestClassify : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void initTestCase();
    void trieReadsSharedTokensOnce();
    void trieOfOneTokenLabelsNeedsNoRows();
    void scoreIsThePlainPass_data();
    void scoreIsThePlainPass();
    void generateIsThePlainGreedy_data();
    void generateIsThePlainGreedy();
    void oneSampleAlone();
    void unansweredMayCountAsALabel();
    void tellsHowItGoes();
    void stopsBetweenBatches();
    void findsTheFirstLabel_data();
    void findsTheFirstLabel();

private:
    struct Case {
        std::optional<Decoder> decoder;
        std::vector<Sample> samples;
        Answers answers;
    };
    Case make(Family family, const std::string& text, int count, std::vector<std::pair<std::string, std::string>> spellings = {});

    QTemporaryDir m_dir;
    std::filesystem::path m_llama, m_phi;
    std::optional<Tokenizer> m_tokenizer;
};

void TestClassify::initTestCase() {
    const std::filesystem::path root = m_dir.path().toStdString();
    m_llama = testing_support::writeTinyModel(root / "llama");
    testing_support::TinyModelOptions phi;
    phi.family = Family::Phi;
    phi.heads = 2;
    m_phi = testing_support::writeTinyModel(root / "phi", phi);
    m_tokenizer = Tokenizer::fromFolder(m_llama);
}

TestClassify::Case TestClassify::make(Family family, const std::string& text, int count, std::vector<std::pair<std::string, std::string>> spellings) {
    Case made;
    made.decoder.emplace(Decoder::load(family == Family::Phi ? m_phi : m_llama, Precision::Fp32));
    PromptSpec prompt;
    prompt.text_template = text;
    prompt.labels = std::move(spellings);
    SampleEncoder encoder(*m_tokenizer, PromptTemplate(prompt, testing_support::tinyLabels()), testing_support::tinyLabels(), 200, false);
    std::int64_t record = 100;
    for (const auto& [label, sentence] : testing_support::tinySentences((count + 2) / 3)) {
        const auto& labels = testing_support::tinyLabels();
        made.samples.push_back(encoder.encode({record++, sentence, static_cast<int>(std::find(labels.begin(), labels.end(), label) - labels.begin())}));
    }
    made.samples.resize(static_cast<std::size_t>(count));
    made.answers = encoder.answers();
    return made;
}

void TestClassify::trieReadsSharedTokensOnce() {
    //  1 2 3 4 · 1 2 5 6 7 · 1 8 · 9: rows for 1, 2, 3 and 5 6; the last token of each is only predicted.
    const LabelTrie trie({{1, 2, 3, 4}, {1, 2, 5, 6, 7}, {1, 8}, {9}});
    QCOMPARE(trie.rows(), 5);
    Pack pack;
    std::vector<Target> targets;
    const int question = pack.add(std::vector<std::int32_t>{20, 21});
    trie.add(pack, question, targets);
    QCOMPARE(pack.rows(), 2 + 5);
    QCOMPARE(targets.size(), trie.edges());
    QCOMPARE(trie.edges(), std::size_t{9}); // 1, 9 · 2, 8 · 3, 5 · 4 · 6 · 7
    for (std::size_t i = 1; i < targets.size(); ++i)
        QVERIFY(targets[i - 1].row < targets[i].row || (targets[i - 1].row == targets[i].row && targets[i - 1].token != targets[i].token));
    // Each edge worth its token: a label is the sum of its tokens.
    std::vector<float> worth;
    for (const Target& target : targets) worth.push_back(static_cast<float>(target.token));
    QCOMPARE(trie.logProbabilities(worth.data()), (std::vector<double>{10, 21, 9, 9}));
}

void TestClassify::trieOfOneTokenLabelsNeedsNoRows() {
    QCOMPARE(LabelTrie({{4}, {5}, {6}}).rows(), 0);
    QCOMPARE(LabelTrie({{4, 5}}).rows(), 1);
}

void TestClassify::scoreIsThePlainPass_data() {
    QTest::addColumn<bool>("phi");
    QTest::addColumn<QString>("text");
    QTest::addColumn<int>("batch");
    QTest::newRow("llama") << false << QStringLiteral("How is this news: {text}\nAnswer: {label}") << 32;
    QTest::newRow("llama, batches of 4") << false << QStringLiteral("How is this news: {text}\nAnswer: {label}") << 4;
    QTest::newRow("llama, one at a time") << false << QStringLiteral("How is this news: {text}\nAnswer: {label}") << 1;
    QTest::newRow("llama, nothing in common") << false << QStringLiteral("{text} is {label}") << 7;
    QTest::newRow("phi") << true << QStringLiteral("How is this news: {text}\nAnswer: {label}") << 5;
}

void TestClassify::scoreIsThePlainPass() {
    QFETCH(bool, phi);
    QFETCH(QString, text);
    QFETCH(int, batch);
    Case c = make(phi ? Family::Phi : Family::Llama, text.toStdString(), 13);
    if (text.startsWith(QStringLiteral("{text}"))) { // no token in common at all
        c.samples[0].ids[0] = 3;
        c.samples[1].ids[0] = 4;
    }
    EvaluateSpec spec;
    spec.batch_size = batch;
    const Classified seen = classify(*c.decoder, *m_tokenizer, c.samples, c.answers, spec, {}, {}, {});
    QCOMPARE(seen.predictions.size(), c.samples.size());
    double truths = 0;
    std::size_t tokens = 0;
    for (std::size_t i = 0; i < c.samples.size(); ++i) {
        std::vector<double> p;
        for (const auto& answer : c.answers.ids) p.push_back(plainLogProbability(*c.decoder, c.samples[i].question(), answer));
        const auto truth = static_cast<std::size_t>(c.samples[i].label);
        truths += p[truth];
        tokens += c.answers.ids[truth].size();
        double total = 0;
        for (double value : p) total += std::exp(value);
        const Prediction& prediction = seen.predictions[i];
        QCOMPARE(prediction.record, c.samples[i].record);
        QCOMPARE(prediction.truth, c.samples[i].label);
        QVERIFY(prediction.rawText.empty());
        QCOMPARE(prediction.guess, std::optional(static_cast<int>(std::max_element(p.begin(), p.end()) - p.begin())));
        for (std::size_t label = 0; label < p.size(); ++label)
            QVERIFY2(std::abs(prediction.probabilities[label] - std::exp(p[label]) / total) < 1e-5, qPrintable(QStringLiteral("row %1, label %2").arg(i).arg(label)));
    }
    QVERIFY2(std::abs(seen.loss + truths / static_cast<double>(tokens)) < 1e-5, qPrintable(QStringLiteral("%1 and %2").arg(seen.loss).arg(-truths / static_cast<double>(tokens))));
}

void TestClassify::generateIsThePlainGreedy_data() {
    QTest::addColumn<bool>("phi");
    QTest::addColumn<int>("batch");
    QTest::newRow("llama") << false << 5;
    QTest::newRow("phi") << true << 32;
}

void TestClassify::generateIsThePlainGreedy() {
    QFETCH(bool, phi);
    QFETCH(int, batch);
    Case c = make(phi ? Family::Phi : Family::Llama, "How is this news: {text}\nAnswer: {label}", 11);
    // A question that ends right after the common beginning.
    c.samples[3].ids.assign(c.samples[0].ids.begin(), c.samples[0].ids.begin() + 12);
    c.samples[3].answerBegin = 12;
    EvaluateSpec spec;
    spec.method = "generate";
    spec.max_new_tokens = 6;
    spec.batch_size = batch;
    const Classified seen = classify(*c.decoder, *m_tokenizer, c.samples, c.answers, spec, {}, {}, {});
    double truths = 0;
    std::size_t tokens = 0;
    for (std::size_t i = 0; i < c.samples.size(); ++i) {
        const auto text = plainGreedy(*c.decoder, c.samples[i].question(), 6, m_tokenizer->eos());
        QCOMPARE(seen.predictions[i].rawText, m_tokenizer->decode(text, true));
        QVERIFY(seen.predictions[i].probabilities.empty());
        const auto& answer = c.answers.ids[static_cast<std::size_t>(c.samples[i].label)];
        truths += plainLogProbability(*c.decoder, c.samples[i].question(), answer);
        tokens += answer.size();
    }
    QVERIFY(std::abs(seen.loss + truths / static_cast<double>(tokens)) < 1e-5);
}

void TestClassify::oneSampleAlone() {
    const Case c = make(Family::Llama, "{text} {label}", 1);
    for (const char* method : {"score", "generate"}) {
        EvaluateSpec spec;
        spec.method = method;
        QCOMPARE(classify(*c.decoder, *m_tokenizer, c.samples, c.answers, spec, {}, {}, {}).predictions.size(), std::size_t{1});
    }
    QVERIFY(classify(*c.decoder, *m_tokenizer, {}, c.answers, {}, {}, {}, {}).predictions.empty());
}

void TestClassify::unansweredMayCountAsALabel() {
    const Case c = make(Family::Llama, "{text} {label}", 6);
    EvaluateSpec spec;
    spec.method = "generate";
    spec.max_new_tokens = 1; // too few to name a label
    for (const Prediction& p : classify(*c.decoder, *m_tokenizer, c.samples, c.answers, spec, {}, {}, {}).predictions) QVERIFY(!p.guess);
    spec.unanswered = "neutral";
    for (const Prediction& p : classify(*c.decoder, *m_tokenizer, c.samples, c.answers, spec, {}, {}, {}).predictions) QCOMPARE(p.guess, std::optional(1));
    spec.unanswered = "nonsense";
    QVERIFY_EXCEPTION_THROWN(classify(*c.decoder, *m_tokenizer, c.samples, c.answers, spec, {}, {}, {}), Error);
    spec.method = "guess";
    QVERIFY_EXCEPTION_THROWN(classify(*c.decoder, *m_tokenizer, c.samples, c.answers, spec, {}, {}, {}), Error);
}

void TestClassify::tellsHowItGoes() {
    const Case c = make(Family::Llama, "{text} {label}", 9);
    EvaluateSpec spec;
    spec.batch_size = 2;
    std::optional<MatrixEvent> last;
    std::int64_t done = -1;
    const Sink sink = [&](const Event& event) {
        if (const auto* matrix = std::get_if<MatrixEvent>(&event)) last = *matrix;
        if (const auto* progress = std::get_if<ProgressEvent>(&event)) {
            QCOMPARE(progress->stage, std::string("evaluate"));
            QVERIFY(progress->done > done);
            done = progress->done;
        }
    };
    const Classified seen = classify(*c.decoder, *m_tokenizer, c.samples, c.answers, spec, "evaluate", sink, {});
    QCOMPARE(done, 9);
    QVERIFY(last && last->done == 9 && last->total == 9);
    QCOMPARE(last->confusion, score(seen.predictions, c.answers.labels).confusion);
}

void TestClassify::stopsBetweenBatches() {
    const Case c = make(Family::Llama, "{text} {label}", 9);
    for (const char* method : {"score", "generate"}) {
        EvaluateSpec spec;
        spec.method = method;
        spec.batch_size = 1;
        std::stop_source stop;
        std::int64_t told = 0;
        const Sink sink = [&](const Event& event) {
            if (const auto* matrix = std::get_if<MatrixEvent>(&event)) told = matrix->done;
            stop.request_stop();
        };
        QVERIFY_EXCEPTION_THROWN(classify(*c.decoder, *m_tokenizer, c.samples, c.answers, spec, "evaluate", sink, stop.get_token()), StopRequested);
        QVERIFY(told < 9);
    }
}

void TestClassify::findsTheFirstLabel_data() {
    QTest::addColumn<QString>("text");
    QTest::addColumn<QStringList>("labels");
    QTest::addColumn<int>("label"); // -1: none
    const QStringList three{QStringLiteral(" negative"), QStringLiteral(" neutral"), QStringLiteral(" positive")};
    QTest::newRow("plain") << QStringLiteral(" neutral") << three << 1;
    QTest::newRow("case, in a sentence") << QStringLiteral("\n I say NEGATIVE.") << three << 0;
    QTest::newRow("positive is looked for first") << QStringLiteral("negative or positive") << three << 2;
    QTest::newRow("negative before neutral") << QStringLiteral("neutral or negative") << three << 0;
    QTest::newRow("none") << QStringLiteral("good") << three << -1;
    QTest::newRow("empty") << QString() << three << -1;
    const QStringList nested{QStringLiteral("unlikely"), QStringLiteral("likely")};
    QTest::newRow("inside a longer one") << QStringLiteral("It is unlikely") << nested << 0;
    QTest::newRow("on its own") << QStringLiteral("It is likely") << nested << 1;
    QTest::newRow("both") << QStringLiteral("unlikely, or likely") << nested << 1;
    QTest::newRow("another script") << QStringLiteral("ОТРИЦАТЕЛЬНО") << QStringList{QStringLiteral(" отрицательно"), QStringLiteral(" положительно")} << 0;
}

void TestClassify::findsTheFirstLabel() {
    QFETCH(QString, text);
    QFETCH(QStringList, labels);
    QFETCH(int, label);
    std::vector<std::string> spellings;
    for (const QString& spelling : labels) spellings.push_back(spelling.toStdString());
    QCOMPARE(findAnswer(text.toStdString(), spellings).value_or(-1), label);
}

QTEST_APPLESS_MAIN(TestClassify)
#include "tst_classify.moc"
