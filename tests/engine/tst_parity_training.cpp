// links: engine engine_core test_support libtorch nlohmann_json::nlohmann_json
// SPDX-License-Identifier: GPL-3.0-or-later
// Losses, gradients and 100 steps of training in float32 against PEFT and torch's AdamW (tests/parity/make_*.py).
#include "tests/support/parity_checks.h"

#include <QTest>

using namespace engine;
using namespace testing_support;

class TestParityTraining : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void gradients_data();
    void gradients();
    void hundredSteps_data();
    void hundredSteps();

private:
    std::filesystem::path folder() const { return std::filesystem::path(m_dir.path().toStdString()) / "model"; }
    QTemporaryDir m_dir;
};

void TestParityTraining::gradients_data() {
    QTest::addColumn<int>("index");
    QTest::addColumn<bool>("plain");
    int index = 0;
    for (const Json& golden : goldenCases("gradients.json")) {
        for (const bool plain : {false, true})
            QTest::addRow("%s, r %d%s, bias %s, loss on %s%s",
                          golden["model"].get<std::string>().starts_with("family=phi") ? "phi" : "llama", golden["r"].get<int>(),
                          golden["rslora"] ? ", rslora" : "", golden["bias"].get<std::string>().c_str(),
                          golden["loss_on"].get<std::string>().c_str(), plain ? ", plain" : "")
                << index << plain;
        ++index;
    }
}

void TestParityTraining::gradients() {
    QFETCH(int, index);
    QFETCH(bool, plain);
    const Json golden = goldenCases("gradients.json")[static_cast<std::size_t>(index)];
    Decoder decoder = goldenModel(golden, folder(), {}, plain);
    const WorstError worst = gradientErrors(decoder, golden);
    qInfo("relative error: loss %.2g, gradients %.2g (%s); at most 1e-4", worst.loss, worst.value, worst.where.c_str());
    QVERIFY(worst.loss <= 1e-4);
    QVERIFY(worst.value <= 1e-4);
}

void TestParityTraining::hundredSteps_data() {
    QTest::addColumn<int>("index");
    int index = 0;
    for (const Json& golden : goldenCases("training.json"))
        QTest::addRow("%s", golden["name"].get<std::string>().c_str()) << index++;
}

void TestParityTraining::hundredSteps() {
    QFETCH(int, index);
    std::ifstream stream(goldenFile("training.json"));
    const Json all = Json::parse(stream), &golden = all["cases"][static_cast<std::size_t>(index)];
    Decoder decoder = goldenModel(golden, folder());
    const auto lora = std::make_shared<Lora>(decoder.config(), goldenSpec(golden), 1);
    decoder.setAdapter(lora, true);
    goldenFill(*lora, true);
    const TrainingErrors errors = trainingErrors(decoder, *lora, all, golden);
    QCOMPARE(errors.steps, std::size_t{100});
    QCOMPARE(golden["losses"].size(), std::size_t{100});
    QVERIFY(errors.clipped > 5 && errors.clipped < 95); // so that both ways are tried

    const SafetensorsFile file(goldenFile("training.safetensors"));
    WorstError worst;
    for (const Parameter& p : lora->parameters()) {
        at::Tensor expected = goldenTensor(file, std::to_string(index) + "." + p.name), value = p.value;
        if (p.name.ends_with("k_proj.bias")) {
            // Where a head does not turn, a key's bias adds the same to all scores of a query: its gradient is nought but
            // rounding, which AdamW makes whole steps of. Only the dims that turn can agree.
            const DecoderConfig& c = decoder.config();
            expected = expected.view({c.kv_heads, c.head_dim}).narrow(1, 0, c.rotary[0].dims);
            value = value.view({c.kv_heads, c.head_dim}).narrow(1, 0, c.rotary[0].dims);
        }
        const double error = (at::norm(value - expected) / at::norm(expected)).item<double>();
        worst.add(p.name, error);
    }
    qInfo("relative error: losses %.2g (step %d; at most 1e-3; lowest loss %.2g), gradient norms %.2g, final values %.2g (%s; at "
          "most 1e-2); %d steps clipped",
          errors.loss, errors.worstStep, errors.lowest, errors.norm, worst.value, worst.where.c_str(), errors.clipped);
    QVERIFY(errors.loss <= 1e-3);
    QVERIFY(worst.value <= 1e-2);
}

QTEST_APPLESS_MAIN(TestParityTraining)
#include "tst_parity_training.moc"
