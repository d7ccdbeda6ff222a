// links: engine engine_core test_support libtorch
// SPDX-License-Identifier: GPL-3.0-or-later
// Packs of samples and the training loop on tiny models: what is shared, split, stopped or resumed gives the same numbers.
#include "engine/train/batch.h"
#include "engine/train/checkpoint.h"
#include "tests/support/tiny_model.h"

#include <ATen/ATen.h>
#include <QTemporaryDir>
#include <QTest>
#include <cmath>
#include <fstream>
#include <limits>
#include <unistd.h>

using namespace engine;
namespace fs = std::filesystem;

namespace {
constexpr std::int64_t kPrefix = 7;

/// Questions with a common beginning whose last token decides the answer of one or two tokens.
std::vector<Sample> samples(int count, bool countAll = false) {
    std::vector<Sample> all;
    for (int n = 0; n < count; ++n) {
        Sample sample{n, n % 3, {5, 6, 7, 8, 9, 10, 11}, 0, 0};
        for (int i = 0; i < 2 + n % 4; ++i) sample.ids.push_back(40 + (n * 13 + i * 7) % 60);
        sample.ids.push_back(120 + sample.label);
        sample.answerBegin = static_cast<std::int64_t>(sample.ids.size());
        sample.lossBegin = countAll ? 1 : sample.answerBegin;
        sample.ids.push_back(200 + sample.label);
        if (sample.label == 2) sample.ids.push_back(210);
        all.push_back(sample);
    }
    return all;
}

SampleList pointers(const std::vector<Sample>& all) {
    SampleList list;
    for (const Sample& sample : all) list.push_back(&sample);
    return list;
}

LoraSpec loraSpec(double dropout) {
    LoraSpec spec;
    spec.r = 4;
    spec.alpha = 8;
    spec.dropout = dropout;
    return spec;
}

TrainSpec trainSpec() {
    TrainSpec spec;
    spec.epochs = 3;
    spec.batch_size = 5;
    spec.learning_rate = 1e-2;
    spec.checkpoint_every = 0;
    spec.seed = 9;
    return spec;
}

/// A tiny model, its adapter, its optimiser and a training of it.
struct Training {
    Decoder decoder;
    std::shared_ptr<Lora> lora;
    TrainSpec spec;
    AdamW optimizer;
    std::vector<Sample> data;
    TrainState state;
    std::vector<StepEvent> steps;
    std::vector<EvalEvent> evals;
    std::function<EvalEvent()> evaluate;
    std::function<void(const TrainState&)> checkpoint;
    std::function<void(const StepEvent&)> onStep;

    Training(const fs::path& model, const TrainSpec& trainSpec, double dropout, bool countAll = false)
        : decoder(Decoder::load(model, Precision::Fp32)), lora(std::make_shared<Lora>(decoder.config(), loraSpec(dropout), 4)),
          spec(trainSpec), optimizer(*lora, spec.weight_decay), data(samples(22, countAll)) {
        decoder.setAdapter(lora, true);
    }
    bool run(std::stop_token stop = {}) {
        const Sink sink = [this](const Event& event) {
            if (const auto* step = std::get_if<StepEvent>(&event)) {
                steps.push_back(*step);
                if (onStep) onStep(*step);
            }
            if (const auto* eval = std::get_if<EvalEvent>(&event)) evals.push_back(*eval);
        };
        return fit({decoder, optimizer, data, spec, evaluate, checkpoint}, state, sink, stop);
    }
    std::vector<double> losses() const {
        std::vector<double> all;
        for (const StepEvent& step : steps) all.push_back(step.loss);
        return all;
    }
};

const TrainIdentity kIdentity{{{"lora.r", "4"}}, "dataset", "model", {}};

} // namespace

