// links: engine engine_core test_support libtorch nlohmann_json::nlohmann_json
// SPDX-License-Identifier: GPL-3.0-or-later
// The decoder as ATen's operations, on the processor and on a GPU where there is one, against the fast one; and what becomes of a
// device's want of memory.
#include "engine/infer/generate.h"
#include "engine/model/device.h"
#include "engine/model/device/nf4.h"
#include "engine/model/dropout_masks.h"
#include "engine/model/host/rows.h"
#include "engine/model/nf4_arithmetic.h"
#include "engine/train/loop.h"
#include "tests/support/parity_golden.h"
#include "tests/support/tiny_family.h"

#include <QScopeGuard>
#include <QTest>
#include <bit>
#include <c10/core/CPUAllocator.h>
#include <memory>
#include <random>
#include <torch/csrc/autograd/autograd.h>

using namespace engine;
using namespace testing_support;

namespace {

std::vector<std::int32_t> tokens(int count, int seed) {
    std::vector<std::int32_t> ids;
    for (int i = 0; i < count; ++i) ids.push_back((seed * 37 + i * i * 11 + i * 5) % 280);
    return ids;
}

/// Two texts and one that goes on from the first, their beginning shared; a text of its own.
Pack tree() {
    Pack pack;
    const int root = pack.add(tokens(20, 1));
    const int left = pack.add(tokens(7, 2), root);
    pack.add(tokens(5, 3), root);
    pack.add(tokens(3, 4), left);
    pack.add(tokens(9, 5));
    return pack;
}

const std::vector<Target> kTargets{{26, 17, 0.5f}, {26, 30, 0.25f}, {31, 3, 1.0f}, {5, 8, 2.0f}, {43, 12, 0.125f}};

/// The processor's memory, of which a wish for more than `most` bytes is refused as a GPU refuses it. One for all tests: tensors
/// keep it.
class ScarceMemory : public c10::Allocator {
public:
    static ScarceMemory& instance() {
        static ScarceMemory memory;
        return memory;
    }
    c10::DataPtr allocate(std::size_t bytes) override {
        largest = std::max(largest, bytes);
        TORCH_CHECK_WITH(OutOfMemoryError, bytes <= most, "CUDA out of memory. Tried to allocate ", bytes, " bytes.");
        return m_real->allocate(bytes);
    }
    c10::DeleterFnPtr raw_deleter() const override { return m_real->raw_deleter(); }
    void copy_data(void* to, const void* from, std::size_t count) const override { m_real->copy_data(to, from, count); }

    std::size_t most = ~std::size_t{0}, largest = 0;

private:
    ScarceMemory() : m_real(c10::GetCPUAllocator()) { c10::SetCPUAllocator(this, 1); }
    c10::Allocator* m_real;
};

LoraSpec specOf(const QString& targets, const QString& bias, double dropout, bool rslora) {
    LoraSpec spec;
    spec.r = 4;
    spec.alpha = 8;
    spec.dropout = dropout;
    spec.bias = *valueOf<TrainedBiases>(bias.toStdString());
    spec.rslora = rslora;
    spec.targets.clear();
    for (const QString& target : targets.split(u',')) spec.targets.push_back(target.toStdString());
    return spec;
}

std::vector<at::Device> devicesHere() {
    std::vector<at::Device> all{at::kCPU};
    if (gpuCount() > 0) all.push_back(at::kCUDA);
    return all;
}

/// All that a decoder computes of some packs.
struct Computed {
    at::Tensor base, logits, cached, seeded, gradients;
    std::vector<float> probabilities;
    double loss = 0, trained = 0;
    std::vector<Parameter> parameters;

