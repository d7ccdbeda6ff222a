// links: engine engine_core test_support libtorch nlohmann_json::nlohmann_json
// SPDX-License-Identifier: GPL-3.0-or-later
// Logits, greedy continuations and PEFT's adapters in float32 against transformers and PEFT (tests/parity/make_*.py).
#include "tests/support/parity_checks.h"

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
    const LogitErrors errors = logitErrors(decoder, golden, file);
    qInfo("max abs error: alone and padded %.2g, packed %.2g, cached %.2g (root mean square of logits %.2g); at most 2e-5",
          errors.alone, errors.packed, errors.cached, errors.scale);
    QVERIFY(errors.scale > 0.5 && errors.scale < 2);
    QVERIFY(errors.within(2e-5));
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
    const std::filesystem::path root = (kept ? std::filesystem::path(kept) : folder()) / QTest::currentDataTag();
    QCOMPARE(ownAdapterError(root, model.toStdString(), bias.toStdString(), rslora), 0.0);
}

QTEST_APPLESS_MAIN(TestParityForward)
#include "tst_parity_forward.moc"