class TestTrain : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void initTestCase();
    void batchHoldsTheBeginningOnce();
    void sharedLossEqualsUnshared_data();
    void sharedLossEqualsUnshared();
    void batchesOfDuplicatesAndOfOneToken();
    void splitsByRowsOrByNumber();
    void lossFalls_data();
    void lossFalls();
    void microBatchesGiveTheSameSteps_data();
    void microBatchesGiveTheSameSteps();
    void evaluatesAtEpochsOrSteps();
    void clipsAndReportsTheNormBefore();
    void stopsWithinABatchAndResumesExactly_data();
    void stopsWithinABatchAndResumesExactly();
    void stopInEvaluationEvaluatesAgain();
    void divergenceIsCaughtBeforeTheUpdate();
    void olderCheckpointGoesOnlyAfterwards();
    void damagedCheckpointIsPassedOver_data();
    void damagedCheckpointIsPassedOver();
    void foreignCheckpointIsRefused();

private:
    QTemporaryDir m_dir;
    fs::path m_llama, m_phi;
};

void TestTrain::initTestCase() {
    const fs::path root = m_dir.path().toStdString();
    m_llama = testing_support::writeTinyModel(root / "llama");
    testing_support::TinyModelOptions phi;
    phi.family = "phi";
    phi.heads = 2;
    phi.residDropout = 0.1;
    m_phi = testing_support::writeTinyModel(root / "phi", phi);
}

void TestTrain::batchHoldsTheBeginningOnce() {
    const std::vector<Sample> all = samples(6);
    const Batch batch = makeBatch(pointers(all), 0.5);
    QCOMPARE(batch.pack.nodes.size(), std::size_t{7});
    QCOMPARE(batch.pack.nodes[0].count, kPrefix);
    std::int64_t rows = kPrefix, counted = 0;
    for (std::size_t i = 0; i < all.size(); ++i) {
        const PackNode& node = batch.pack.nodes[i + 1];
        QCOMPARE(node.parent, 0);
        QCOMPARE(node.count, static_cast<std::int64_t>(all[i].ids.size()) - 1 - kPrefix);
        QCOMPARE(batch.pack.positions[static_cast<std::size_t>(node.begin)], static_cast<std::int32_t>(kPrefix));
        rows += node.count;
        counted += all[i].counted();
    }
    QCOMPARE(batch.pack.rows(), rows);
    QCOMPARE(batch.counted, counted);
    QCOMPARE(static_cast<std::int64_t>(batch.targets.size()), counted); // none of an answer's predictions is shared
    for (const Target& target : batch.targets) QCOMPARE(target.weight, 0.5f);
}

void TestTrain::sharedLossEqualsUnshared_data() {
    QTest::addColumn<bool>("phi");
    QTest::addColumn<bool>("countAll");
    QTest::newRow("llama, answer") << false << false;
    QTest::newRow("llama, all") << false << true;
    QTest::newRow("phi, answer") << true << false;
    QTest::newRow("phi, all") << true << true;
}

void TestTrain::sharedLossEqualsUnshared() {
    QFETCH(bool, phi);
    QFETCH(bool, countAll);
    Training training(phi ? m_phi : m_llama, trainSpec(), 0, countAll);
    training.lora->values().normal_(0, 0.1);
    training.lora->touch();
    const SampleList list = pointers(training.data);
    const Batch shared = makeBatch(list, 1.0 / 16), apart = makeBatch(list, 1.0 / 16, false);
    QCOMPARE(shared.counted, apart.counted);
    QVERIFY(shared.pack.rows() < apart.pack.rows());
    double weights = 0;
    for (const Target& target : shared.targets) weights += static_cast<double>(target.weight);
    QCOMPARE(weights, static_cast<double>(shared.counted) / 16);
    for (std::size_t i = 1; i < shared.targets.size(); ++i) {
        const Target &before = shared.targets[i - 1], &target = shared.targets[i];
        QVERIFY(before.row < target.row || (before.row == target.row && before.token != target.token));
    }
    const auto gradientsOf = [&](const Batch& batch, double& loss) {
        training.lora->gradients().zero_();
        loss = training.decoder.lossAndGradients(batch.pack, batch.targets, {1, 0});
        return training.lora->gradients().clone();
    };
    double sharedLoss = 0, apartLoss = 0;
    const at::Tensor a = gradientsOf(shared, sharedLoss), b = gradientsOf(apart, apartLoss);
    QVERIFY2(std::abs(sharedLoss - apartLoss) < 1e-6 * apartLoss,
             qPrintable(QStringLiteral("%1 and %2").arg(sharedLoss).arg(apartLoss)));
    QVERIFY(std::abs(training.decoder.loss(shared.pack, shared.targets) - sharedLoss) < 1e-6 * sharedLoss);
    QVERIFY(at::max(at::abs(a - b)).item<double>() < 1e-5 * at::max(at::abs(b)).item<double>() + 1e-6);
}

