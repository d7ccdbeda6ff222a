// links: engine engine_core test_support libtorch
// SPDX-License-Identifier: GPL-3.0-or-later
// Generated text: cached equals uncached, samples are reproducible and follow the distribution, characters stay whole.
#include "engine/infer/generate.h"
#include "engine/infer/sampler.h"
#include "engine/infer/utf8_stream.h"
#include "tests/support/tiny_model.h"

#include <ATen/ATen.h>
#include <QTemporaryDir>
#include <QTest>
#include <cmath>
#include <map>
#include <optional>

using namespace engine;

class TestGenerate : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void initTestCase();
    void cachedIsUncached_data();
    void cachedIsUncached();
    void samplesAreReproducible();
    void samplerFollowsTheDistribution_data();
    void samplerFollowsTheDistribution();
    void topPOfManyTokens();
    void logitsMustBeFinite();
    void badOptionsAreRefused_data();
    void badOptionsAreRefused();
    void endsAtTheLastPosition();
    void stopsAtEos();
    void stopsWhenAsked();
    void badPromptsAreRefused();
    void charactersStayWhole_data();
    void charactersStayWhole();

private:
    std::vector<std::int32_t> prompt(int length) const {
        std::vector<std::int32_t> ids;
        for (int i = 0; i < length; ++i) ids.push_back(30 + (i * i * 7 + i) % 200);
        return ids;
    }
    QTemporaryDir m_dir;
    std::optional<Decoder> m_llama, m_phi;
    std::optional<Tokenizer> m_tokenizer;
};

void TestGenerate::initTestCase() {
    const std::filesystem::path root = m_dir.path().toStdString();
    m_llama.emplace(Decoder::load(testing_support::writeTinyModel(root / "llama"), Precision::Fp32));
    testing_support::TinyModelOptions phi;
    phi.family = "phi";
    phi.heads = 2;
    m_phi.emplace(Decoder::load(testing_support::writeTinyModel(root / "phi", phi), Precision::Fp32));
    m_tokenizer = Tokenizer::fromFolder(root / "llama");
}

void TestGenerate::cachedIsUncached_data() {
    QTest::addColumn<bool>("phi");
    QTest::addColumn<int>("length");
    QTest::newRow("llama, one token") << false << 1;
    QTest::newRow("llama, 20 tokens") << false << 20;
    QTest::newRow("llama, more than one prefill") << false << 300;
    QTest::newRow("phi, a whole prefill") << true << 256;
}

void TestGenerate::cachedIsUncached() {
    QFETCH(bool, phi);
    QFETCH(int, length);
    const Decoder& decoder = phi ? *m_phi : *m_llama;
    GenerateOptions options;
    options.maxNewTokens = 24;
    std::string streamed;
    const Generated cached =
        generate(decoder, *m_tokenizer, prompt(length), options, [&](const std::string& text) { streamed += text; }, {});
    std::vector<std::int32_t> ids = prompt(length);
    for (std::size_t i = 0; i < 24; ++i) {
        Pack pack;
        pack.add(ids);
        const auto token = static_cast<std::int32_t>(at::argmax(decoder.logits(pack, {pack.rows() - 1})).item<std::int64_t>());
        if (token == m_tokenizer->eos()) break;
        ids.push_back(token);
    }
    QCOMPARE(cached.ids, std::vector<std::int32_t>(ids.begin() + length, ids.end()));
    QCOMPARE(streamed, cached.text);
    QVERIFY(!cached.stopped);
    QVERIFY(cached.prefillTokensPerSecond > 0);
}

void TestGenerate::samplesAreReproducible() {
    GenerateOptions options;
    options.maxNewTokens = 30;
    options.temperature = 1.5;
    options.seed = 5;
    const auto run = [&] { return generate(*m_llama, *m_tokenizer, prompt(10), options, {}, {}).ids; };
    const auto first = run();
    QCOMPARE(run(), first);
    options.seed = 6;
    QVERIFY(run() != first);
    options.temperature = 0;
    const auto greedyIds = run();
    options.temperature = 5;
    options.topK = 1;
    QCOMPARE(run(), greedyIds);
    options.topK = 0;
    options.topP = 1e-9;
    QCOMPARE(run(), greedyIds);
}

