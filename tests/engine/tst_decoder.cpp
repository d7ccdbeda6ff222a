// links: engine engine_core test_support libtorch
// SPDX-License-Identifier: GPL-3.0-or-later
// The decoder against itself: packed, cached and plain passes agree, and gradients are the loss's slopes.
#include "engine/kernels/nf4.h"
#include "engine/model/decoder.h"
#include "engine/weights/safetensors.h"
#include "tests/support/tiny_family.h"
#include "tests/support/tiny_model_text.h"

#include <ATen/ATen.h>
#include <QTemporaryDir>
#include <QTest>
#include <algorithm>
#include <cmath>
#include <numeric>

using namespace engine;
using testing_support::TinyModelOptions;

namespace {

std::filesystem::path modelOf(const QTemporaryDir& dir, const TinyModelOptions& options) {
    return testing_support::writeTinyModel(std::filesystem::path(dir.path().toStdString()) / "model", options);
}

TinyModelOptions optionsOf(const QString& family) {
    const auto& all = testing_support::tinyFeatures();
    const auto is = [&](const testing_support::TinyFeatures& one) { return family == QLatin1String(one.name); };
    return testing_support::tinyModelOptions(std::find_if(all.begin(), all.end(), is)->options);
}

std::vector<std::int32_t> tokens(int count, int seed) {
    std::vector<std::int32_t> ids;
    for (int i = 0; i < count; ++i) ids.push_back((seed * 37 + i * i * 11 + i * 5) % 280);
    return ids;
}

std::vector<std::int64_t> allRows(const Pack& pack) {
    std::vector<std::int64_t> rows(static_cast<std::size_t>(pack.rows()));
    std::iota(rows.begin(), rows.end(), 0);
    return rows;
}

at::Tensor logitsOf(const Decoder& decoder, const std::vector<std::int32_t>& ids) {
    Pack pack;
    pack.add(ids);
    return decoder.logits(pack, allRows(pack));
}

std::vector<std::int32_t> joined(std::vector<std::int32_t> a, const std::vector<std::int32_t>& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

double worst(const at::Tensor& a, const at::Tensor& b) {
    return at::max(at::abs(a - b)).item<double>();
}

/// Values that make every part of the adapter count.
void fill(Lora& lora) {
    float* v = lora.values().data_ptr<float>();
    for (std::int64_t i = 0; i < lora.values().numel(); ++i)
        v[i] += 0.1f * static_cast<float>(std::sin(1.7 * static_cast<double>(i)));
    lora.touch();
}

/// Copies a model with its linear layers quantised to NF4 and expanded again.
void writeExpanded(const std::filesystem::path& to, const std::filesystem::path& from) {
    for (const char* name : {"config.json", "tokenizer.json", "tokenizer_config.json"})
        std::filesystem::copy(from / name, to / name);
    const SafetensorsFile file(from / "model.safetensors");
    std::vector<std::vector<float>> values;
    std::vector<TensorView> views;
    for (const TensorView& tensor : file.tensors()) {
        std::vector<float>& v = values.emplace_back(static_cast<std::size_t>(tensor.count()));
        toFloat(tensor, v.data());
        if (tensor.name.find("_proj.weight") != std::string::npos || tensor.name.find("dense.weight") != std::string::npos ||
            tensor.name.find(".fc") != std::string::npos) {
            if (tensor.shape.size() == 2) {
                std::vector<std::uint8_t> codes(nf4Bytes(v.size()));
                std::vector<float> absmax(nf4Blocks(v.size()));
                quantizeNf4(v.data(), v.size(), codes.data(), absmax.data());
                dequantizeNf4({codes.data(), absmax.data()}, 0, v.size(), v.data());
            }
        }
        views.push_back({tensor.name, DType::F32, tensor.shape, std::as_bytes(std::span(v))});
    }
    writeSafetensors(to / "model.safetensors", views, {{"format", "pt"}});
}

LoraSpec specOf(const std::string& bias) {
    LoraSpec spec;
    spec.r = 4;
    spec.alpha = 8;
    spec.dropout = 0;
    spec.bias = *valueOf<TrainedBiases>(bias);
    return spec;
}

} // namespace

class TestDecoder : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void families() {
        QTest::addColumn<QString>("family");
        for (const testing_support::TinyFeatures& one : testing_support::tinyFeatures())
            QTest::newRow(one.name) << QString::fromLatin1(one.name);
    }