void TestTrain::batchesOfDuplicatesAndOfOneToken() {
    const Sample sample{0, 0, {1, 2, 3, 4}, 3, 3}, tiny{1, 0, {1, 4}, 1, 1};
    const Sample* twice[]{&sample, &sample};
    const Batch same = makeBatch(twice, 1);
    QCOMPARE(same.pack.rows(), 2 + 1 + 1); // a row of its own for each
    const Sample* mixed[]{&sample, &tiny};
    QCOMPARE(makeBatch(mixed, 1).pack.rows(), 3 + 1); // nothing can be shared with a sample of one row
    const Sample* alone[]{&tiny};
    QCOMPARE(makeBatch(alone, 1).pack.rows(), 1);
}

void TestTrain::splitsByRowsOrByNumber() {
    const std::vector<Sample> all = samples(10);
    const SampleList list = pointers(all);
    QCOMPARE(splitBatch(list, 4, 0).size(), std::size_t{3});
    QCOMPARE(splitBatch(list, 4, 0).back().size(), std::size_t{2});
    QCOMPARE(splitBatch(list, 0, 100000).size(), std::size_t{1});
    QCOMPARE(splitBatch(list, 0, 1).size(), std::size_t{10});
    std::size_t covered = 0;
    for (const SampleSpan part : splitBatch(list, 0, 24)) {
        QVERIFY(part.size() == 1 || makeBatch(part, 1).pack.rows() <= 24);
        QCOMPARE(part.front(), list[covered]);
        covered += part.size();
    }
    QCOMPARE(covered, list.size());
}

void TestTrain::lossFalls_data() {
    QTest::addColumn<bool>("phi");
    QTest::addColumn<bool>("countAll");
    QTest::newRow("llama, answer") << false << false;
    QTest::newRow("phi, all") << true << true;
}

void TestTrain::lossFalls() {
    QFETCH(bool, phi);
    QFETCH(bool, countAll);
    TrainSpec spec = trainSpec();
    spec.epochs = 12;
    Training training(phi ? m_phi : m_llama, spec, 0.05, countAll);
    QVERIFY(training.run());
    QCOMPARE(static_cast<std::int64_t>(training.steps.size()), trainingSteps(training.data.size(), spec));
    const double first = training.steps.front().loss, last = training.steps.back().loss;
    QVERIFY2(first > 4 && last < (countAll ? 2.5 : 0.3), qPrintable(QStringLiteral("%1 to %2").arg(first).arg(last)));
    const StepEvent& event = training.steps.back();
    QCOMPARE(event.step, event.steps);
    QCOMPARE(event.epoch, 12.0);
    QVERIFY(event.tokens_per_second > 0 && event.examples_per_second > 0 && event.rss_bytes > 0);
    QCOMPARE(event.eta_seconds, 0.0);
    QCOMPARE(training.state.examples, 12 * 22);
}

void TestTrain::microBatchesGiveTheSameSteps_data() {
    QTest::addColumn<QString>("micro");
    for (const char* micro : {"1", "2", "3", "5"}) QTest::newRow(micro) << QString::fromLatin1(micro);
}