void TestGenerate::samplerFollowsTheDistribution_data() {
    QTest::addColumn<double>("temperature");
    QTest::addColumn<int>("topK");
    QTest::addColumn<double>("topP");
    QTest::addColumn<QList<double>>("expected");
    // Logits are the logarithms of 1, 2, 3, 4.
    QTest::newRow("plain") << 1.0 << 0 << 1.0 << QList<double>{0.1, 0.2, 0.3, 0.4};
    QTest::newRow("temperature") << 0.5 << 0 << 1.0 << QList<double>{1 / 30.0, 4 / 30.0, 9 / 30.0, 16 / 30.0};
    QTest::newRow("top-k") << 1.0 << 2 << 1.0 << QList<double>{0, 0, 3 / 7.0, 4 / 7.0};
    QTest::newRow("top-p") << 1.0 << 0 << 0.75 << QList<double>{0, 2 / 9.0, 3 / 9.0, 4 / 9.0};
    QTest::newRow("top-p of what top-k left") << 1.0 << 3 << 0.5 << QList<double>{0, 0, 3 / 7.0, 4 / 7.0};
}

void TestGenerate::samplerFollowsTheDistribution() {
    QFETCH(double, temperature);
    QFETCH(int, topK);
    QFETCH(double, topP);
    QFETCH(QList<double>, expected);
    const float logits[]{std::log(1.0f), std::log(2.0f), std::log(3.0f), std::log(4.0f)};
    GenerateOptions options;
    options.temperature = temperature;
    options.topK = topK;
    options.topP = topP;
    Sampler sampler(options);
    constexpr int kDraws = 20000;
    std::map<std::int32_t, int> seen;
    for (int i = 0; i < kDraws; ++i) ++seen[sampler.pick(logits, 4)];
    for (int token = 0; token < 4; ++token) {
        const double share = static_cast<double>(seen[token]) / kDraws;
        if (expected[token] == 0) QCOMPARE(share, 0.0);
        QVERIFY2(std::abs(share - expected[token]) < 0.02, qPrintable(QStringLiteral("%1: %2").arg(token).arg(share)));
    }
}

void TestGenerate::topPOfManyTokens() {
    // 1000 equal tokens: half the mass is the first 500.
    const std::vector<float> logits(1000, 0.5f);
    GenerateOptions options;
    options.temperature = 1;
    options.topP = 0.5;
    Sampler sampler(options);
    std::int32_t highest = 0;
    for (int i = 0; i < 5000; ++i) highest = std::max(highest, sampler.pick(logits.data(), 1000));
    QVERIFY2(highest >= 480 && highest <= 500, qPrintable(QString::number(highest)));
}

void TestGenerate::logitsMustBeFinite() {
    const float logits[]{1, std::nanf(""), 2};
    GenerateOptions options;
    for (options.temperature = 0; options.temperature < 2; ++options.temperature)
        QVERIFY_EXCEPTION_THROWN(Sampler(options).pick(logits, 3), Error);
}

void TestGenerate::badOptionsAreRefused_data() {
    QTest::addColumn<double>("temperature");
    QTest::addColumn<int>("topK");
    QTest::addColumn<double>("topP");
    QTest::addColumn<int>("tokens");
    QTest::newRow("temperature") << -1.0 << 0 << 1.0 << 5;
    QTest::newRow("not a number") << std::nan("") << 0 << 1.0 << 5;
    QTest::newRow("top-k") << 1.0 << -1 << 1.0 << 5;
    QTest::newRow("top-p") << 1.0 << 0 << 0.0 << 5;
    QTest::newRow("top-p over 1") << 1.0 << 0 << 1.1 << 5;
    QTest::newRow("tokens") << 1.0 << 0 << 1.0 << 0;
}

void TestGenerate::badOptionsAreRefused() {
    QFETCH(double, temperature);
    QFETCH(int, topK);
    QFETCH(double, topP);
    QFETCH(int, tokens);
    const GenerateOptions options{tokens, temperature, topK, topP, 0};
    QVERIFY_EXCEPTION_THROWN(Sampler{options}, Error);
}

void TestGenerate::endsAtTheLastPosition() {
    GenerateOptions options;
    options.maxNewTokens = std::numeric_limits<std::int64_t>::max();
    options.temperature = 2;
    const auto length = static_cast<int>(m_llama->config().max_positions) - 3;
    const Generated generated = generate(*m_llama, *m_tokenizer, prompt(length), options, {}, {});
    QVERIFY(generated.ids.size() <= 4); // eos may come sooner
    QVERIFY(!generated.ids.empty());
}