    void packedEqualsAlone_data() { families(); }
    void packedEqualsAlone() {
        QFETCH(QString, family);
        QTemporaryDir dir;
        const Decoder decoder = Decoder::load(modelOf(dir, optionsOf(family)), Precision::Fp32);
        const auto prefix = tokens(150, 1), left = tokens(7, 2), right = tokens(5, 3), deep = tokens(3, 4);
        Pack pack;
        const int root = pack.add(prefix);
        const int a = pack.add(left, root), b = pack.add(right, root), c = pack.add(deep, a);
        const at::Tensor together = decoder.logits(pack, allRows(pack));
        const auto part = [&](int node) {
            const PackNode& n = pack.nodes[static_cast<std::size_t>(node)];
            return together.narrow(0, n.begin, n.count);
        };
        const auto alone = [&](const std::vector<std::int32_t>& ids, std::int64_t count) {
            const at::Tensor all = logitsOf(decoder, ids);
            return all.narrow(0, all.size(0) - count, count);
        };
        QVERIFY(worst(part(root), alone(prefix, 150)) < 2e-5);
        QVERIFY(worst(part(a), alone(joined(prefix, left), 7)) < 2e-5);
        QVERIFY(worst(part(b), alone(joined(prefix, right), 5)) < 2e-5);
        QVERIFY(worst(part(c), alone(joined(joined(prefix, left), deep), 3)) < 2e-5);
    }

    void cachedEqualsAlone_data() { families(); }
    void cachedEqualsAlone() {
        QFETCH(QString, family);
        QTemporaryDir dir;
        const Decoder decoder = Decoder::load(modelOf(dir, optionsOf(family)), Precision::Fp32);
        const auto prefix = tokens(20, 1), left = tokens(7, 2), right = tokens(5, 3);
        KvCache cache(decoder.config(), decoder.precision());
        const int shared = cache.addSegment(20);
        Pack first;
        first.addCached(prefix, shared, 0, true);
        decoder.prefill(first, cache);
        QCOMPARE(cache.chainLength(shared), 20);
        const int goesOn = cache.addSegment(16, shared);
        Pack second;
        const int a = second.addCached(left, goesOn, 20, true), b = second.addCached(right, shared, 20, false);
        const at::Tensor together = decoder.logits(second, allRows(second), &cache);
        QVERIFY(worst(together.narrow(0, second.nodes[static_cast<std::size_t>(a)].begin, 7),
                      logitsOf(decoder, joined(prefix, left)).narrow(0, 20, 7)) < 2e-5);
        QVERIFY(worst(together.narrow(0, second.nodes[static_cast<std::size_t>(b)].begin, 5),
                      logitsOf(decoder, joined(prefix, right)).narrow(0, 20, 5)) < 2e-5);
        // One token at a time from the cache.
        std::vector<std::int32_t> text = joined(prefix, left);
        for (const std::int32_t next : tokens(4, 9)) {
            Pack one;
            one.addCached(std::vector<std::int32_t>{next}, goesOn, cache.chainLength(goesOn), true);
            text.push_back(next);
            const at::Tensor expected = logitsOf(decoder, text);
            QVERIFY(worst(decoder.logits(one, {0}, &cache), expected.narrow(0, expected.size(0) - 1, 1)) < 2e-5);
        }
        cache.truncate(goesOn, 7);
        QCOMPARE(cache.chainLength(goesOn), 27);
    }