void TestTrain::microBatchesGiveTheSameSteps() {
    QFETCH(QString, micro);
    for (bool countAll : {false, true}) {
        TrainSpec spec = trainSpec();
        Training whole(m_llama, spec, 0, countAll);
        spec.micro_batch_size = micro.toStdString();
        Training parts(m_llama, spec, 0, countAll);
        QVERIFY(whole.run());
        QVERIFY(parts.run());
        QCOMPARE(parts.steps.size(), whole.steps.size());
        QVERIFY(std::abs(parts.steps.front().loss / whole.steps.front().loss - 1) < 1e-6);
        for (std::size_t i = 0; i < whole.steps.size(); ++i)
            QVERIFY2(std::abs(parts.steps[i].loss / whole.steps[i].loss - 1) < 1e-4, qPrintable(QString::number(i)));
    }
    TrainSpec wrong = trainSpec();
    wrong.micro_batch_size = "few";
    Training training(m_llama, wrong, 0);
    QVERIFY_EXCEPTION_THROWN(training.run(), Error);
}

void TestTrain::evaluatesAtEpochsOrSteps() {
    TrainSpec spec = trainSpec(); // 5 steps an epoch
    spec.epochs = 2.4;
    const auto evalSteps = [&] {
        Training training(m_llama, spec, 0);
        int calls = 0;
        training.evaluate = [&] { return EvalEvent{0, 0, 1.0 / ++calls, {}}; };
        if (!training.run()) return std::vector<std::int64_t>{};
        if (training.state.bestStep != training.evals.back().step) return std::vector<std::int64_t>{};
        std::vector<std::int64_t> at;
        for (const EvalEvent& eval : training.evals) at.push_back(eval.step);
        return at;
    };
    QCOMPARE(evalSteps(), (std::vector<std::int64_t>{5, 10, 12}));
    spec.eval_every = 4;
    QCOMPARE(evalSteps(), (std::vector<std::int64_t>{4, 8, 12}));
}

void TestTrain::clipsAndReportsTheNormBefore() {
    TrainSpec spec = trainSpec();
    spec.max_grad_norm = 1e-3;
    spec.weight_decay = 0;
    Training clipped(m_llama, spec, 0);
    spec.max_grad_norm = 0;
    Training free(m_llama, spec, 0);
    QVERIFY(clipped.run());
    QVERIFY(free.run());
    QCOMPARE(clipped.steps.front().grad_norm, free.steps.front().grad_norm);
    QVERIFY(clipped.steps.front().grad_norm > 1e-3);
    // AdamW's first moment holds a tenth of the last clipped gradient and less of those before: its norm is within the limit.
    QVERIFY(euclideanNorm(clipped.optimizer.first()) < 1.001e-3);
    QVERIFY(euclideanNorm(free.optimizer.first()) > 1e-3);
}

void TestTrain::stopsWithinABatchAndResumesExactly_data() {
    QTest::addColumn<bool>("phi");
    QTest::addColumn<double>("dropout");
    QTest::addColumn<int>("after");
    QTest::addColumn<QString>("micro");
    QTest::newRow("mid-epoch") << false << 0.0 << 7 << "auto";
    QTest::newRow("mid-epoch, dropout, micro-batches") << false << 0.1 << 7 << "2";
    QTest::newRow("epoch's end, dropout") << false << 0.1 << 5 << "auto";
    QTest::newRow("phi, both dropouts, first step") << true << 0.1 << 1 << "3";
    QTest::newRow("before the last step") << false << 0.1 << 14 << "auto";
}