    Computed(Decoder& decoder, const LoraSpec& spec, float weight = 1) {
        const auto lora = std::make_shared<Lora>(decoder.config(), spec, 7);
        decoder.setAdapter(lora, true);
        seeded = lora->values().clone();
        goldenFill(*lora);
        const Pack pack = tree();
        std::vector<Target> targets = kTargets;
        for (Target& target : targets) target.weight *= weight;
        decoder.enableAdapter(false);
        base = decoder.logits(pack, allRows(pack));
        decoder.enableAdapter(true);
        logits = decoder.logits(pack, allRows(pack));
        probabilities = decoder.logProbabilities(pack, targets);
        loss = decoder.loss(pack, targets);
        lora->gradients().fill_(weight); // gradients are added
        trained = decoder.lossAndGradients(pack, targets, {5, 0.1});
        gradients = lora->gradients().sub_(weight);
        parameters = lora->parameters();

        // A beginning read once; two texts that go on from it, one of them kept and gone on with; and a text of its own.
        KvCache cache(decoder.config(), decoder.precision(), decoder.device());
        const int shared = cache.addSegment(20), other = cache.addSegment(4), goesOn = cache.addSegment(8, shared);
        Pack first, second, third;
        first.addCached(tokens(20, 1), shared, 0, true);
        first.addCached(tokens(4, 8), other, 0, true);
        decoder.prefill(first, cache);
        const int node = second.addCached(tokens(7, 2), goesOn, 20, true);
        second.add(tokens(2, 6), node);
        second.addCached(tokens(5, 3), other, 4, false);
        second.add(tokens(6, 9));
        const at::Tensor two = decoder.logits(second, allRows(second), &cache);
        third.addCached(tokens(1, 4), goesOn, 27, true);
        cached = at::cat({two, decoder.logits(third, {0}, &cache)});
    }

    /// Of all parameters the one that differs most, relatively; ones that hardly have a gradient count less.
    double worstGradient(const Computed& other) const {
        const double floor = 1e-3 * at::norm(gradients).item<double>();
        double worst = 0;
        for (std::size_t i = 0; i < parameters.size(); ++i) {
            const at::Tensor &mine = parameters[i].grad, &others = other.parameters[i].grad;
            worst = std::max(worst, at::norm(mine - others).item<double>() / std::max(floor, at::norm(mine).item<double>()));
        }
        return worst;
    }
};

} // namespace

class TestDeviceDecoder : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void agrees_data();
    void agrees();
    void roundedPrecision_data();
    void roundedPrecision();
    void generatesTheSame();
    void gradientsAddUp();
    void dropoutMasks_data();
    void dropoutMasks();
    void nf4Matrix_data();
    void nf4Matrix();
    void nf4Arithmetic_data();
    void nf4Arithmetic();
    void wantOfMemoryHalvesMicroBatches_data();
    void wantOfMemoryHalvesMicroBatches();

private:
    /// A tiny model of this family in a folder of its own.
    std::filesystem::path model(const QString& family) const {
        const auto& all = tinyFeatures();
        const auto is = [&](const TinyFeatures& one) { return family == QLatin1String(one.name); };
        TinyModelOptions options = tinyModelOptions(std::find_if(all.begin(), all.end(), is)->options);
        options.intermediate = 112; // rows of the last product's matrix end within a block of NF4
        return writeTinyModel(std::filesystem::path(m_dir.path().toStdString()) / family.toStdString(), options);
    }
    QTemporaryDir m_dir;
};

void TestDeviceDecoder::agrees_data() {
    QTest::addColumn<QString>("family");
    QTest::addColumn<QString>("precision");
    QTest::addColumn<bool>("twice");
    QTest::addColumn<QString>("targets");
    QTest::addColumn<QString>("bias");
    QTest::addColumn<QString>("device");
    for (const at::Device& where : devicesHere()) {
        const QString device = where.is_cpu() ? QStringLiteral("cpu") : QStringLiteral("cuda");
        const auto row = [&](const char* name, const char* family, const char* precision, bool twice, const char* targets,
                             const char* bias) {
            QTest::addRow("%s, %s", name, qPrintable(device))
                << QString::fromUtf8(family) << QString::fromUtf8(precision) << twice << QString::fromUtf8(targets)
                << QString::fromUtf8(bias) << device;
        };
        row("phi, no biases", "phi", "fp32", false, "all-linear", "none");
        row("phi with own biases, some targets", "phi", "fp32", false, "q_proj,v_proj,fc2", "lora_only");
        row("llama, some targets", "llama", "fp32", false, "k_proj,up_proj,o_proj", "none");
        for (const TinyFeatures& one : tinyFeatures()) row(one.name, one.name, "fp32", false, "all-linear", "all");
        row("phi3, a fused target", "phi3", "fp32", false, "qkv_proj,gate_up_proj,down_proj", "none");
        row("gemma3 in nf4", "gemma3", "nf4", false, "all-linear", "none");
        row("phi3 in nf4", "phi3", "nf4", false, "all-linear", "none");
        row("phi in nf4", "phi", "nf4", false, "all-linear", "none");
        row("llama in nf4, quantised twice", "llama", "nf4", true, "all-linear", "none");
    }
}

