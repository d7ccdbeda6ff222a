// links: engine engine_core test_support libtorch nlohmann_json::nlohmann_json
// SPDX-License-Identifier: GPL-3.0-or-later
// Each family against transformers, PEFT and bitsandbytes (tests/parity/make_families.py): logits within and beyond window and
// original context, NF4, greedy continuations, adapters both ways, gradients and 20 steps of training. Phi's and Llama's first
// models are in tst_parity_forward and tst_parity_training.
#include "engine/architecture/family.h"
#include "tests/support/parity_checks.h"
#include "tests/support/tiny_gguf.h"

#include <QTest>

using namespace engine;
using namespace testing_support;

namespace {

/// Files of tests/parity/golden/families, by family.
std::vector<std::string> familiesWithFigures() {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(goldenFile("families")))
        if (entry.path().extension() == ".json") names.push_back(entry.path().stem().string());
    std::ranges::sort(names);
    return names;
}

/// Rows (family, index, plain) of the cases that have `key`; `plain`: also computed by the plain decoder.
void addCases(const char* key, bool plain) {
    QTest::addColumn<QString>("family");
    QTest::addColumn<int>("index");
    QTest::addColumn<bool>("plain");
    for (const std::string& family : familiesWithFigures()) {
        int index = 0;
        for (const Json& golden : goldenCases("families/" + family + ".json")) {
            const auto name = golden["name"].get<std::string>();
            if (golden.contains(key)) {
                QTest::addRow("%s", name.c_str()) << QString::fromStdString(family) << index << false;
                if (plain) QTest::addRow("%s, plain", name.c_str()) << QString::fromStdString(family) << index << true;
            }
            ++index;
        }
    }
}

} // namespace

class TestParityFamilies : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void everyFamilyHasFigures();
    void shortTexts_data() { addCases("short", true); }
    void shortTexts() { logits("short"); }
    void longTexts_data() { addCases("long", true); }
    void longTexts() { logits("long"); }
    void gguf_data() { addCases("gguf", false); }
    void gguf();
    void nf4_data() { addCases("nf4", true); }
    void nf4();
    void generation_data() { addCases("generation", false); }
    void generation();
    void adapter_data() { addCases("adapter", true); }
    void adapter();
    void ownAdapter_data() { addCases("adapter", false); }
    void ownAdapter();
    void gradients_data() { addCases("gradients", true); }
    void gradients();
    void twentySteps_data() { addCases("training", false); }
    void twentySteps();

private:
    /// Of the row.
    Json golden() const {
        QFETCH(QString, family);
        QFETCH(int, index);
        return goldenCases("families/" + family.toStdString() + ".json")[static_cast<std::size_t>(index)];
    }
    SafetensorsFile tensors() const {
        QFETCH(QString, family);
        return SafetensorsFile(goldenFile("families/" + family.toStdString() + ".safetensors"));
    }
    Decoder decoder(const Json& golden) const {
        QFETCH(bool, plain);
        return goldenModel(golden, folder(), {}, plain);
    }
    /// Max abs error of a text's logits.
    static double errorOf(const Decoder& decoder, const Json& told, const SafetensorsFile& file) {
        Pack pack;
        pack.add(told["ids"].get<std::vector<std::int32_t>>());
        return worstError(keptColumns(decoder.logits(pack, allRows(pack)), told), goldenTensor(file, told["logits"]));
    }
    void logits(const char* which);

    std::filesystem::path folder() const { return std::filesystem::path(m_dir.path().toStdString()) / "model"; }
    QTemporaryDir m_dir;
};

void TestParityFamilies::everyFamilyHasFigures() {
    const std::vector<std::string> found = familiesWithFigures();
    for (const Family* family : families()) {
        const bool first = family->name() == "phi"; // of tst_parity_forward
        QVERIFY2(first || std::ranges::find(found, family->name()) != found.end(), family->name().c_str());
    }
    for (const std::string& name : found) familyNamed(name); // throws for one that the engine does not have
}

void TestParityFamilies::logits(const char* which) {
    const Json all = golden();
    const LogitErrors errors = logitErrors(decoder(all), all[which], tensors());
    qInfo("max abs error: alone and padded %.2g, packed %.2g, cached %.2g (root mean square of logits %.2g); at most 2e-5",
          errors.alone, errors.packed, errors.cached, errors.scale);
    QVERIFY(errors.scale > 0.5 && errors.scale < 2);
    QVERIFY(errors.within(2e-5));
}