void TestTrain::stopsWithinABatchAndResumesExactly() {
    QFETCH(bool, phi);
    QFETCH(double, dropout);
    QFETCH(int, after);
    QFETCH(QString, micro);
    const QTemporaryDir dir;
    const fs::path folder = dir.path().toStdString();
    TrainSpec spec = trainSpec();
    spec.micro_batch_size = micro.toStdString();
    Training whole(phi ? m_phi : m_llama, spec, dropout);
    QVERIFY(whole.run());

    std::vector<double> losses;
    std::int64_t evaluated = 0;
    {
        Training first(phi ? m_phi : m_llama, spec, dropout);
        first.checkpoint = [&](const TrainState& state) {
            writeCheckpoint(folder, state, *first.lora, first.optimizer, kIdentity);
        };
        first.evaluate = [&] {
            ++evaluated;
            return EvalEvent{0, 0, 1, {}};
        };
        std::stop_source stop;
        first.onStep = [&](const StepEvent& step) {
            if (step.step == after) stop.request_stop();
        };
        QVERIFY(!first.run(stop.get_token()));
        QCOMPARE(first.state.step, after);
        losses = first.losses();
    }
    std::vector<std::string> damaged;
    const auto checkpoint = newestCheckpoint(folder, damaged);
    QVERIFY(checkpoint && damaged.empty());
    Training second(phi ? m_phi : m_llama, spec, dropout);
    second.lora->values().fill_(3); // all of it must come from the checkpoint
    second.state = readCheckpoint(*checkpoint, *second.lora, second.optimizer, kIdentity);
    second.evaluate = [&] {
        ++evaluated;
        return EvalEvent{0, 0, 1, {}};
    };
    QCOMPARE(second.state.step, after);
    QVERIFY(second.run());
    const std::vector<double> rest = second.losses();
    losses.insert(losses.end(), rest.begin(), rest.end());
    QCOMPARE(losses, whole.losses()); // bit for bit
    for (std::size_t i = 0; i < rest.size(); ++i) {
        const StepEvent &resumed = second.steps[i], &plain = whole.steps[static_cast<std::size_t>(after) + i];
        QCOMPARE(resumed.grad_norm, plain.grad_norm);
        QCOMPARE(resumed.lr, plain.lr);
        QCOMPARE(resumed.step, plain.step);
    }
    QVERIFY(at::equal(second.lora->values(), whole.lora->values()));
    QVERIFY(at::equal(second.optimizer.second(), whole.optimizer.second()));
    QCOMPARE(evaluated, 3); // once an epoch, wherever the stop was
}

void TestTrain::stopInEvaluationEvaluatesAgain() {
    Training training(m_llama, trainSpec(), 0);
    std::vector<std::int64_t> kept;
    training.checkpoint = [&](const TrainState& state) { kept.push_back(state.step); };
    training.evaluate = []() -> EvalEvent { throw StopRequested{}; };
    QVERIFY(!training.run());
    QCOMPARE(kept, std::vector<std::int64_t>{5});
    QVERIFY(training.evals.empty());
    training.evaluate = [] { return EvalEvent{0, 0, 2, {}}; };
    QVERIFY(training.run());
    QCOMPARE(training.evals.size(), std::size_t{3});
    QCOMPARE(training.evals.front().step, 5);
}

void TestTrain::divergenceIsCaughtBeforeTheUpdate() {
    Training training(m_llama, trainSpec(), 0);
    bool kept = false;
    training.checkpoint = [&](const TrainState&) { kept = true; };
    at::Tensor before;
    training.onStep = [&](const StepEvent& step) {
        if (step.step != 3) return;
        training.lora->modules()[1].b.data_ptr<float>()[0] = std::numeric_limits<float>::quiet_NaN();
        training.lora->touch();
        before = training.lora->values().clone();
    };
    QString message;
    try {
        training.run();
    } catch (const Error& error) {
        message = QString::fromStdString(error.message());
        QVERIFY(error.hint().find("learning_rate") != std::string::npos);
    }
    QVERIFY2(message.contains(QStringLiteral("step 4")), qPrintable(message));
    QVERIFY(at::allclose(training.lora->values(), before, 0, 0, true));
    QVERIFY(!kept);
}