void TestDeviceDecoder::agrees() {
    QFETCH(QString, family);
    QFETCH(QString, precision);
    QFETCH(bool, twice);
    QFETCH(QString, targets);
    QFETCH(QString, bias);
    QFETCH(QString, device);
    const Precision held = parsePrecision(precision.toStdString(), precision == u"nf4" ? "fp32" : "auto", twice);
    Decoder fast = Decoder::load(model(family), held),
            plain = Decoder::loadPlain(model(family), held, chooseDevice(device.toStdString()));
    if (!twice) QCOMPARE(plain.byteCount(), fast.byteCount());
    const LoraSpec spec = specOf(targets, bias, 0.2, family == u"llama");
    const Computed a(fast, spec), b(plain, spec);

    QCOMPARE(worstError(a.seeded, b.seeded), 0.0);
    const double base = worstError(a.base, b.base), adapted = worstError(a.logits, b.logits),
                 cached = worstError(a.cached, b.cached);
    const double loss = std::abs(b.loss / a.loss - 1), trained = std::abs(b.trained / a.trained - 1),
                 gradient = a.worstGradient(b);
    double probability = 0;
    for (std::size_t i = 0; i < kTargets.size(); ++i)
        probability = std::max(probability, static_cast<double>(std::abs(a.probabilities[i] - b.probabilities[i])));
    qInfo("max abs error: logits %.2g, with adapter %.2g, cached %.2g, log-probabilities %.2g; relative: loss %.2g, with dropout "
          "%.2g, gradients %.2g",
          base, adapted, cached, probability, loss, trained, gradient);
    QVERIFY(worstError(a.base, a.logits) > 1e-2);
    QVERIFY(base <= 2e-5 && adapted <= 2e-5 && cached <= 2e-5 && probability <= 2e-5);
    QVERIFY(loss <= 1e-4 && trained <= 1e-4 && gradient <= 1e-4);
    QVERIFY(std::abs(a.trained / a.loss - 1) > 1e-3); // dropout took part
}

void TestDeviceDecoder::roundedPrecision_data() {
    QTest::addColumn<QString>("family");
    QTest::newRow("phi") << "phi";
    QTest::newRow("llama") << "llama";
    QTest::newRow("gemma3") << "gemma3";
}

// Rounded to bfloat16 it is no further from float32 than the fast way; to half precision, which has three bits more, far nearer,
// and even where gradients lie below what half precision can hold. (What only a GPU may be asked for computes on the processor
// too, slowly.)
void TestDeviceDecoder::roundedPrecision() {
    QFETCH(QString, family);
    constexpr float kTiny = 1e-7f; // weights of the targets
    const LoraSpec spec = specOf(QStringLiteral("all-linear"), QStringLiteral("none"), 0.2, false);
    const auto computed = [&](const Precision& precision, bool fast) {
        Decoder decoder = fast ? Decoder::load(model(family), precision) : Decoder::loadPlain(model(family), precision, at::kCPU);
        return Computed(decoder, spec, kTiny);
    };
    Precision fp16;
    fp16.compute = Precision::Compute::Fp16;
    const Computed exact = computed(Precision::Fp32, false), fast = computed(Precision::Bf16, true),
                   plain = computed(Precision::Bf16, false), half = computed(fp16, false);
    const auto logits = [&](const Computed& of) {
        return std::max(worstError(of.logits, exact.logits), worstError(of.cached, exact.cached));
    };
    const auto gradient = [&](const Computed& of) { return exact.worstGradient(of); };
    qInfo("from float32, logits: bf16 fast %.2g, plain %.2g, fp16 %.2g; gradients: bf16 fast %.2g, plain %.2g, fp16 %.2g (of "
          "norm %.2g)",
          logits(fast), logits(plain), logits(half), gradient(fast), gradient(plain), gradient(half),
          at::norm(exact.gradients).item<double>());
    QVERIFY(logits(plain) > 0 && logits(plain) < 1.5 * logits(fast));
    QVERIFY(gradient(plain) > 0 && gradient(plain) < 1.5 * gradient(fast));
    QVERIFY(logits(half) > 0 && logits(half) < logits(plain) / 4);
    QVERIFY(gradient(half) > 0 && gradient(half) < gradient(plain) / 4);
}