void TestGenerate::stopsAtEos() {
    GenerateOptions options;
    options.maxNewTokens = 400;
    options.temperature = 3;
    bool ended = false;
    for (options.seed = 0; options.seed < 20 && !ended; ++options.seed) {
        const Generated generated = generate(*m_llama, *m_tokenizer, prompt(5), options, {}, {});
        for (const std::int32_t id : generated.ids) QVERIFY(id != m_tokenizer->eos());
        ended = generated.ids.size() < 400 && !generated.stopped;
    }
    QVERIFY(ended);
}

void TestGenerate::stopsWhenAsked() {
    GenerateOptions options;
    options.maxNewTokens = 400;
    options.temperature = 0.01;
    std::stop_source stop;
    int pieces = 0;
    const Generated generated = generate(
        *m_llama, *m_tokenizer, prompt(5), options,
        [&](const std::string&) {
            if (++pieces == 3) stop.request_stop();
        },
        stop.get_token());
    QVERIFY(generated.stopped);
    QCOMPARE(pieces, 3);
    const Generated none = generate(*m_llama, *m_tokenizer, prompt(5), options, {}, stop.get_token());
    QVERIFY(none.stopped && none.ids.empty());
}

void TestGenerate::badPromptsAreRefused() {
    const auto run = [&](const std::vector<std::int32_t>& ids) { return generate(*m_llama, *m_tokenizer, ids, {}, {}, {}); };
    QVERIFY_EXCEPTION_THROWN(run({}), Error);
    QVERIFY_EXCEPTION_THROWN(run({100000}), Error);
    QVERIFY_EXCEPTION_THROWN(run({-1}), Error);
    QVERIFY_EXCEPTION_THROWN(run(prompt(static_cast<int>(m_llama->config().max_positions) + 1)), Error);
}

void TestGenerate::charactersStayWhole_data() {
    QTest::addColumn<QList<QByteArray>>("pieces");
    QTest::addColumn<QList<QByteArray>>("texts"); // the last is what finish() gives
    QTest::newRow("ascii") << QList<QByteArray>{"a", "b"} << QList<QByteArray>{"a", "b", ""};
    QTest::newRow("split in two") << QList<QByteArray>{"x\xC3", "\xA9y"} << QList<QByteArray>{"x", "\xC3\xA9y", ""};
    QTest::newRow("split in four") << QList<QByteArray>{"\xF0", "\x9F", "\x98", "\x80!"}
                                   << QList<QByteArray>{"", "", "", "\xF0\x9F\x98\x80!", ""};
    QTest::newRow("cut short") << QList<QByteArray>{"a\xE2\x82"} << QList<QByteArray>{"a", "\xEF\xBF\xBD"};
    QTest::newRow("no beginning") << QList<QByteArray>{"\x80z"} << QList<QByteArray>{"\xEF\xBF\xBDz", ""};
    QTest::newRow("broken off by another") << QList<QByteArray>{"\xE2\x82", "b"}
                                           << QList<QByteArray>{"",
                                                                "\xEF\xBF\xBD"
                                                                "b",
                                                                ""};
    QTest::newRow("overlong") << QList<QByteArray>{"\xC0\xAF"} << QList<QByteArray>{"\xEF\xBF\xBD\xEF\xBF\xBD", ""};
    QTest::newRow("surrogate") << QList<QByteArray>{"\xED\xA0\x80"}
                               << QList<QByteArray>{"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD", ""};
}

void TestGenerate::charactersStayWhole() {
    QFETCH(QList<QByteArray>, pieces);
    QFETCH(QList<QByteArray>, texts);
    Utf8Stream stream;
    for (qsizetype i = 0; i < pieces.size(); ++i)
        QCOMPARE(QByteArray::fromStdString(stream.push(pieces[i].toStdString())), texts[i]);
    QCOMPARE(QByteArray::fromStdString(stream.finish()), texts.last());
    QCOMPARE(stream.finish(), std::string());
}

QTEST_APPLESS_MAIN(TestGenerate)
#include "tst_generate.moc"