    void logProbabilitiesAreLogSoftmax() {
        QTemporaryDir dir;
        const Decoder decoder = Decoder::load(modelOf(dir, optionsOf(QStringLiteral("phi"))), Precision::Fp32);
        Pack pack;
        pack.add(tokens(9, 1));
        const std::vector<Target> targets{{8, 5}, {3, 7}, {8, 11}};
        const at::Tensor expected = at::log_softmax(decoder.logits(pack, {8, 3, 8}), 1);
        const std::vector<float> found = decoder.logProbabilities(pack, targets);
        for (int i = 0; i < 3; ++i)
            QVERIFY(std::abs(found[static_cast<std::size_t>(i)] -
                             expected[i][targets[static_cast<std::size_t>(i)].token].item<float>()) < 2e-5);
    }

    void someRowsAreThoseOfAll_data() { families(); }
    void someRowsAreThoseOfAll() {
        QFETCH(QString, family);
        QTemporaryDir dir;
        const auto model = modelOf(dir, optionsOf(family));
        const Decoder host = Decoder::load(model, Precision::Fp32), plain = Decoder::loadPlain(model, Precision::Fp32, at::kCPU);
        Pack pack;
        const int root = pack.add(tokens(150, 1)), a = pack.add(tokens(7, 2), root);
        pack.add(tokens(40, 3), root);
        pack.add(tokens(3, 4), a);
        const at::Tensor all = host.logits(pack, allRows(pack));
        std::vector<std::int64_t> few{158, 3, 3, 149, 150}, many;
        for (std::int64_t row = 130; row < 180; ++row)
            many.push_back(row); // the end of one node, another, the beginning of a third
        for (const auto& rows : {few, many, std::vector<std::int64_t>{199}}) {
            std::vector<Target> targets{{rows.back(), 5, 1}, {rows.front(), 7, 1}, {rows.back(), 11, 1}, {12, 2, 1}};
            const at::Tensor p = at::log_softmax(all, 1);
            for (const Decoder* decoder : {&host, &plain}) {
                const at::Tensor some = decoder->logits(pack, rows);
                const Predicted predicted = decoder->predict(pack, targets, rows);
                QCOMPARE(predicted.likeliest.size(), rows.size());
                for (std::size_t i = 0; i < rows.size(); ++i) {
                    const at::Tensor expected = all[rows[i]];
                    QVERIFY(worst(some[static_cast<std::int64_t>(i)], expected) < 2e-5);
                    QCOMPARE(predicted.likeliest[i], static_cast<std::int32_t>(at::argmax(expected).item<std::int64_t>()));
                }
                for (std::size_t i = 0; i < targets.size(); ++i)
                    QVERIFY(std::abs(predicted.logProbabilities[i] - p[targets[i].row][targets[i].token].item<float>()) < 2e-5);
                QCOMPARE(decoder->predict(pack, {}, rows).likeliest, predicted.likeliest);
                const double sum = -p[12][2].item<double>();
                QVERIFY(std::abs(decoder->loss(pack, {targets.back()}) - sum) < 2e-5);
            }
        }
    }

    void freshAdapterChangesNothing_data() { families(); }
    void freshAdapterChangesNothing() {
        QFETCH(QString, family);
        QTemporaryDir dir;
        Decoder decoder = Decoder::load(modelOf(dir, optionsOf(family)), Precision::Fp32);
        const at::Tensor base = logitsOf(decoder, tokens(12, 1));
        auto lora = std::make_shared<Lora>(decoder.config(), specOf(biases(decoder.config()).empty() ? "none" : "all"), 7);
        decoder.setAdapter(lora, true);
        QVERIFY(worst(base, logitsOf(decoder, tokens(12, 1))) < 2e-6);
        fill(*lora);
        QVERIFY(worst(base, logitsOf(decoder, tokens(12, 1))) > 1e-2);
        decoder.enableAdapter(false);
        QVERIFY(worst(base, logitsOf(decoder, tokens(12, 1))) < 2e-6);
        decoder.setAdapter(nullptr, false);
        decoder.enableAdapter(true);
        QVERIFY(worst(base, logitsOf(decoder, tokens(12, 1))) < 2e-6);
    }