void TestDeviceDecoder::generatesTheSame() {
    GenerateOptions options;
    options.maxNewTokens = 24;
    for (const QString& family : {QStringLiteral("phi"), QStringLiteral("llama")}) {
        const Decoder fast = Decoder::load(model(family), Precision::Fp32),
                      plain = Decoder::loadPlain(model(family), Precision::Fp32, at::kCPU);
        const Tokenizer tokenizer = Tokenizer::fromFolder(model(family));
        const auto ids = [&](const Decoder& decoder) { return generate(decoder, tokenizer, tokens(11, 3), options, {}, {}).ids; };
        QVERIFY(!ids(fast).empty());
        QCOMPARE(ids(plain), ids(fast));
    }
}

// What several calls added is there once it is asked for, as if each had been waited for; and nothing of it when it is dropped.
void TestDeviceDecoder::gradientsAddUp() {
    for (const bool plain : {false, true}) {
        Decoder decoder = plain ? Decoder::loadPlain(model(QStringLiteral("llama")), Precision::Fp32, at::kCPU)
                                : Decoder::load(model(QStringLiteral("llama")), Precision::Fp32);
        const auto lora =
            std::make_shared<Lora>(decoder.config(), specOf(QStringLiteral("all-linear"), QStringLiteral("none"), 0.2, false), 7);
        decoder.setAdapter(lora, true);
        goldenFill(*lora);
        Pack other;
        other.add(tokens(15, 6));
        const std::vector<Target> targets{{13, 4, 0.5f}};
        decoder.dropGradients();
        double loss = decoder.lossAndGradients(tree(), kTargets, {1, 0});
        loss += decoder.lossAndGradients(other, targets, {2, 0});
        const at::Tensor expected = lora->gradients().clone();

        decoder.addGradients(tree(), kTargets, {9, 0});
        decoder.dropGradients();
        QCOMPARE(at::norm(lora->gradients()).item<double>(), 0.0);
        QCOMPARE(decoder.collectLoss(), 0.0);
        decoder.addGradients(tree(), kTargets, {1, 0});
        decoder.addGradients(other, targets, {2, 0});
        QCOMPARE(decoder.collectLoss(), loss);
        QVERIFY(at::equal(lora->gradients(), expected));
        QCOMPARE(decoder.collectLoss(), 0.0);
        QVERIFY(at::equal(lora->gradients(), expected));
    }
}

void TestDeviceDecoder::dropoutMasks_data() {
    QTest::addColumn<double>("rate");
    QTest::addColumn<bool>("bf16");
    for (const double rate : {0.0, 0.05, 0.1, 0.5, 0.9})
        for (const bool bf16 : {false, true}) QTest::addRow("%g%s", rate, bf16 ? ", bf16" : "") << rate << bf16;
}

void TestDeviceDecoder::dropoutMasks() {
    QFETCH(double, rate);
    QFETCH(bool, bf16);
    for (const std::uint64_t step : {std::uint64_t{0}, std::uint64_t{7}, ~std::uint64_t{0}}) {
        const kernels::Mask mask = layerMask(step, 3, kUpMask, rate);
        const at::Tensor x = (at::arange(61 * 403, at::kFloat).sin() * 3).view({61, 403}).to(bf16 ? at::kBFloat16 : at::kFloat);
        at::Tensor expected = at::empty_like(x);
        kernels::dropout(host::rowsOf(x), 61, 403, mask, host::rowsOf(expected));
        QVERIFY(at::equal(droppedPlain(x, mask), expected));
    }
}

