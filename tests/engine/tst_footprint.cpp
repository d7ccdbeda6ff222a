// links: engine engine_core
// SPDX-License-Identifier: GPL-3.0-or-later
// What a training is said to take, against sums by hand and against runs that were measured.
#include "engine/architecture/config.h"
#include "engine/architecture/row_bytes.h"
#include "engine/error.h"
#include "engine/footprint.h"
#include "engine/kernels/dense_bf16.h"

#include <QtTest>

using namespace engine;

namespace {

DecoderConfig smolLm() {
    DecoderConfig c = commonConfig("llama");
    c.vocab_size = 49152;
    c.hidden_size = 576;
    c.intermediate_size = 1536;
    c.layers = 30;
    c.heads = 9;
    c.kv_heads = 3;
    c.head_dim = c.rotary[0].dims = 64;
    c.max_positions = 8192;
    c.tied_head = true;
    return c;
}
DecoderConfig phi2() {
    DecoderConfig c = commonConfig("phi");
    c.vocab_size = 51200;
    c.hidden_size = 2560;
    c.intermediate_size = 10240;
    c.layers = 32;
    c.heads = c.kv_heads = 32;
    c.head_dim = 80;
    c.rotary[0].dims = 32;
    c.max_positions = 2048;
    return c;
}
constexpr std::int64_t kSmolLinear = 106'168'320, kPhiLinear = 2'516'582'400; // weights of the linear layers

Experiment inPrecision(const std::string& precision) {
    Experiment e;
    e.model.precision = precision;
    if (precision == "nf4") e.model.compute = "bf16";
    return e;
}
const PromptLengths kShort{35, 25, 11.5}; // the default experiment's

} // namespace

class TestFootprint : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void weights_data();
    void weights();
    void adapter();
    void activationsFollowTheBatch();
    void measuredRuns_data();
    void measuredRuns();
    void lengths();
    void words();
    void refusesWhatCannotBe();
};