    void gradientsAreSlopes_data() {
        QTest::addColumn<QString>("family");
        QTest::addColumn<QString>("bias");
        QTest::newRow("phi, no bias") << QStringLiteral("phi") << "none";
        QTest::newRow("phi, biases of the layers") << QStringLiteral("phi") << "lora_only";
        QTest::newRow("phi, all biases") << QStringLiteral("phi") << "all";
        QTest::newRow("llama, all biases") << QStringLiteral("llama, rope_type llama3, biases") << "all";
        QTest::newRow("qwen2, all biases") << QStringLiteral("qwen2") << "all";
        for (const testing_support::TinyFeatures& one : testing_support::tinyFeatures())
            if (QLatin1String(one.name) != QLatin1String("phi"))
                QTest::newRow(one.name) << QString::fromLatin1(one.name) << "none";
    }
    void gradientsAreSlopes() {
        QFETCH(QString, family);
        QFETCH(QString, bias);
        QTemporaryDir dir;
        Decoder decoder = Decoder::load(modelOf(dir, optionsOf(family)), Precision::Fp32);
        auto lora = std::make_shared<Lora>(decoder.config(), specOf(bias.toStdString()), 7);
        decoder.setAdapter(lora, true);
        fill(*lora);
        Pack pack;
        const int root = pack.add(tokens(6, 1));
        pack.add(tokens(4, 2), root);
        pack.add(tokens(5, 3), root);
        pack.add(tokens(21, 4)); // longer than windows and original contexts
        const std::vector<Target> targets{{9, 17, 0.5f}, {9, 30, 0.25f}, {14, 3, 1.0f}, {5, 8, 2.0f}, {35, 12, 1.5f}};
        lora->gradients().zero_();
        const double loss = decoder.lossAndGradients(pack, targets, {});
        QVERIFY(std::abs(loss - decoder.loss(pack, targets)) < 1e-5);
        for (const Parameter& p : lora->parameters()) {
            // Along the gradient the loss must rise by its square; an odd direction checks single elements.
            for (int direction = 0; direction < 2; ++direction) {
                at::Tensor along = p.grad.clone();
                if (direction == 1) along.copy_(at::sin(at::arange(along.numel(), at::kFloat) * 3.1).view(along.sizes()));
                const double expected = at::sum(along * p.grad).item<double>();
                const double size = std::sqrt(at::sum(along * along).item<double>());
                if (size < 1e-9) continue;
                const double h = 2e-2 / size;
                const at::Tensor before = p.value.clone();
                const auto at_ = [&](double factor) {
                    p.value.copy_(before + along * (h * factor));
                    lora->touch();
                    return decoder.loss(pack, targets);
                };
                const double slope = (8 * (at_(1) - at_(-1)) - (at_(2) - at_(-2))) / (12 * h);
                p.value.copy_(before);
                lora->touch();
                const double tolerance = 2e-2 * std::abs(expected) + 2e-3 * size;
                QVERIFY2(std::abs(slope - expected) < tolerance, qPrintable(QStringLiteral("%1: slope %2, gradient %3")
                                                                                .arg(QString::fromStdString(p.name))
                                                                                .arg(slope)
                                                                                .arg(expected)));
            }
        }
    }