void TestDeviceDecoder::nf4Matrix_data() {
    QTest::addColumn<int>("out");
    QTest::addColumn<int>("in");
    QTest::newRow("whole blocks") << 48 << 128;
    QTest::newRow("blocks across rows") << 33 << 50;
    QTest::newRow("odd") << 7 << 9;
    QTest::newRow("several at once") << 4100 << 2080;
}

// A GPU's own kernels keep to this too, but for the last bits of a product.
void TestDeviceDecoder::nf4Matrix() {
    QFETCH(int, out);
    QFETCH(int, in);
    for (const at::Device& device : devicesHere())
        for (const bool twice : {false, true}) {
            const Nf4Matrix matrix = quantizedNf4((at::arange(out * in, at::kFloat) * 0.37).sin().view({out, in}), twice);
            for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
                const device::Nf4 weight(matrix, type, device);
                at::Tensor expected = at::empty({out, in}, type);
                dequantizeInto(matrix, expected);
                QVERIFY(twice ? at::allclose(weight.matrix().cpu(), expected, 1e-6, 1e-6)
                              : at::equal(weight.matrix().cpu(), expected));
                for (const int rows : {1, 3}) {
                    const at::Tensor x =
                        at::sin(at::arange(rows * in, at::kFloat)).view({rows, in}).to(device, type).requires_grad_();
                    const at::Tensor y = weight.times(x), dy = at::ones_like(y), plain = at::mm(x.detach(), weight.matrix().t());
                    QVERIFY(device.is_cpu()
                                ? at::equal(y.detach(), plain)
                                : at::norm(y.detach() - plain).item<double>() <= 1e-2 * at::norm(plain).item<double>());
                    QVERIFY(at::equal(torch::autograd::grad({y}, {x}, {dy}).front(), at::mm(dy, weight.matrix())));
                }
            }
        }
}

void TestDeviceDecoder::nf4Arithmetic_data() {
    QTest::addColumn<int>("out");
    QTest::addColumn<int>("in");
    QTest::addColumn<int>("block");
    QTest::newRow("less than a warp at once") << 5 << 64 << 64;
    QTest::newRow("SmolLM2's width") << 3 << 576 << 64;
    QTest::newRow("Phi-2's width") << 4 << 2560 << 64;
    QTest::newRow("smallest blocks") << 3 << 416 << 32;
    QTest::newRow("large blocks") << 2 << 4096 << 1024;
    QTest::newRow("not whole blocks") << 7 << 9 << 64;
}

// What a GPU's threads do, done here one after the other.
void TestDeviceDecoder::nf4Arithmetic() {
    QFETCH(int, out);
    QFETCH(int, in);
    QFETCH(int, block);
    const std::size_t count = static_cast<std::size_t>(out * in), blocks = nf4Blocks(count, static_cast<std::size_t>(block));
    std::vector<std::uint32_t> codes(blocks * static_cast<std::size_t>(block) / 8);
    std::mt19937 random(3);
    for (std::uint32_t& eight : codes) eight = static_cast<std::uint32_t>(random());
    std::vector<float> absmax, expected(count);
    for (std::size_t i = 0; i < blocks; ++i) absmax.push_back(0.5f + static_cast<float>(i % 7));
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(codes.data());
    nf4_plain::dequantize({bytes, absmax.data(), static_cast<std::size_t>(block)}, 0, count, expected.data());
    const at::Tensor w = at::from_blob(expected.data(), {out, in}, at::kFloat);
    const nf4_arithmetic::View view{codes.data(), absmax.data(), out, in, std::countr_zero(static_cast<unsigned>(block))};

    const auto check = [&]<class T>(T) {
        constexpr at::ScalarType kType = c10::CppTypeToScalarType<T>::value;
        at::Tensor all = at::full({out * in + 8}, 77, kType);
        for (std::int64_t at = 0; at < out * in; at += nf4_arithmetic::kAtOnce)
            nf4_arithmetic::expand(view, at, nf4Values().data(), all.data_ptr<T>());
        QVERIFY(at::equal(all.narrow(0, 0, out * in).view({out, in}), w.to(kType)));
        QVERIFY(at::equal(all.narrow(0, out * in, 8), at::full({8}, 77, kType))); // nothing was written beyond the end
        if (in % block != 0) return;
        const at::Tensor x = at::sin(at::arange(in, at::kFloat) * 0.7).to(kType),
                         y = at::mv(w.to(at::kDouble), x.to(at::kDouble));
        for (int row = 0; row < out; ++row) {
            float sum = 0;
            for (int lane = 0; lane < nf4_arithmetic::kWarp; ++lane)
                sum += nf4_arithmetic::partOfRow(view, row, x.const_data_ptr<T>(), lane, nf4Values().data());
            QVERIFY(std::abs(sum - y[row].item<double>()) <=
                    1e-5 * at::sum(at::abs(w[row].to(at::kDouble) * x.to(at::kDouble))).item<double>());
        }
    };
    check(float());
    check(c10::BFloat16());
    check(c10::Half());
}

