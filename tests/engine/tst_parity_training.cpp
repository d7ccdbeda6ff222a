// links: engine engine_core test_support libtorch nlohmann_json::nlohmann_json
// SPDX-License-Identifier: GPL-3.0-or-later
// Losses, gradients and 100 steps of training in float32 against PEFT and torch's AdamW (tests/parity/make_*.py).
#include "engine/train/batch.h"
#include "engine/train/loop.h"
#include "tests/support/parity_golden.h"

#include <QTest>

using namespace engine;
using namespace testing_support;

namespace {

LoraSpec specOf(const Json& golden) {
    LoraSpec spec;
    spec.r = golden["r"];
    spec.alpha = golden["alpha"];
    spec.dropout = 0;
    spec.bias = golden["bias"];
    spec.rslora = golden.value("rslora", false);
    return spec;
}

} // namespace

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
    const auto lora = std::make_shared<Lora>(decoder.config(), specOf(golden), 1);
    decoder.setAdapter(lora, true);
    goldenFill(*lora);
    std::vector<Sample> samples;
    std::int64_t counted = 0;
    for (const Json& ids : golden["texts"]) {
        Sample sample{0, 0, ids, 0, 0};
        sample.answerBegin = static_cast<std::int64_t>(sample.ids.size()) - golden["answer"].get<std::int64_t>();
        sample.lossBegin = golden["loss_on"] == "all" ? 1 : sample.answerBegin;
        counted += sample.counted();
        samples.push_back(sample);
    }
    SampleList list;
    for (const Sample& sample : samples) list.push_back(&sample);
    const Batch batch = makeBatch(list, 1.0 / static_cast<double>(counted));
    lora->gradients().zero_();
    const double loss = decoder.lossAndGradients(batch.pack, batch.targets, {}), expected = golden["loss"];

    double worst = 0;
    std::string where;
    const std::vector<Parameter> parameters = lora->parameters();
    QCOMPARE(parameters.size(), golden["gradients"].size());
    for (const Parameter& p : parameters) {
        QVERIFY2(golden["gradients"].contains(p.name), p.name.c_str());
        const double norm = golden["gradients"][p.name][0], product = golden["gradients"][p.name][1];
        const at::Tensor g = p.grad.flatten().to(at::kDouble), v = at::sin(at::arange(g.numel(), at::kDouble) * 0.7 + 1);
        // An error e that points anywhere changes the product by |e| |v| / sqrt(n), about.
        const double unit = norm * at::norm(v).item<double>() / std::sqrt(static_cast<double>(g.numel()));
        const double error =
            std::max(std::abs(at::norm(g).item<double>() - norm) / norm, std::abs(at::dot(g, v).item<double>() - product) / unit);
        if (!(error <= worst)) worst = error, where = p.name;
    }
    qInfo("relative error: loss %.2g, gradients %.2g (%s); at most 1e-4", std::abs(loss / expected - 1), worst, where.c_str());
    QVERIFY(std::abs(loss / expected - 1) <= 1e-4);
    QVERIFY(worst <= 1e-4);
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
    TrainSpec spec;
    spec.epochs = all["epochs"];
    spec.batch_size = all["batch_size"];
    spec.micro_batch_size = std::to_string(all["micro_batch_size"].get<int>());
    spec.learning_rate = all["learning_rate"];
    spec.weight_decay = all["weight_decay"];
    spec.max_grad_norm = all["max_grad_norm"];
    spec.warmup_ratio = all["warmup_ratio"];
    spec.seed = all["seed"];
    spec.checkpoint_every = 0;
    std::vector<Sample> samples;
    for (const Json& sample : all["samples"]) samples.push_back({0, 0, sample["ids"], sample["answer"], sample["answer"]});

    Decoder decoder = goldenModel(golden, folder());
    const auto lora = std::make_shared<Lora>(decoder.config(), specOf(golden), 1);
    decoder.setAdapter(lora, true);
    goldenFill(*lora, true);
    AdamW optimizer(*lora, spec.weight_decay);
    TrainState state;
    std::size_t steps = 0;
    double worst = 0, worstNorm = 0, lowest = 1e9;
    int worstStep = 0, clipped = 0;
    const Sink sink = [&](const Event& event) {
        const auto* step = std::get_if<StepEvent>(&event);
        if (!step || ++steps > golden["losses"].size()) return;
        const double loss = golden["losses"][steps - 1], norm = golden["grad_norms"][steps - 1];
        if (const double error = std::abs(step->loss / loss - 1); !(error <= worst))
            worst = error, worstStep = static_cast<int>(steps);
        worstNorm = std::max(worstNorm, std::abs(step->grad_norm / norm - 1));
        lowest = std::min(lowest, loss);
        clipped += norm > spec.max_grad_norm;
    };
    QVERIFY(fit({decoder, optimizer, samples, spec, {}, {}}, state, sink, {}));
    QCOMPARE(steps, std::size_t{100});
    QCOMPARE(golden["losses"].size(), std::size_t{100});
    QVERIFY(clipped > 5 && clipped < 95); // so that both ways are tried

    const SafetensorsFile file(goldenFile("training.safetensors"));
    double worstValue = 0;
    std::string where;
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
        if (!(error <= worstValue)) worstValue = error, where = p.name;
    }
    qInfo("relative error: losses %.2g (step %d; at most 1e-3; lowest loss %.2g), gradient norms %.2g, final values %.2g (%s; at "
          "most 1e-2); %d steps clipped",
          worst, worstStep, lowest, worstNorm, worstValue, where.c_str(), clipped);
    QVERIFY(worst <= 1e-3);
    QVERIFY(worstValue <= 1e-2);
}

QTEST_APPLESS_MAIN(TestParityTraining)
#include "tst_parity_training.moc"