void TestTrain::olderCheckpointGoesOnlyAfterwards() {
    const QTemporaryDir dir;
    const fs::path folder = dir.path().toStdString();
    Training training(m_llama, trainSpec(), 0);
    const auto write = [&] { return writeCheckpoint(folder, training.state, *training.lora, training.optimizer, kIdentity); };
    std::vector<std::string> damaged;
    QVERIFY(!newestCheckpoint(folder / "none", damaged));
    training.state.step = 4;
    const fs::path first = write();
    // A folder that cannot be written to: the first is kept whole.
    fs::permissions(folder, fs::perms::owner_read | fs::perms::owner_exec);
    if (::access(folder.c_str(), W_OK) != 0) {
        QVERIFY_EXCEPTION_THROWN(write(), Error);
        QCOMPARE(newestCheckpoint(folder, damaged), std::optional(first));
    }
    fs::permissions(folder, fs::perms::owner_all);
    fs::create_directory(folder / ".checkpoint-9.half");
    const fs::path again = write(); // the same step
    QVERIFY(again != first && !fs::exists(first));
    QCOMPARE(newestCheckpoint(folder, damaged), std::optional(again));
    training.state.step = 11;
    const fs::path later = write();
    QCOMPARE(newestCheckpoint(folder, damaged), std::optional(later));
    QCOMPARE(std::distance(fs::directory_iterator(folder), fs::directory_iterator()), std::ptrdiff_t{1});
    QVERIFY(damaged.empty());
}

void TestTrain::damagedCheckpointIsPassedOver_data() {
    QTest::addColumn<QString>("file");
    QTest::addColumn<bool>("cut");
    for (const char* file : {"tensors.safetensors", "state.json", "manifest.json"}) {
        QTest::addRow("%s cut", file) << QString::fromLatin1(file) << true;
        QTest::addRow("%s flipped", file) << QString::fromLatin1(file) << false;
    }
}

void TestTrain::damagedCheckpointIsPassedOver() {
    QFETCH(QString, file);
    QFETCH(bool, cut);
    const QTemporaryDir one, two;
    const fs::path folder = one.path().toStdString();
    Training training(m_llama, trainSpec(), 0);
    training.state.step = 4;
    const fs::path older =
        writeCheckpoint(two.path().toStdString(), training.state, *training.lora, training.optimizer, kIdentity);
    training.state.step = 8;
    const fs::path newer = writeCheckpoint(folder, training.state, *training.lora, training.optimizer, kIdentity);
    fs::rename(older, folder / older.filename());
    const fs::path victim = newer / file.toStdString();
    const auto size = fs::file_size(victim);
    if (cut) {
        fs::resize_file(victim, size / 2);
    } else {
        std::fstream stream(victim, std::ios::in | std::ios::out | std::ios::binary);
        stream.seekg(static_cast<std::streamoff>(size / 2));
        const auto flipped = static_cast<char>(stream.get() ^ 0x10);
        stream.seekp(static_cast<std::streamoff>(size / 2));
        stream.put(flipped);
    }
    std::vector<std::string> damaged;
    QCOMPARE(newestCheckpoint(folder, damaged), std::optional(folder / older.filename()));
    QCOMPARE(damaged.size(), std::size_t{1});
    QVERIFY2(damaged.front().find(newer.string()) != std::string::npos, damaged.front().c_str());
    QVERIFY_EXCEPTION_THROWN(readCheckpoint(newer, *training.lora, training.optimizer, kIdentity), Error);
}

void TestTrain::foreignCheckpointIsRefused() {
    const QTemporaryDir dir;
    Training training(m_llama, trainSpec(), 0);
    const fs::path path =
        writeCheckpoint(dir.path().toStdString(), training.state, *training.lora, training.optimizer, kIdentity);
    for (const TrainIdentity& other :
         {TrainIdentity{{{"lora.r", "8"}}, "dataset", "model", {}}, TrainIdentity{{{"lora.r", "4"}}, "other", "model", {}},
          TrainIdentity{{{"lora.r", "4"}}, "dataset", "other", {}}})
        QVERIFY_EXCEPTION_THROWN(readCheckpoint(path, *training.lora, training.optimizer, other), Error);
    LoraSpec larger = loraSpec(0);
    larger.r = 8;
    Lora lora(training.decoder.config(), larger, 1);
    AdamW optimizer(lora, 0);
    QVERIFY_EXCEPTION_THROWN(readCheckpoint(path, lora, optimizer, kIdentity), Error);
}

QTEST_APPLESS_MAIN(TestTrain)
#include "tst_train.moc"
