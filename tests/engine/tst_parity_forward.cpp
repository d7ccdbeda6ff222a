// links: engine engine_core test_support libtorch nlohmann_json::nlohmann_json
// SPDX-License-Identifier: GPL-3.0-or-later
// Logits, greedy continuations and PEFT's adapters in float32 against transformers and PEFT (tests/parity/make_*.py).
#include "engine/infer/generate.h"
#include "engine/train/adapter_io.h"
#include "tests/support/parity_golden.h"

#include <QTest>

using namespace engine;
using namespace testing_support;

class TestParityForward : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void logits_data();
    void logits();
    void generation_data();
    void generation();
    void adapters_data();
    void adapters();
    void ownAdapter_data();
    void ownAdapter();

private:
    std::filesystem::path folder() const { return std::filesystem::path(m_dir.path().toStdString()) / "model"; }
    QTemporaryDir m_dir;
};

void TestParityForward::logits_data() {
    QTest::addColumn<int>("index");
    QTest::addColumn<QString>("more");
    QTest::addColumn<bool>("plain");
    int index = 0;
    for (const Json& golden : goldenCases("logits.json")) {
        const auto name = golden["name"].get<std::string>();
        QTest::addRow("%s", name.c_str()) << index << QString() << false;
        QTest::addRow("%s, plain", name.c_str()) << index << QString() << true;
        if (name.starts_with("phi"))
            QTest::addRow("%s, named as first released", name.c_str()) << index << "names=mixer dialect=phi-msft" << false;
        ++index;
    }
}

void TestParityForward::logits() {
    QFETCH(int, index);
    QFETCH(QString, more);
    QFETCH(bool, plain);
    const Json golden = goldenCases("logits.json")[static_cast<std::size_t>(index)];
    const SafetensorsFile file(goldenFile("logits.safetensors"));
    const Decoder decoder = goldenModel(golden, folder(), more.toStdString(), plain);
    const std::int64_t shared = golden["shared"];
    std::vector<std::vector<std::int32_t>> texts;
    std::vector<at::Tensor> expected;
    for (const Json& text : golden["texts"]) {
        texts.push_back(text["ids"]);
        expected.push_back(goldenTensor(file, text["logits"]));
    }
    // Alone; packed with the beginning held once; from a cache that holds the beginning, and on, token by token.
    double alone = 0, packed = 0, cached = 0, scale = 0;
    Pack together;
    const int root = together.add(std::span(texts[0]).first(static_cast<std::size_t>(shared)));
    std::vector<int> nodes;
    for (const auto& text : texts) nodes.push_back(together.add(std::span(text).subspan(static_cast<std::size_t>(shared)), root));
    const at::Tensor all = decoder.logits(together, allRows(together));
    for (std::size_t i = 0; i < texts.size(); ++i) {
        const auto length = static_cast<std::int64_t>(texts[i].size());
        Pack pack;
        pack.add(texts[i]);
        alone = std::max(alone, worstError(decoder.logits(pack, allRows(pack)), expected[i]));
        scale = std::max(scale, std::sqrt(at::mean(at::square(expected[i])).item<double>()));
        const PackNode& node = together.nodes[static_cast<std::size_t>(nodes[i])];
        packed = std::max(packed, worstError(all.narrow(0, 0, shared), expected[i].narrow(0, 0, shared)));
        packed =
            std::max(packed, worstError(all.narrow(0, node.begin, node.count), expected[i].narrow(0, shared, length - shared)));

        KvCache cache(decoder.config(), decoder.precision());
        const int segment = cache.addSegment(length);
        Pack first;
        first.addCached(std::span(texts[i]).first(static_cast<std::size_t>(shared)), segment, 0, true);
        decoder.prefill(first, cache);
        for (std::int64_t at = shared; at < length; ++at) {
            Pack one;
            one.addCached(std::span(texts[i]).subspan(static_cast<std::size_t>(at), 1), segment, at, true);
            cached = std::max(cached, worstError(decoder.logits(one, {0}, &cache), expected[i].narrow(0, at, 1)));
        }
    }
    qInfo("max abs error: alone and padded %.2g, packed %.2g, cached %.2g (root mean square of logits %.2g); at most 2e-5", alone,
          packed, cached, scale);
    QVERIFY(scale > 0.5 && scale < 2);
    QVERIFY(alone <= 2e-5);
    QVERIFY(packed <= 2e-5);
    QVERIFY(cached <= 2e-5);
}

void TestParityForward::generation_data() {
    QTest::addColumn<int>("index");
    int index = 0;
    for (const Json& golden : goldenCases("generation.json"))
        QTest::addRow("%s", golden["name"].get<std::string>().c_str()) << index++;
}