    void gradientsAddUp() {
        QTemporaryDir dir;
        Decoder decoder = Decoder::load(modelOf(dir, optionsOf(QStringLiteral("llama"))), Precision::Fp32);
        auto lora = std::make_shared<Lora>(decoder.config(), specOf("none"), 7);
        decoder.setAdapter(lora, true);
        fill(*lora);
        // Two texts in one pack with their beginning shared, and each alone.
        const auto prefix = tokens(6, 1), left = tokens(4, 2), right = tokens(5, 3);
        lora->gradients().zero_();
        Pack both;
        const int root = both.add(prefix);
        both.add(left, root);
        both.add(right, root);
        const double together = decoder.lossAndGradients(both, {{9, 17}, {14, 3}}, {});
        const at::Tensor gradients = lora->gradients().clone();
        lora->gradients().zero_();
        Pack first, second;
        first.add(joined(prefix, left));
        second.add(joined(prefix, right));
        const double apart = decoder.lossAndGradients(first, {{9, 17}}, {}) + decoder.lossAndGradients(second, {{10, 3}}, {});
        QVERIFY(std::abs(together - apart) < 1e-5);
        QVERIFY(worst(gradients, lora->gradients()) < 1e-5 * at::max(at::abs(gradients)).item<double>() + 1e-6);
    }

    void dropoutIsDrawnByKey_data() { families(); }
    void dropoutIsDrawnByKey() {
        QFETCH(QString, family);
        QTemporaryDir dir;
        Decoder decoder = Decoder::load(modelOf(dir, optionsOf(family)), Precision::Fp32);
        LoraSpec spec = specOf("none");
        spec.dropout = 0.3;
        auto lora = std::make_shared<Lora>(decoder.config(), spec, 7);
        decoder.setAdapter(lora, true);
        fill(*lora);
        Pack pack;
        pack.add(tokens(12, 1));
        const std::vector<Target> targets{{11, 17}};
        const auto at_ = [&](std::uint64_t key, double resid) { return decoder.lossAndGradients(pack, targets, {key, resid}); };
        QCOMPARE(at_(5, 0.1), at_(5, 0.1));
        QVERIFY(at_(5, 0.1) != at_(6, 0.1));
        QVERIFY(at_(5, 0) != at_(5, 0.1));
        // Gradients under dropout are slopes of the loss with the same masks.
        lora->gradients().zero_();
        at_(5, 0.1);
        const at::Tensor gradient = lora->gradients().clone(), before = lora->values().clone();
        const double size = at::sum(gradient * gradient).item<double>(), h = 1e-2 / std::sqrt(size);
        const auto moved = [&](double factor) {
            lora->values().copy_(before + gradient * (h * factor));
            lora->touch();
            return at_(5, 0.1);
        };
        const double slope = (8 * (moved(1) - moved(-1)) - (moved(2) - moved(-2))) / (12 * h);
        QVERIFY2(std::abs(slope - size) < 2e-2 * size, qPrintable(QStringLiteral("%1 %2").arg(slope).arg(size)));
    }

    void bf16IsClose_data() { families(); }
    void bf16IsClose() {
        QFETCH(QString, family);
        QTemporaryDir dir;
        const auto model = modelOf(dir, optionsOf(family));
        const Decoder exact = Decoder::load(model, Precision::Fp32), rough = Decoder::load(model, Precision::Bf16);
        const at::Tensor a = logitsOf(exact, tokens(40, 1)), b = logitsOf(rough, tokens(40, 1));
        const double size = std::sqrt(at::mean(at::square(a)).item<double>());
        QVERIFY2(worst(a, b) < 0.1 * size && worst(a, b) > 0, qPrintable(QStringLiteral("%1 of %2").arg(worst(a, b)).arg(size)));
    }

