// links: engine engine_core test_support libtorch
// SPDX-License-Identifier: GPL-3.0-or-later
// AdamW, clipping and schedules against torch's and transformers' figures (data/make_optim.py); the order of samples.
#include "engine/architecture/config.h"
#include "engine/schedules.h"
#include "engine/train/optim.h"
#include "engine/train/order.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QTest>
#include <cmath>
#include <limits>
#include <set>

using namespace engine;

namespace {

QJsonObject golden() {
    QFile file(QStringLiteral(PHIBENCH_SOURCE_DIR "/tests/engine/data/optim.json"));
    return file.open(QIODevice::ReadOnly) ? QJsonDocument::fromJson(file.readAll()).object() : QJsonObject();
}

std::vector<double> numbers(const QJsonValue& value) {
    std::vector<double> all;
    for (const QJsonValue& number : value.toArray()) all.push_back(number.toDouble());
    return all;
}

DecoderConfig config() {
    DecoderConfig c = commonConfig("phi");
    c.vocab_size = 50;
    c.hidden_size = 16;
    c.intermediate_size = 32;
    c.layers = 2;
    c.heads = c.kv_heads = 2;
    c.head_dim = 8;
    return c;
}

} // namespace

class TestOptim : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void adamwIsTorchs();
    void normDoesNotDependOnThreads();
    void schedulesAreTransformers_data();
    void schedulesAreTransformers();
    void unknownScheduleIsRefused();
    void everyEpochIsAPermutation();
    void orderIsAFunctionOfSeedAndStep();
    void fractionalEpochsRoundUp();
};

void TestOptim::adamwIsTorchs() {
    const QJsonObject g = golden()[QStringLiteral("adamw")].toObject();
    QVERIFY(!g.isEmpty());
    LoraSpec spec;
    spec.r = 2;
    spec.bias = TrainedBiases::All;
    Lora lora(config(), spec, 1);
    AdamW optimizer(lora, g[QStringLiteral("weight_decay")].toDouble());
    // The golden weights come first in the flat buffer, the golden biases at its biases' beginning; other gradients are zero.
    std::int64_t biases = 0;
    for (const Lora::Module& module : lora.modules()) biases += module.a.numel() + module.b.numel();
    const auto place = [&](std::size_t i) {
        return i < 37 ? static_cast<std::int64_t>(i) : biases + static_cast<std::int64_t>(i) - 37;
    };
    float *p = lora.values().data_ptr<float>(), *grad = lora.gradients().data_ptr<float>();
    const std::vector<double> start = numbers(g[QStringLiteral("start")]);
    for (std::size_t i = 0; i < start.size(); ++i) p[place(i)] = static_cast<float>(start[i]);
    const double clip = g[QStringLiteral("max_grad_norm")].toDouble(), lr = g[QStringLiteral("lr")].toDouble();
    const QJsonArray gradients = g[QStringLiteral("gradients")].toArray(), values = g[QStringLiteral("values")].toArray();
    const std::vector<double> norms = numbers(g[QStringLiteral("norms")]);
    QCOMPARE(gradients.size(), 6);
    for (int step = 0; step < gradients.size(); ++step) {
        const std::vector<double> gradient = numbers(gradients[step]), expected = numbers(values[step]);
        for (std::size_t i = 0; i < gradient.size(); ++i) grad[place(i)] = static_cast<float>(gradient[i]);
        const double norm = euclideanNorm(lora.gradients());
        QVERIFY(std::abs(norm - norms[static_cast<std::size_t>(step)]) < 1e-6);
        const std::uint64_t version = lora.version();
        optimizer.step(lr / (step + 1), norm > clip ? clip / (norm + 1e-6) : 1.0);
        QVERIFY(lora.version() != version);
        for (std::size_t i = 0; i < expected.size(); ++i) {
            const double seen = static_cast<double>(p[place(i)]);
            QVERIFY2(std::abs(seen - expected[i]) < 1e-6,
                     qPrintable(QStringLiteral("step %1, value %2: %3 not %4").arg(step).arg(i).arg(seen).arg(expected[i])));
        }
    }
    QCOMPARE(optimizer.steps(), 6);
}

