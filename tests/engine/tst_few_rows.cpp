// SPDX-License-Identifier: GPL-3.0-or-later
// Products of a few rows with float, bfloat16, NF4 and GGUF-block weights, on each kind of CPU, against sums in double.
#include "engine/kernels/blocks.h"
#include "engine/weights/nf4.h"
#include "engine/weights/tensor_view.h"
#include "tests/support/cpu_targets.h"

#include <QTest>
#include <bit>
#include <cmath>
#include <functional>
#include <random>

using namespace engine;
using namespace engine::kernels;
using testing_support::OnTarget;

Q_DECLARE_METATYPE(engine::kernels::BlockKind)

namespace {

using Bf16 = std::uint16_t;

std::vector<float> someFloats(std::int64_t count, unsigned seed) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    std::vector<float> values(static_cast<std::size_t>(count));
    for (float& value : values) value = normal(random);
    return values;
}
float fromBf16(Bf16 bits) { return std::bit_cast<float>(std::uint32_t{bits} << 16); }
Bf16 toBf16(float value) { // to nearest even
    const auto bits = std::bit_cast<std::uint32_t>(value);
    return static_cast<Bf16>((bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16);
}

/// Random blocks whose scales are small normal halves.
std::vector<std::byte> someBlocks(BlockKind kind, std::int64_t count, unsigned seed) {
    std::mt19937 random(seed);
    std::vector<std::byte> bytes(static_cast<std::size_t>(count * blockBytes(kind)));
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
    for (std::int64_t b = 0; b < count; ++b)
        for (int half = 0; half < (kind == BlockKind::Q4_1 ? 2 : 1); ++half) {
            auto& upper = bytes[static_cast<std::size_t>(b * blockBytes(kind) + 2 * half + 1)];
            upper = (upper & std::byte{0x83}) | std::byte{0x20}; // exponents 8 to 11 of 31: 1/128 to 1/8
        }
    return bytes;
}
DType typeOf(BlockKind kind) { return kind == BlockKind::Q4_0 ? DType::Q4_0 : kind == BlockKind::Q4_1 ? DType::Q4_1 : DType::Q8_0; }
std::vector<float> expanded(BlockKind kind, const std::vector<std::byte>& blocks, std::int64_t rows, std::int64_t depth) {
    std::vector<float> values(static_cast<std::size_t>(rows * depth));
    TensorView view;
    view.type = typeOf(kind);
    view.shape = {rows, depth};
    view.bytes = blocks;
    toFloat(view, values.data());
    return values;
}

/// The worst difference of y [count, stride] from 0.5 + x w^T, in units of what float sums of that length may lose.
double worstError(const std::vector<float>& y, std::int64_t stride, const std::vector<float>& x, const std::vector<float>& w, std::int64_t count,
                  std::int64_t rows, std::int64_t depth) {
    double worst = 0;
    for (std::int64_t n = 0; n < count; ++n)
        for (std::int64_t o = 0; o < rows; ++o) {
            double sum = 0.5, size = 0.5;
            for (std::int64_t k = 0; k < depth; ++k) {
                const double product = double{x[static_cast<std::size_t>(n * depth + k)]} * double{w[static_cast<std::size_t>(o * depth + k)]};
                sum += product;
                size += std::abs(product);
            }
            worst = std::max(worst, std::abs(double{y[static_cast<std::size_t>(n * stride + o)]} - sum) / (size * 0x1p-23));
        }
    return worst;
}

void targets(const std::function<void(const char*, std::int64_t)>& row) {
    for (const std::int64_t target : testing_support::cpuTargets()) row(hwy::TargetName(target), target);
}

/// As multiplyFewRowsNf4 reads x, whose rows are of even length.
std::vector<float> evenBeforeOdd(const std::vector<float>& x) {
    std::vector<float> apart;
    for (std::size_t odd = 0; odd < 2; ++odd)
        for (std::size_t i = odd; i < x.size(); i += 2) apart.push_back(x[i]);
    return apart;
}

struct Nf4Rows {
    std::vector<std::uint8_t> codes;
    std::vector<float> absmax, values; // values: what they stand for
};
Nf4Rows someNf4(std::int64_t rows, std::int64_t depth, std::int64_t block) {
    Nf4Rows some{std::vector<std::uint8_t>(static_cast<std::size_t>(rows * depth / 2)), someFloats(rows * depth / block, 5),
                 std::vector<float>(static_cast<std::size_t>(rows * depth))};
    std::mt19937 random(4);
    for (auto& code : some.codes) code = static_cast<std::uint8_t>(random());
    nf4_plain::dequantize({some.codes.data(), some.absmax.data(), static_cast<std::size_t>(block)}, 0, some.values.size(), some.values.data());
    return some;
}

} // namespace