    void nf4ComputesWithItsExpandedWeights_data() { families(); }
    void nf4ComputesWithItsExpandedWeights() {
        QFETCH(QString, family);
        QTemporaryDir dir, expanded;
        TinyModelOptions options = optionsOf(family);
        options.intermediate = 128;
        const Decoder four = Decoder::load(modelOf(dir, options), parsePrecision("nf4", "fp32"));
        const Decoder twice = Decoder::load(modelOf(dir, options), parsePrecision("nf4", "fp32", true));
        const Decoder exact = Decoder::load(modelOf(dir, options), Precision::Fp32);
        QVERIFY(twice.byteCount() < four.byteCount());
        QVERIFY(four.byteCount() < exact.byteCount() / 2);
        // The same weights, expanded by hand.
        writeExpanded(std::filesystem::path(expanded.path().toStdString()), modelOf(dir, options));
        const Decoder reference = Decoder::load(std::filesystem::path(expanded.path().toStdString()), Precision::Fp32);
        const at::Tensor a = logitsOf(four, tokens(12, 1)), b = logitsOf(reference, tokens(12, 1));
        QVERIFY2(worst(a, b) < 2e-5, qPrintable(QString::number(worst(a, b))));
        QVERIFY(worst(a, logitsOf(exact, tokens(12, 1))) > 1e-3);
        QVERIFY(worst(a, logitsOf(twice, tokens(12, 1))) < 0.1);
        // A few rows go another way than many.
        QVERIFY(worst(logitsOf(four, tokens(3, 1)), b.narrow(0, 0, 3)) < 2e-5);
        QVERIFY(worst(logitsOf(four, tokens(1, 1)), b.narrow(0, 0, 1)) < 2e-5);
    }

    void nf4TrainsThroughItsExpandedWeights() {
        QTemporaryDir dir, expanded;
        const auto model = modelOf(dir, optionsOf(QStringLiteral("llama"))),
                   plain = std::filesystem::path(expanded.path().toStdString());
        writeExpanded(plain, model);
        at::Tensor gradients[2];
        for (int i = 0; i < 2; ++i) {
            Decoder decoder = i ? Decoder::load(plain, Precision::Fp32) : Decoder::load(model, parsePrecision("nf4", "fp32"));
            auto lora = std::make_shared<Lora>(decoder.config(), specOf("none"), 7);
            decoder.setAdapter(lora, true);
            fill(*lora);
            lora->gradients().zero_();
            Pack pack;
            pack.add(tokens(12, 1));
            decoder.lossAndGradients(pack, {{11, 17}, {5, 3}}, {});
            gradients[i] = lora->gradients().clone();
        }
        QVERIFY(worst(gradients[0], gradients[1]) < 1e-5);
    }

    void shardsAndOldNamesLoadTheSame() {
        QTemporaryDir one, two, three;
        TinyModelOptions options = optionsOf(QStringLiteral("phi"));
        const at::Tensor expected = logitsOf(Decoder::load(modelOf(one, options), Precision::Fp32), tokens(9, 1));
        options.shards = 3;
        QCOMPARE(worst(expected, logitsOf(Decoder::load(modelOf(two, options), Precision::Fp32), tokens(9, 1))), 0.0);
        options.shards = 1;
        options.names = testing_support::PhiNames::Mixer;
        options.dialect = testing_support::ConfigDialect::PhiMsft;
        QCOMPARE(worst(expected, logitsOf(Decoder::load(modelOf(three, options), Precision::Fp32), tokens(9, 1))), 0.0);
    }

    void refusesWhatItCannotRead() {
        QTemporaryDir dir;
        TinyModelOptions options = optionsOf(QStringLiteral("llama"));
        options.maxPositions = 16;
        const Decoder decoder = Decoder::load(modelOf(dir, options), Precision::Fp32);
        QVERIFY_EXCEPTION_THROWN(logitsOf(decoder, tokens(17, 1)), Error);
        QVERIFY_EXCEPTION_THROWN(logitsOf(decoder, {1, 100000}), Error);
        std::stop_source stop;
        stop.request_stop();
        QVERIFY_EXCEPTION_THROWN(
            Decoder::load(std::filesystem::path(dir.path().toStdString()) / "model", Precision::Fp32, {}, stop.get_token()),
            StopRequested);
    }
};

QTEST_APPLESS_MAIN(TestDecoder)
#include "tst_decoder.moc"