void TestOptim::normDoesNotDependOnThreads() {
    const at::Tensor flat = at::randn({1'000'003});
    const int threads = at::get_num_threads();
    at::set_num_threads(1);
    const double one = euclideanNorm(flat);
    at::set_num_threads(2);
    const double two = euclideanNorm(flat);
    at::set_num_threads(threads);
    QCOMPARE(one, two);
    QVERIFY(std::abs(one / at::linalg_vector_norm(flat.to(at::kDouble)).item<double>() - 1) < 1e-6);
    flat.data_ptr<float>()[77] = std::numeric_limits<float>::quiet_NaN();
    QVERIFY(!std::isfinite(euclideanNorm(flat)));
}

void TestOptim::schedulesAreTransformers_data() {
    QTest::addColumn<QJsonObject>("expected");
    for (const QJsonValue& value : golden()[QStringLiteral("schedules")].toArray()) {
        const QJsonObject s = value.toObject();
        QTest::addRow("%s, %d steps, warm-up %g", qPrintable(s[QStringLiteral("kind")].toString()),
                      s[QStringLiteral("steps")].toInt(), s[QStringLiteral("ratio")].toDouble())
            << s;
    }
}

void TestOptim::schedulesAreTransformers() {
    QFETCH(QJsonObject, expected);
    const auto number = [&](const char* key) { return expected[QLatin1String(key)].toDouble(); };
    const Schedule schedule(expected[QStringLiteral("kind")].toString().toStdString(), number("rate"), number("ratio"),
                            static_cast<std::int64_t>(number("steps")));
    QCOMPARE(static_cast<double>(schedule.warmupSteps()), number("warmup"));
    const std::vector<double> rates = numbers(expected[QStringLiteral("rates")]);
    QVERIFY(!rates.empty());
    for (std::size_t step = 0; step < rates.size(); ++step)
        QVERIFY(std::abs(schedule.rate(static_cast<std::int64_t>(step)) - rates[step]) < 1e-15);
}

void TestOptim::unknownScheduleIsRefused() {
    QVERIFY_EXCEPTION_THROWN(Schedule("cyclic", 1, 0, 3), Error);
}

void TestOptim::everyEpochIsAPermutation() {
    BatchOrder order(23, 5, 3, 7);
    QCOMPARE(order.stepsPerEpoch(), 5);
    QCOMPARE(order.steps(), 15);
    std::set<std::vector<std::size_t>> orders;
    for (std::int64_t epoch = 0; epoch < 3; ++epoch) {
        std::vector<std::size_t> seen;
        for (std::int64_t step = 0; step < 5; ++step) {
            const auto batch = order.batch(epoch * 5 + step);
            QCOMPARE(batch.size(), step == 4 ? std::size_t{3} : std::size_t{5});
            seen.insert(seen.end(), batch.begin(), batch.end());
        }
        orders.insert(seen);
        const std::set<std::size_t> unique(seen.begin(), seen.end());
        QCOMPARE(unique.size(), std::size_t{23});
        QCOMPARE(*unique.rbegin(), std::size_t{22});
    }
    QCOMPARE(orders.size(), std::size_t{3});
}

void TestOptim::orderIsAFunctionOfSeedAndStep() {
    BatchOrder one(100, 8, 4, 3), two(100, 8, 4, 3), other(100, 8, 4, 4);
    const auto late = two.batch(40); // without the steps before it
    for (std::int64_t step = 0; step < 40; ++step) QVERIFY(!one.batch(step).empty());
    QCOMPARE(one.batch(40), late);
    QVERIFY(other.batch(40) != late);
    // Written down once: a change here would make older checkpoints resume in another order.
    QCOMPARE(BatchOrder(6, 6, 1, 0).batch(0), (std::vector<std::size_t>{3, 5, 4, 0, 1, 2}));
}

void TestOptim::fractionalEpochsRoundUp() {
    BatchOrder order(20, 8, 1.4, 0);
    QCOMPARE(order.stepsPerEpoch(), 3);
    QCOMPARE(order.steps(), 5); // ceil(1.4 * 3)
    QCOMPARE(order.epochAfter(3), 1.0);
    QCOMPARE(order.epochAfter(4), 1.4);
    QCOMPARE(order.batch(2).size(), std::size_t{4});
    QVERIFY_EXCEPTION_THROWN(BatchOrder(0, 8, 1, 0), Error);
    QVERIFY_EXCEPTION_THROWN(BatchOrder(5, 0, 1, 0), Error);
    QVERIFY_EXCEPTION_THROWN(BatchOrder(5, 8, std::numeric_limits<double>::quiet_NaN(), 0), Error);
}

QTEST_APPLESS_MAIN(TestOptim)
#include "tst_optim.moc"
