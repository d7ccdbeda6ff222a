// links: engine engine_core test_support libtorch
// SPDX-License-Identifier: GPL-3.0-or-later
// Answers scored in batches behind a cached beginning are those of one plain pass a prompt and label.
#include "engine/infer/classify.h"
#include "engine/infer/find_answer.h"
#include "engine/infer/label_trie.h"
#include "engine/infer/prefix_tree.h"
#include "tests/support/tiny_data.h"
#include "tests/support/tiny_model.h"

#include <ATen/ATen.h>
#include <QTemporaryDir>
#include <QTest>
#include <cmath>
#include <limits>
#include <optional>
#include <set>

using namespace engine;

namespace {

/// log p(answer | question), token by token in a plain pass without cache, packing or sharing.
double plainLogProbability(const Decoder& decoder, std::span<const std::int32_t> question,
                           const std::vector<std::int32_t>& answer) {
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

std::vector<std::int32_t> plainGreedy(const Decoder& decoder, std::span<const std::int32_t> question, std::int64_t most,
                                      std::int32_t eos) {
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
    void treeHoldsBeginningsOnce();
    void treeGivesEveryTextBack();
    void questionsThatBeginAlike_data();
    void questionsThatBeginAlike();
    void questionLongerThanTheModelReads();
    void scoreIsThePlainPass_data();
    void scoreIsThePlainPass();
    void generateIsThePlainGreedy_data();
    void generateIsThePlainGreedy();
    void oneSampleAlone();
    void unansweredMayCountAsALabel();
    void tellsHowItGoes();
    void stopsBetweenBatches();
    void numbersMustBeFinite();
    void findsTheFirstLabel_data();
    void findsTheFirstLabel();

private:
    struct Case {
        std::optional<Decoder> decoder;
        std::vector<Sample> samples;
        Answers answers;
    };
    Case make(const std::string& family, const std::string& text, int count,
              std::vector<std::pair<std::string, std::string>> spellings = {});

    QTemporaryDir m_dir;
    std::filesystem::path m_llama, m_phi;
    std::optional<Tokenizer> m_tokenizer;
};

void TestClassify::initTestCase() {
    const std::filesystem::path root = m_dir.path().toStdString();
    m_llama = testing_support::writeTinyModel(root / "llama");
    testing_support::TinyModelOptions phi;
    phi.family = "phi";
    phi.heads = 2;
    m_phi = testing_support::writeTinyModel(root / "phi", phi);
    m_tokenizer = Tokenizer::fromFolder(m_llama);
}

TestClassify::Case TestClassify::make(const std::string& family, const std::string& text, int count,
                                      std::vector<std::pair<std::string, std::string>> spellings) {
    Case made;
    made.decoder.emplace(Decoder::load(family == "phi" ? m_phi : m_llama, Precision::Fp32));
    PromptSpec prompt;
    prompt.text_template = text;
    prompt.labels = std::move(spellings);
    SampleEncoder encoder(*m_tokenizer, PromptTemplate(prompt, testing_support::tinyLabels()), testing_support::tinyLabels(), 200,
                          false);
    std::int64_t record = 100;
    for (const auto& [label, sentence] : testing_support::tinySentences((count + 2) / 3)) {
        const auto& labels = testing_support::tinyLabels();
        made.samples.push_back(encoder.encode(
            {record++, sentence, static_cast<int>(std::find(labels.begin(), labels.end(), label) - labels.begin())}));
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
        QVERIFY(targets[i - 1].row < targets[i].row ||
                (targets[i - 1].row == targets[i].row && targets[i - 1].token != targets[i].token));
    // Each edge worth its token: a label is the sum of its tokens.
    std::vector<float> worth;
    for (const Target& target : targets) worth.push_back(static_cast<float>(target.token));
    QCOMPARE(trie.logProbabilities(worth.data()), (std::vector<double>{10, 21, 9, 9}));
}

void TestClassify::trieOfOneTokenLabelsNeedsNoRows() {
    QCOMPARE(LabelTrie({{4}, {5}, {6}}).rows(), 0);
    QCOMPARE(LabelTrie({{4, 5}}).rows(), 1);
}

void TestClassify::treeHoldsBeginningsOnce() {
    const std::vector<std::vector<std::int32_t>> ids{{1, 2, 3, 4, 5}, {7, 8}, {1, 2, 3, 4, 6}, {1, 2, 3}, {1, 2, 9}, {7, 8}};
    const PrefixTree tree({ids.begin(), ids.end()});
    // 1 2 3 · 4 5, 4 6 (one token is not worth a node) · 1 2 9 · 7 8
    QCOMPARE(tree.nodes.size(), std::size_t{5});
    std::size_t rows = 0;
    for (const PrefixTree::Node& node : tree.nodes) rows += node.tokens.size();
    QCOMPARE(rows, std::size_t{3 + 2 + 2 + 3 + 2});
    QCOMPARE(tree.ends[1], tree.ends[5]);
    QCOMPARE(tree.nodes[static_cast<std::size_t>(tree.ends[0])].parent, tree.ends[3]);
    QVERIFY(PrefixTree(std::vector<PrefixTree::Text>{}).nodes.empty());
}

void TestClassify::treeGivesEveryTextBack() {
    // Few different tokens, so that the texts share much.
    std::uint32_t state = 1;
    const auto random = [&](std::uint32_t below) { return (state = state * 1664525 + 1013904223) / 65536 % below; };
    std::vector<std::vector<std::int32_t>> ids(200);
    for (auto& text : ids)
        for (std::uint32_t left = 1 + random(9); left > 0; --left) text.push_back(static_cast<std::int32_t>(random(2)));
    for (const std::size_t least : {std::size_t{0}, std::size_t{1}, std::size_t{3}}) {
        const PrefixTree tree({ids.begin(), ids.end()}, least);
        std::size_t rows = 0;
        for (std::size_t i = 0; i < tree.nodes.size(); ++i) {
            QVERIFY(tree.nodes[i].parent < static_cast<int>(i) && !tree.nodes[i].tokens.empty());
            rows += tree.nodes[i].tokens.size();
        }
        std::set<std::vector<std::int32_t>> beginnings;
        for (std::size_t i = 0; i < ids.size(); ++i) {
            std::vector<std::int32_t> text;
            for (int node = tree.ends[i]; node >= 0; node = tree.nodes[static_cast<std::size_t>(node)].parent)
                text.insert(text.begin(), tree.nodes[static_cast<std::size_t>(node)].tokens.begin(),
                            tree.nodes[static_cast<std::size_t>(node)].tokens.end());
            QCOMPARE(text, ids[i]);
            for (std::size_t n = 1; n <= text.size(); ++n)
                beginnings.insert({text.begin(), text.begin() + static_cast<std::ptrdiff_t>(n)});
        }
        if (least <= 1)
            QCOMPARE(rows, beginnings.size());
        else
            QVERIFY(rows > beginnings.size() && rows < 1000);
    }
}

void TestClassify::questionsThatBeginAlike_data() {
    QTest::addColumn<bool>("phi");
    QTest::addColumn<bool>("plain");
    QTest::addColumn<QString>("method");
    QTest::addColumn<int>("batch");
    for (const bool plain : {false, true})
        for (const char* method : {"score", "generate"})
            for (const int batch : {2, 64})
                QTest::addRow("%s, %s, %d at once", plain ? "plain" : "host", method, batch)
                    << (batch == 2) << plain << QString::fromLatin1(method) << batch;
}

/// Beginnings shared by some, identical questions, a question that begins another, labels that begin with the same token: as each
/// alone.
void TestClassify::questionsThatBeginAlike() {
    QFETCH(bool, phi);
    QFETCH(bool, plain);
    QFETCH(QString, method);
    QFETCH(int, batch);
    Case c = make(phi ? "phi" : "llama", "How is this news: {text}\nAnswer: {label}", 12);
    if (plain) c.decoder.emplace(Decoder::loadPlain(phi ? m_phi : m_llama, Precision::Fp32, at::kCPU));
    const auto copy = [&](std::size_t to, std::size_t from, std::size_t shared, std::size_t own) {
        std::vector<std::int32_t> ids(c.samples[from].ids.begin(),
                                      c.samples[from].ids.begin() + static_cast<std::ptrdiff_t>(shared));
        for (std::size_t i = 0; i < own; ++i) ids.push_back(static_cast<std::int32_t>(10 + to + i));
        c.samples[to].ids = ids;
        c.samples[to].answerBegin = std::ssize(ids);
    };
    const auto length = static_cast<std::size_t>(c.samples[0].answerBegin);
    copy(1, 0, length, 0);     // the same again
    copy(2, 0, length, 4);     // goes on from it
    copy(3, 2, length + 4, 2); // and from that
    copy(4, 0, length - 4, 1); // begins like it
    copy(5, 0, length - 4, 3);
    copy(7, 6, 1, 1);                                                  // nearly nothing in common
    for (std::size_t label = 0; label < c.answers.ids.size(); ++label) // the first tokens are shared
        c.answers.ids[label] = {5, static_cast<std::int32_t>(6 + label / 2), static_cast<std::int32_t>(20 + label)};
    EvaluateSpec spec;
    spec.method = *valueOf<EvaluationMethod>(method.toStdString());
    spec.max_new_tokens = 5;
    spec.batch_size = batch;
    const Classified seen = classify(*c.decoder, *m_tokenizer, c.samples, c.answers, spec, {}, {}, {});
    double truths = 0;
    for (std::size_t i = 0; i < c.samples.size(); ++i) {
        const auto question = c.samples[i].question();
        truths += plainLogProbability(*c.decoder, question, c.answers.ids[static_cast<std::size_t>(c.samples[i].label)]);
        if (spec.method == EvaluationMethod::Generate) {
            QCOMPARE(seen.predictions[i].rawText,
                     m_tokenizer->decode(plainGreedy(*c.decoder, question, 5, m_tokenizer->eos()), true));
            continue;
        }
        std::vector<double> p;
        double total = 0;
        for (const auto& answer : c.answers.ids)
            total += p.emplace_back(std::exp(plainLogProbability(*c.decoder, question, answer)));
        for (std::size_t label = 0; label < p.size(); ++label)
            QVERIFY(std::abs(seen.predictions[i].probabilities[label] - p[label] / total) < 1e-5);
    }
    QVERIFY(std::abs(seen.loss + truths / static_cast<double>(3 * c.samples.size())) < 1e-5);
}

void TestClassify::questionLongerThanTheModelReads() {
    Case c = make("llama", "How is this news: {text}\nAnswer: {label}", 3);
    c.samples[1].ids.assign(static_cast<std::size_t>(c.decoder->config().max_positions) + 1, 4);
    c.samples[1].answerBegin = std::ssize(c.samples[1].ids);
    for (const auto method : {EvaluationMethod::Score, EvaluationMethod::Generate}) {
        EvaluateSpec spec;
        spec.method = method;
        QVERIFY_EXCEPTION_THROWN(classify(*c.decoder, *m_tokenizer, c.samples, c.answers, spec, {}, {}, {}), Error);
    }
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
    Case c = make(phi ? "phi" : "llama", text.toStdString(), 13);
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
            QVERIFY2(std::abs(prediction.probabilities[label] - std::exp(p[label]) / total) < 1e-5,
                     qPrintable(QStringLiteral("row %1, label %2").arg(i).arg(label)));
    }
    QVERIFY2(std::abs(seen.loss + truths / static_cast<double>(tokens)) < 1e-5,
             qPrintable(QStringLiteral("%1 and %2").arg(seen.loss).arg(-truths / static_cast<double>(tokens))));
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
    Case c = make(phi ? "phi" : "llama", "How is this news: {text}\nAnswer: {label}", 11);
    // A question that ends right after the common beginning.
    c.samples[3].ids.assign(c.samples[0].ids.begin(), c.samples[0].ids.begin() + 12);
    c.samples[3].answerBegin = 12;
    EvaluateSpec spec;
    spec.method = EvaluationMethod::Generate;
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
    const Case c = make("llama", "{text} {label}", 1);
    for (const auto method : {EvaluationMethod::Score, EvaluationMethod::Generate}) {
        EvaluateSpec spec;
        spec.method = method;
        QCOMPARE(classify(*c.decoder, *m_tokenizer, c.samples, c.answers, spec, {}, {}, {}).predictions.size(), std::size_t{1});
    }
    QVERIFY(classify(*c.decoder, *m_tokenizer, {}, c.answers, {}, {}, {}, {}).predictions.empty());
}

void TestClassify::unansweredMayCountAsALabel() {
    const Case c = make("llama", "{text} {label}", 6);
    EvaluateSpec spec;
    spec.method = EvaluationMethod::Generate;
    spec.max_new_tokens = 1; // too few to name a label
    for (const Prediction& p : classify(*c.decoder, *m_tokenizer, c.samples, c.answers, spec, {}, {}, {}).predictions)
        QVERIFY(!p.guess);
    spec.unanswered = "neutral";
    for (const Prediction& p : classify(*c.decoder, *m_tokenizer, c.samples, c.answers, spec, {}, {}, {}).predictions)
        QCOMPARE(p.guess, std::optional(1));
    spec.unanswered = "nonsense";
    QVERIFY_EXCEPTION_THROWN(classify(*c.decoder, *m_tokenizer, c.samples, c.answers, spec, {}, {}, {}), Error);
}

void TestClassify::tellsHowItGoes() {
    const Case c = make("llama", "{text} {label}", 9);
    EvaluateSpec spec;
    spec.batch_size = 2;
    std::optional<MatrixEvent> last;
    std::int64_t done = -1;
    const Sink sink = [&](const Event& event) {
        if (const auto* matrix = std::get_if<MatrixEvent>(&event)) last = *matrix;
        if (const auto* progress = std::get_if<ProgressEvent>(&event)) {
            QVERIFY(progress->stage == Stage::Evaluate);
            QVERIFY(progress->done > done);
            done = progress->done;
        }
    };
    const Classified seen = classify(*c.decoder, *m_tokenizer, c.samples, c.answers, spec, Stage::Evaluate, sink, {});
    QCOMPARE(done, 9);
    QVERIFY(last && last->done == 9 && last->total == 9);
    QCOMPARE(last->confusion, score(seen.predictions, c.answers.labels).confusion);
}

void TestClassify::stopsBetweenBatches() {
    const Case c = make("llama", "{text} {label}", 9);
    for (const auto method : {EvaluationMethod::Score, EvaluationMethod::Generate}) {
        EvaluateSpec spec;
        spec.method = method;
        spec.batch_size = 1;
        std::stop_source stop;
        std::int64_t told = 0;
        const Sink sink = [&](const Event& event) {
            if (const auto* matrix = std::get_if<MatrixEvent>(&event)) told = matrix->done;
            stop.request_stop();
        };
        QVERIFY_EXCEPTION_THROWN(
            classify(*c.decoder, *m_tokenizer, c.samples, c.answers, spec, Stage::Evaluate, sink, stop.get_token()),
            StopRequested);
        QVERIFY(told < 9);
    }
}

void TestClassify::numbersMustBeFinite() {
    Case c = make("llama", "{text} {label}", 3); // of the records 100 to 102
    const auto lora = std::make_shared<Lora>(c.decoder->config(), LoraSpec{}, 1);
    lora->values().fill_(std::numeric_limits<float>::quiet_NaN());
    lora->touch();
    c.decoder->setAdapter(lora, false);
    for (const auto method : {EvaluationMethod::Score, EvaluationMethod::Generate}) {
        EvaluateSpec spec;
        spec.method = method;
        std::string said;
        try {
            classify(*c.decoder, *m_tokenizer, c.samples, c.answers, spec, {}, {}, {});
        } catch (const Error& error) { said = error.message(); }
        QVERIFY2(said.find("numbers that are not finite for record 10") != std::string::npos, said.c_str());
    }
    Pack pack;
    pack.add(c.samples[0].ids);
    QCOMPARE(c.decoder->predict(pack, {}, {0}).likeliest, std::vector<std::int32_t>{-1});
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
    QTest::newRow("another script") << QStringLiteral("ОТРИЦАТЕЛЬНО")
                                    << QStringList{QStringLiteral(" отрицательно"), QStringLiteral(" положительно")} << 0;
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