class TestFewRows : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void dense_data() {
        QTest::addColumn<qint64>("target");
        targets([](const char* name, std::int64_t target) { QTest::addRow("%s", name) << qint64{target}; });
    }
    void dense() {
        QFETCH(qint64, target);
        const OnTarget on(target);
        for (const std::int64_t depth : {1, 31, 64, 576, 1003})
            for (std::int64_t count = 1; count <= 4; ++count) {
                constexpr std::int64_t kRows = 5, kStride = 7;
                const auto x = someFloats(count * depth, 1);
                auto w = someFloats(kRows * depth, 2);
                std::vector<float> y(static_cast<std::size_t>(count * kStride), 0.5f);
                multiplyFewRows(x.data(), count, depth, {w.data(), depth, Scalar::F32}, kRows, {y.data(), kStride, Scalar::F32});
                QVERIFY(worstError(y, kStride, x, w, count, kRows, depth) < 8);
                QCOMPARE(y[kRows], 0.5f); // past the row's end
                std::vector<Bf16> small(w.size());
                for (std::size_t i = 0; i < w.size(); ++i) {
                    small[i] = toBf16(w[i]);
                    w[i] = fromBf16(small[i]);
                }
                std::fill(y.begin(), y.end(), 0.5f);
                multiplyFewRows(x.data(), count, depth, {small.data(), depth, Scalar::BF16}, kRows, {y.data(), kStride, Scalar::F32});
                QVERIFY(worstError(y, kStride, x, w, count, kRows, depth) < 8);
                std::vector<Bf16> rounded(y.size(), toBf16(0.5f));
                multiplyFewRows(x.data(), count, depth, {small.data(), depth, Scalar::BF16}, kRows, {rounded.data(), kStride, Scalar::BF16});
                for (std::int64_t n = 0; n < count; ++n)
                    for (std::int64_t o = 0; o < kRows; ++o) QCOMPARE(rounded[static_cast<std::size_t>(n * kStride + o)], toBf16(y[static_cast<std::size_t>(n * kStride + o)]));
            }
    }

    void nf4_data() { dense_data(); }
    void nf4() {
        QFETCH(qint64, target);
        const OnTarget on(target);
        for (const std::int64_t block : {64, 128})
            for (const std::int64_t depth : {128, 640})
                for (std::int64_t count = 1; count <= 4; ++count) {
                    constexpr std::int64_t kRows = 5;
                    const auto x = someFloats(count * depth, 3);
                    const auto apart = evenBeforeOdd(x);
                    const auto [codes, absmax, w] = someNf4(kRows, depth, block);
                    std::vector<float> y(static_cast<std::size_t>(count * kRows), 0.5f);
                    multiplyFewRowsNf4(apart.data(), count, depth, codes.data(), absmax.data(), block, kRows, {y.data(), kRows, Scalar::F32});
                    QVERIFY(worstError(y, kRows, x, w, count, kRows, depth) < 8);
                }
    }

    /// In bfloat16 the values that codes stand for may be rounded to it before they are multiplied.
    void nf4InBf16() {
        for (const std::int64_t block : {64, 128})
            for (const std::int64_t depth : {128, 640})
                for (std::int64_t count = 1; count <= 4; ++count) {
                    constexpr std::int64_t kRows = 6;
                    auto x = someFloats(count * depth, 3);
                    for (float& value : x) value = fromBf16(toBf16(value));
                    const auto apart = evenBeforeOdd(x);
                    const auto [codes, absmax, w] = someNf4(kRows, depth, block);
                    std::vector<Bf16> y(static_cast<std::size_t>(count * kRows), toBf16(0.5f));
                    multiplyFewRowsNf4(apart.data(), count, depth, codes.data(), absmax.data(), block, kRows, {y.data(), kRows, Scalar::BF16});
                    for (std::int64_t n = 0; n < count; ++n)
                        for (std::int64_t o = 0; o < kRows; ++o) {
                            double truth = 0.5, size = 0.5;
                            for (std::int64_t i = 0; i < depth; ++i) {
                                const double product = double(x[static_cast<std::size_t>(n * depth + i)]) * double(w[static_cast<std::size_t>(o * depth + i)]);
                                truth += product;
                                size += std::abs(product);
                            }
                            QVERIFY(std::abs(double(fromBf16(y[static_cast<std::size_t>(n * kRows + o)])) - truth) < size / 512 + std::abs(truth) / 256);
                        }
                }
    }

    void blocks_data() {
        QTest::addColumn<qint64>("target");
        QTest::addColumn<BlockKind>("kind");
        targets([](const char* name, std::int64_t target) {
            for (const auto kind : {BlockKind::Q4_0, BlockKind::Q4_1, BlockKind::Q8_0})
                QTest::addRow("%s %s", name, toString(typeOf(kind)).c_str()) << qint64{target} << kind;
        });
    }
    void blocks() {
        QFETCH(qint64, target);
        QFETCH(BlockKind, kind);
        const OnTarget on(target);
        for (const std::int64_t depth : {32, 64, 576})
            for (std::int64_t count = 1; count <= 4; ++count) {
                constexpr std::int64_t kRows = 5;
                const auto x = someFloats(count * depth, 6);
                const auto packed = someBlocks(kind, kRows * depth / kBlock, 7);
                const auto w = expanded(kind, packed, kRows, depth);
                std::vector<float> sums(static_cast<std::size_t>(count * depth / kBlock)), y(static_cast<std::size_t>(count * kRows), 0.5f);
                sumBlocks(x.data(), count, depth, sums.data());
                multiplyFewRowsBlocks(x.data(), sums.data(), count, depth, kind, packed.data(), kRows, {y.data(), kRows, Scalar::F32});
                // Scale and minimum are taken out of the sums, whose parts may be larger than the whole.
                QVERIFY(worstError(y, kRows, x, w, count, kRows, depth) < 64);
            }
    }

    void expands_data() { blocks_data(); }
    void expands() {
        QFETCH(qint64, target);
        QFETCH(BlockKind, kind);
        const OnTarget on(target);
        constexpr std::int64_t kBlocks = 33;
        const auto packed = someBlocks(kind, kBlocks, 8);
        const auto expected = expanded(kind, packed, 1, kBlocks * kBlock);
        std::vector<float> floats(expected.size());
        expandBlocks(kind, packed.data(), kBlocks, Scalar::F32, floats.data());
        QVERIFY(floats == expected);
        std::vector<Bf16> halves(expected.size());
        expandBlocks(kind, packed.data(), kBlocks, Scalar::BF16, halves.data());
        for (std::size_t i = 0; i < halves.size(); ++i) QCOMPARE(fromBf16(halves[i]), fromBf16(toBf16(expected[i])));
    }

    void findsWhatIsNotFinite() {
        for (const auto kind : {BlockKind::Q4_0, BlockKind::Q4_1, BlockKind::Q8_0}) {
            auto packed = someBlocks(kind, 9, 9);
            QCOMPARE(firstBlockNotFinite(kind, packed.data(), 9), std::int64_t{-1});
            packed[static_cast<std::size_t>(8 * blockBytes(kind) + (kind == BlockKind::Q4_1 ? 3 : 1))] = std::byte{0x7C}; // infinity
            QCOMPARE(firstBlockNotFinite(kind, packed.data(), 9), std::int64_t{8});
            packed[static_cast<std::size_t>(2 * blockBytes(kind) + 1)] = std::byte{0xFE}; // NaN
            QCOMPARE(firstBlockNotFinite(kind, packed.data(), 9), std::int64_t{2});
        }
    }
};

QTEST_APPLESS_MAIN(TestFewRows)
#include "tst_few_rows.moc"