// The same model as a GGUF.
void TestParityFamilies::gguf() {
    const Json all = golden();
    const std::filesystem::path file = std::filesystem::path(m_dir.path().toStdString()) / "model.gguf";
    writeTinyGguf(file, tinyModelOptions(all["model"]));
    const Decoder found = Decoder::load(file, Precision::Fp32);
    for (const char* which : {"short", "long"}) {
        const LogitErrors errors = logitErrors(found, all[which], tensors());
        qInfo("max abs error: alone and padded %.2g, packed %.2g, cached %.2g; at most 2e-5", errors.alone, errors.packed,
              errors.cached);
        QVERIFY(errors.within(2e-5));
    }
}

void TestParityFamilies::nf4() {
    QFETCH(bool, plain);
    const Json all = golden();
    decoder(all); // writes the model
    const Precision precision = parsePrecision("nf4", "fp32");
    const Decoder found = plain ? Decoder::loadPlain(folder(), precision, at::kCPU) : Decoder::load(folder(), precision);
    const double error = errorOf(found, all["nf4"], tensors());
    qInfo("max abs error of logits %.2g, at most 2e-5", error);
    QVERIFY(error <= 2e-5);
}

void TestParityFamilies::generation() {
    const Json all = golden(), &told = all["generation"];
    const Decoder found = decoder(all);
    const Tokenizer tokenizer = Tokenizer::fromFolder(folder());
    GenerateOptions options;
    options.maxNewTokens = told["new"];
    std::size_t tokens = 0;
    for (std::size_t i = 0; i < told["prompts"].size(); ++i) {
        const std::vector<std::int32_t> prompt = told["prompts"][i], alone = told["alone"][i], batched = told["batched"][i];
        const std::vector<std::int32_t> ids = generate(found, tokenizer, prompt, options, {}, {}).ids;
        QCOMPARE(ids, alone);
        QCOMPARE(ids, batched);
        tokens += ids.size();
    }
    qInfo("%zu tokens identical; the closest choice among them was by %.2g", tokens, told["smallest_gap"].get<double>());
}

void TestParityFamilies::adapter() {
    const Json all = golden(), &told = all["adapter"];
    const SafetensorsFile file = tensors();
    Decoder found = decoder(all);
    QVERIFY(errorOf(found, told, file) > 1e-2);
    found.setAdapter(loadAdapter(goldenFile(told["folder"]), found.config()), false);
    const double error = errorOf(found, told, file);
    qInfo("max abs error of logits %.2g, at most 1e-4", error);
    QVERIFY(error <= 1e-4);
}

// An adapter written here gives the same logits again. With $PHIBENCH_PARITY_EXPORT, all is left there for load_in_peft.py.
void TestParityFamilies::ownAdapter() {
    QFETCH(QString, family);
    const Json all = golden();
    const char* kept = std::getenv("PHIBENCH_PARITY_EXPORT");
    const std::filesystem::path root = (kept ? std::filesystem::path(kept) : folder()) / family.toStdString();
    QCOMPARE(ownAdapterError(root, all["model"], "none", true), 0.0);
}

void TestParityFamilies::gradients() {
    const Json all = golden();
    Decoder found = decoder(all);
    WorstError worst;
    for (const Json& told : all["gradients"]) {
        const WorstError errors = gradientErrors(found, told);
        worst.loss = std::max(worst.loss, errors.loss);
        worst.add(errors.where, errors.value);
    }
    qInfo("relative error: loss %.2g, gradients %.2g (%s); at most 1e-4", worst.loss, worst.value, worst.where.c_str());
    QVERIFY(worst.loss <= 1e-4);
    QVERIFY(worst.value <= 1e-4);
}

void TestParityFamilies::twentySteps() {
    const Json all = golden(), &told = all["training"];
    std::ifstream stream(goldenFile("training.json"));
    Decoder found = decoder(all);
    const auto lora = std::make_shared<Lora>(found.config(), goldenSpec(told), 1);
    found.setAdapter(lora, true);
    goldenFill(*lora, true);
    const TrainingErrors errors = trainingErrors(found, *lora, Json::parse(stream), told);
    QCOMPARE(errors.steps, std::size_t{20});
    QCOMPARE(told["losses"].size(), std::size_t{20});
    WorstError worst;
    for (const Parameter& p : lora->parameters()) worst.add(p.name, summaryError(p.value, told["values"].at(p.name)));
    qInfo("relative error: losses %.2g (step %d; at most 1e-3; lowest loss %.2g), gradient norms %.2g, final values %.2g (%s; at "
          "most 1e-2); %d steps clipped",
          errors.loss, errors.worstStep, errors.lowest, errors.norm, worst.value, worst.where.c_str(), errors.clipped);
    QVERIFY(errors.loss <= 1e-3);
    QVERIFY(worst.value <= 1e-2);
}

QTEST_APPLESS_MAIN(TestParityFamilies)
#include "tst_parity_families.moc"