void TestParityForward::generation() {
    QFETCH(int, index);
    const Json golden = goldenCases("generation.json")[static_cast<std::size_t>(index)];
    const Decoder decoder = goldenModel(golden, folder());
    const Tokenizer tokenizer = Tokenizer::fromFolder(folder());
    GenerateOptions options;
    options.maxNewTokens = 64;
    std::size_t tokens = 0;
    for (std::size_t i = 0; i < golden["prompts"].size(); ++i) {
        const std::vector<std::int32_t> prompt = golden["prompts"][i], alone = golden["alone"][i], batched = golden["batched"][i];
        const std::vector<std::int32_t> found = generate(decoder, tokenizer, prompt, options, {}, {}).ids;
        QCOMPARE(found, alone);
        QCOMPARE(found, batched);
        tokens += found.size();
    }
    qInfo("%zu tokens identical; the closest choice among them was by %.2g", tokens, golden["smallest_gap"].get<double>());
}

void TestParityForward::adapters_data() {
    QTest::addColumn<int>("index");
    QTest::addColumn<bool>("plain");
    int index = 0;
    for (const Json& golden : goldenCases("adapters.json")) {
        QTest::addRow("%s", golden["name"].get<std::string>().c_str()) << index << false;
        QTest::addRow("%s, plain", golden["name"].get<std::string>().c_str()) << index++ << true;
    }
}

void TestParityForward::adapters() {
    QFETCH(int, index);
    QFETCH(bool, plain);
    const Json golden = goldenCases("adapters.json")[static_cast<std::size_t>(index)];
    const SafetensorsFile file(goldenFile("adapters.safetensors"));
    const at::Tensor expected = goldenTensor(file, std::to_string(index));
    Decoder decoder = goldenModel(golden, folder(), {}, plain);
    const std::vector<std::int32_t> ids = golden["ids"];
    Pack pack;
    pack.add(ids);
    QVERIFY(worstError(decoder.logits(pack, allRows(pack)), expected) > 1e-2);
    decoder.setAdapter(loadAdapter(goldenFile(golden["folder"]), decoder.config()), false);
    const double error = worstError(decoder.logits(pack, allRows(pack)), expected);
    qInfo("max abs error of logits %.2g, at most 1e-4", error);
    QVERIFY(error <= 1e-4);
}

void TestParityForward::ownAdapter_data() {
    QTest::addColumn<QString>("model");
    QTest::addColumn<QString>("bias");
    QTest::addColumn<bool>("rslora");
    const Json golden = goldenCases("logits.json");
    const QString phi = QString::fromStdString(golden[0]["model"]), llama = QString::fromStdString(golden[2]["model"]);
    QTest::newRow("phi") << phi << "none" << false;
    QTest::newRow("phi-biases") << phi << "all" << true;
    QTest::newRow("phi-own-biases") << phi << "lora_only" << false;
    QTest::newRow("llama") << llama << "none" << true;
}

// An adapter written here gives the same logits again. With $PHIBENCH_PARITY_EXPORT, all is left there for load_in_peft.py.
void TestParityForward::ownAdapter() {
    QFETCH(QString, model);
    QFETCH(QString, bias);
    QFETCH(bool, rslora);
    const char* kept = std::getenv("PHIBENCH_PARITY_EXPORT");
    const std::filesystem::path root = (kept ? std::filesystem::path(kept) : folder()) / QTest::currentDataTag(),
                                base = root / "base";
    writeTinyModel(base, tinyModelOptions(model.toStdString()));
    LoraSpec spec;
    spec.r = 3;
    spec.alpha = 9;
    spec.bias = bias.toStdString();
    spec.rslora = rslora;
    Decoder decoder = Decoder::load(base, Precision::Fp32);
    const auto lora = std::make_shared<Lora>(decoder.config(), spec, 1);
    decoder.setAdapter(lora, true);
    goldenFill(*lora);
    Pack pack;
    pack.add(std::vector<std::int32_t>{5, 90, 17, 200, 31, 31, 4, 120});
    const at::Tensor logits = decoder.logits(pack, allRows(pack)).contiguous();
    saveAdapter(*lora, root / "adapter", base.string());
    const std::span values(logits.const_data_ptr<float>(), static_cast<std::size_t>(logits.numel()));
    writeSafetensors(root / "logits.safetensors", {{"logits", DType::F32, logits.sizes().vec(), std::as_bytes(values)}}, {});
    decoder.setAdapter(loadAdapter(root / "adapter", decoder.config()), false);
    QCOMPARE(worstError(decoder.logits(pack, allRows(pack)), logits), 0.0);
}

QTEST_APPLESS_MAIN(TestParityForward)
#include "tst_parity_forward.moc"