void TestFootprint::weights_data() {
    QTest::addColumn<bool>("phi");
    QTest::addColumn<std::string>("precision");
    QTest::addColumn<bool>("twice");
    QTest::addColumn<double>("bytesAWeight");           // of a linear layer, as often as it is held
    const bool once = kernels::multipliesDensePanels(); // on this processor small ones too
    QTest::newRow("small bf16") << false << std::string("bf16") << !once << (once ? 2.0 : 4.0);
    QTest::newRow("small fp32") << false << std::string("fp32") << false << 4.0;
    QTest::newRow("small nf4") << false << std::string("nf4") << false << 0.5 + 4.0 / 64;
    QTest::newRow("large bf16, once") << true << std::string("bf16") << false << 2.0;
    QTest::newRow("large nf4") << true << std::string("nf4") << false << 0.5 + 4.0 / 64;
    QTest::newRow("large nf4, double") << true << std::string("double") << false << 0.5 + 1.0 / 64 + 4.0 / (64 * 256);
}
void TestFootprint::weights() {
    QFETCH(bool, phi);
    QFETCH(std::string, precision);
    QFETCH(bool, twice);
    QFETCH(double, bytesAWeight);
    Experiment e = inPrecision(precision == "double" ? "nf4" : precision);
    e.model.double_quant = precision == "double";
    const DecoderConfig config = phi ? phi2() : smolLm();
    const Footprint f = footprint(config, 1000, e, kShort);
    QCOMPARE(f.twice, twice);
    QCOMPARE(f.layers, std::int64_t(bytesAWeight * double(phi ? kPhiLinear : kSmolLinear)));
    const std::int64_t tables = config.vocab_size * config.hidden_size * (phi ? 2 : 1) * (precision == "fp32" ? 4 : 2);
    QVERIFY(f.rest >= tables && f.rest < tables + tables / 10); // norms, biases and rotary tables are small beside them
    QCOMPARE(f.parameters, phi ? std::int64_t(2'779'683'840) : std::int64_t(134'515'008));
}

void TestFootprint::adapter() {
    const Footprint f = footprint(smolLm(), 4'884'480, inPrecision("bf16"), kShort);
    QCOMPARE(f.trainable, 4'884'480);
    QCOMPARE(f.adapter, 4'884'480 * 6);    // fp32, and bf16 for the products
    QCOMPARE(f.optimizer, 4'884'480 * 12); // a gradient and two moments in fp32
    QCOMPARE(f.peak(), f.layers + f.rest + f.adapter + f.optimizer + f.activations + f.program);
}

void TestFootprint::activationsFollowTheBatch() {
    const auto of = [](const char* precision, std::int64_t batch, const char* micro, PromptLengths lengths,
                       std::int64_t most = 512) {
        Experiment e = inPrecision(precision);
        e.train.batch_size = batch;
        e.train.micro_batch_size = micro;
        e.train.max_tokens = most;
        e.evaluate.batch_size = 1;
        return footprint(smolLm(), 1, e, lengths);
    };
    const PromptLengths even{40, 60, 0};
    QCOMPARE(of("bf16", 8, "auto", even).rows, 40 + 8 * 60); // what all begin with is there once
    QCOMPARE(of("bf16", 8, "2", even).rows, 40 + 2 * 60);
    QCOMPARE(of("bf16", 8, "20", even).rows, 40 + 8 * 60);
    QCOMPARE(of("bf16", 8, "auto", even, 50).rows, 40 + 8 * 10);
    const DecoderConfig c = smolLm();
    QCOMPARE(of("bf16", 10000, "auto", even).rows, rowBudget(c, Precision::Bf16));
    QVERIFY(of("bf16", 8, "auto", {40, 60, 20}).rows > 40 + 8 * 60);
    QVERIFY(of("fp32", 8, "auto", even).activations > 3 * of("bf16", 8, "auto", even).activations / 2);
    QVERIFY(of("bf16", 16, "auto", even).activations > of("bf16", 8, "auto", even).activations);
}

// peak_rss_bytes of `phibench-cli train experiments/opinion-sentiment.yaml` with these settings (2 threads, libtorch 2.13,
// AVX512_BF16 without AMX).
void TestFootprint::measuredRuns_data() {
    QTest::addColumn<std::int64_t>("rank");
    QTest::addColumn<std::int64_t>("trainable");
    QTest::addColumn<double>("peak");
    QTest::newRow("r 8") << std::int64_t(8) << std::int64_t(2'442'240) << 687e6;
    QTest::newRow("r 16") << std::int64_t(16) << std::int64_t(4'884'480) << 732e6;
    QTest::newRow("r 64") << std::int64_t(64) << std::int64_t(19'537'920) << 1011e6;
}
void TestFootprint::measuredRuns() {
    QFETCH(std::int64_t, rank);
    QFETCH(std::int64_t, trainable);
    QFETCH(double, peak);
    if (!kernels::multipliesDensePanels()) QSKIP("Measured where the layers are held once.");
    Experiment e = inPrecision("bf16");
    e.lora.r = rank;
    const double expected = double(footprint(smolLm(), trainable, e, kShort).peak());
    QVERIFY2(std::abs(expected / peak - 1) < 0.05, qPrintable(QString::number(expected / 1e6)));
}

void TestFootprint::lengths() {
    PromptSpec prompt;
    prompt.text_template = std::string(42, 'a') + "{text} is{label}";
    std::vector<Example> examples(5000);
    for (std::size_t i = 0; i < examples.size(); ++i) examples[i].text = std::string(i % 7 < 3 ? 42 : 84, 'b');
    const PromptLengths guessed = guessLengths(examples, prompt);
    QCOMPARE(guessed.shared, 10.0);
    QVERIFY(guessed.mean > 16 && guessed.mean < 19); // 15.7 of the texts, some for the rest and the answer
    QVERIFY(std::abs(guessed.deviation - 4.95) < 0.1);
    QVERIFY(guessLengths({}, prompt).mean > 0);
    QVERIFY(std::isfinite(guessLengths({{}}, {}).mean));
    QVERIFY(std::isfinite(guessLengths({}, {std::string("only {text}"), {}}).mean));

    std::vector<Sample> samples(3);
    samples[0].ids = {1, 2, 3, 4};
    samples[1].ids = {1, 2, 9};
    samples[2].ids = {1, 2, 3, 4, 5, 6, 7, 8};
    const PromptLengths read = lengthsOf(samples);
    QCOMPARE(read.shared, 2.0);
    QCOMPARE(read.mean, 3.0);
    QVERIFY(std::abs(read.deviation - std::sqrt(14.0 / 3)) < 1e-9);
    QCOMPARE(lengthsOf({}).mean, 0.0);
}

void TestFootprint::words() {
    QCOMPARE(footprint(smolLm(), 1, inPrecision("bf16"), kShort).precision, std::string("bf16"));
    QCOMPARE(footprint(smolLm(), 1, inPrecision("nf4"), kShort).precision, std::string("NF4, computed in bf16"));
    Experiment e = inPrecision("nf4");
    e.model.compute = "fp32";
    e.model.double_quant = true;
    QCOMPARE(footprint(smolLm(), 1, e, kShort).precision, std::string("NF4 with double quantisation, computed in fp32"));
    const std::string text = toString(footprint(phi2(), 7'864'320, inPrecision("nf4"), kShort));
    for (const char* part : {"2780 million parameters in NF4, computed in bf16", "7.86 million trained (0.3 %)", "layers 1.42 GB",
                             "gradients and moments 94 MB"})
        QVERIFY2(text.find(part) != std::string::npos, text.c_str());
}

void TestFootprint::refusesWhatCannotBe() {
    Experiment e = inPrecision("fp32");
    e.model.compute = "bf16";
    QVERIFY_EXCEPTION_THROWN(footprint(smolLm(), 1, e, kShort), Error);
}

QTEST_APPLESS_MAIN(TestFootprint)
#include "tst_footprint.moc"