void TestDeviceDecoder::wantOfMemoryHalvesMicroBatches_data() {
    QTest::addColumn<QString>("size");
    QTest::newRow("chosen by rows") << "auto";
    QTest::newRow("chosen by the person") << "8";
}

void TestDeviceDecoder::wantOfMemoryHalvesMicroBatches() {
    QFETCH(QString, size);
    ScarceMemory& memory = ScarceMemory::instance();
    TrainSpec spec;
    spec.epochs = 1;
    spec.batch_size = 8;
    spec.micro_batch_size = size.toStdString();
    spec.learning_rate = 1e-3;
    spec.checkpoint_every = 0;
    std::vector<Sample> samples;
    for (int i = 0; i < 24; ++i) {
        const std::vector<std::int32_t> ids = tokens(12 + i % 5, i);
        samples.push_back({0, 0, ids, static_cast<std::int64_t>(ids.size()) - 1, 1});
    }
    std::vector<double> losses, norms;
    int warnings = 0;
    const auto train = [&](std::size_t most) {
        losses.clear();
        norms.clear();
        warnings = 0;
        Decoder decoder = Decoder::loadPlain(model(QStringLiteral("llama")), Precision::Fp32, at::kCPU);
        const auto lora =
            std::make_shared<Lora>(decoder.config(), specOf(QStringLiteral("q_proj"), QStringLiteral("none"), 0, false), 1);
        decoder.setAdapter(lora, true);
        goldenFill(*lora);
        AdamW optimizer(*lora, 0);
        TrainState state;
        const Sink sink = [&](const Event& event) {
            if (const auto* step = std::get_if<StepEvent>(&event)) losses.push_back(step->loss), norms.push_back(step->grad_norm);
            const auto* log = std::get_if<LogEvent>(&event);
            if (log && log->severity == Severity::Warning && log->message.find("halved") != std::string::npos) ++warnings;
        };
        memory.largest = 0;
        memory.most = most;
        const auto whole = qScopeGuard([&] { memory.most = ~std::size_t{0}; });
        fit({decoder, optimizer, samples, spec, {}, {}}, state, sink, {});
    };
    train(~std::size_t{0});
    QCOMPARE(losses.size(), std::size_t{3});
    QCOMPARE(warnings, 0);
    const std::vector<double> enough = losses, enoughNorms = norms;
    const std::size_t largest = memory.largest;
    train(largest / 3);
    qInfo("%d warnings; largest wish %zu, then %zu bytes", warnings, largest, largest / 3);
    QVERIFY(warnings >= 2 && warnings <= 3); // from 8 samples to 2 or 1, and no more
    QCOMPARE(losses.size(), std::size_t{3});
    for (std::size_t i = 0; i < 3; ++i) {
        QVERIFY(std::abs(losses[i] / enough[i] - 1) < 1e-5);
        QVERIFY(std::abs(norms[i] / enoughNorms[i] - 1) < 1e-4);
    }
    try {
        train(largest / 100);
        QFAIL("Nothing was thrown.");
    } catch (const Error& error) {
        QCOMPARE(static_cast<int>(error.code()), static_cast<int>(ErrorCode::OutOfMemory));
        QVERIFY2(error.message().find("a single text of") != std::string::npos, error.what());
    }
}

QTEST_APPLESS_MAIN(TestDeviceDecoder)
#include "tst_device_decoder.moc"
