// SPDX-License-Identifier: GPL-3.0-or-later
// Products of a few rows with float, bfloat16, NF4 and GGUF-block weights, and of many with NF4, on each kind of CPU, against
// sums in double.
#include "engine/kernels/bfloat16.h"
#include "engine/kernels/blocks.h"
#include "engine/kernels/nf4.h"
#include "engine/kernels/nf4_bf16.h"
#include "engine/weights/tensor_view.h"
#include "tests/support/cpu_targets.h"
#include "tests/support/page_end.h"

#include <QTest>
#include <cmath>
#include <functional>
#include <random>

using namespace engine;
using namespace engine::kernels;
using testing_support::OnTarget;
using testing_support::PageEnd;

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
DType typeOf(BlockKind kind) {
    return kind == BlockKind::Q4_0 ? DType::Q4_0 : kind == BlockKind::Q4_1 ? DType::Q4_1 : DType::Q8_0;
}
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
double worstError(const std::vector<float>& y, std::int64_t stride, const std::vector<float>& x, const std::vector<float>& w,
                  std::int64_t count, std::int64_t rows, std::int64_t depth) {
    double worst = 0;
    for (std::int64_t n = 0; n < count; ++n)
        for (std::int64_t o = 0; o < rows; ++o) {
            double sum = 0.5, size = 0.5;
            for (std::int64_t k = 0; k < depth; ++k) {
                const double product =
                    double{x[static_cast<std::size_t>(n * depth + k)]} * double{w[static_cast<std::size_t>(o * depth + k)]};
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

/// As NF4's kernels for few rows read x, whose rows are of even length.
template <class T> std::vector<T> evenBeforeOdd(const std::vector<T>& x) {
    std::vector<T> apart;
    for (std::size_t odd = 0; odd < 2; ++odd)
        for (std::size_t i = odd; i < x.size(); i += 2) apart.push_back(x[i]);
    return apart;
}
std::vector<Bf16> inBf16(const std::vector<float>& values) {
    std::vector<Bf16> rounded;
    for (const float value : values) rounded.push_back(toBf16(value));
    return rounded;
}

/// Random codes and scales, and what they stand for.
struct SomeNf4 {
    PageEnd<std::uint8_t> codes;
    PageEnd<float> absmax;
    std::vector<float> values;
    Nf4Rows rows;

    SomeNf4(std::int64_t count, std::int64_t width, std::int64_t block, unsigned seed)
        : codes(std::vector<std::uint8_t>(static_cast<std::size_t>(count * width / 2))),
          absmax(someFloats(count * width / block, seed)), values(static_cast<std::size_t>(count * width)),
          rows{codes.data(), absmax.data(), block, count, width, nullptr} {
        std::mt19937 random(seed);
        for (auto& code : codes.values()) code = static_cast<std::uint8_t>(random());
        nf4_plain::dequantize({codes.data(), absmax.data(), static_cast<std::size_t>(block)}, 0, values.size(), values.data());
    }
    Q_DISABLE_COPY_MOVE(SomeNf4)
};

/// y [count, columns], whose rows are `stride` apart, is `before` + a [count, depth] b^T [columns, depth] as far as bfloat16 can
/// tell.
bool isProduct(std::span<const Bf16> y, std::int64_t stride, float before, const std::vector<Bf16>& a,
               const std::vector<float>& b, std::int64_t columns, std::int64_t depth) {
    const std::int64_t count = std::ssize(a) / depth;
    for (std::int64_t n = 0; n < count; ++n)
        for (std::int64_t o = 0; o < columns; ++o) {
            double truth = double{before}, size = std::abs(truth);
            for (std::int64_t i = 0; i < depth; ++i) {
                const double product = double{fromBf16(a[static_cast<std::size_t>(n * depth + i)])} *
                                       double{b[static_cast<std::size_t>(o * depth + i)]};
                truth += product;
                size += std::abs(product);
            }
            if (!(std::abs(double{fromBf16(y[static_cast<std::size_t>(n * stride + o)])} - truth) <
                  (size + std::abs(truth)) / 256))
                return false;
        }
    return true;
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
                multiplyFewRows(x.data(), count, depth, {small.data(), depth, Scalar::BF16}, kRows,
                                {y.data(), kStride, Scalar::F32});
                QVERIFY(worstError(y, kStride, x, w, count, kRows, depth) < 8);
                std::vector<Bf16> rounded(y.size(), toBf16(0.5f));
                multiplyFewRows(x.data(), count, depth, {small.data(), depth, Scalar::BF16}, kRows,
                                {rounded.data(), kStride, Scalar::BF16});
                for (std::int64_t n = 0; n < count; ++n)
                    for (std::int64_t o = 0; o < kRows; ++o)
                        QCOMPARE(rounded[static_cast<std::size_t>(n * kStride + o)],
                                 toBf16(y[static_cast<std::size_t>(n * kStride + o)]));
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
                    const PageEnd<float> apart(evenBeforeOdd(x));
                    const SomeNf4 w(kRows, depth, block, 4);
                    std::vector<float> y(static_cast<std::size_t>(count * kRows), 0.5f);
                    multiplyFewRowsNf4(apart.data(), count, w.rows, 0, kRows, {y.data(), kRows, Scalar::F32});
                    QVERIFY(worstError(y, kRows, x, w.values, count, kRows, depth) < 8);
                }
    }

    void nf4InBf16() {
        if (!multipliesNf4InBf16()) QSKIP("This processor does not multiply pairs of bfloat16.");
        for (const std::int64_t block : {64, 128})
            for (const std::int64_t depth : {128, 640})
                for (const std::int64_t count : {1, 2, 3, 4, 5, 11}) {
                    constexpr std::int64_t kRows = 7, kFirst = 1, kStride = kRows + 1;
                    const auto x = inBf16(someFloats(count * depth, 3));
                    const SomeNf4 w(kFirst + kRows, depth, block, 4);
                    const PageEnd<Bf16> output(
                        std::vector<Bf16>(static_cast<std::size_t>((count - 1) * kStride + kRows), toBf16(0.5f))),
                        apart(evenBeforeOdd(x));
                    const std::span<Bf16> y = output.values();
                    multiplyFewRowsNf4Bf16(apart.data(), count, w.rows, kFirst, kFirst + kRows,
                                           {y.data(), kStride, Scalar::BF16});
                    QVERIFY(isProduct(y, kStride, 0.5f, x, {w.values.begin() + kFirst * depth, w.values.end()}, kRows, depth));
                    for (std::int64_t n = 0; n + 1 < count; ++n)
                        QCOMPARE(y[static_cast<std::size_t>(n * kStride + kRows)], toBf16(0.5f)); // past the row's end
                }
    }

    /// Fewer rows than a tile and more than a panel's; depths and widths that are no multiple of a panel's.
    void nf4Panels_data() {
        QTest::addColumn<qint64>("count");
        QTest::addColumn<qint64>("rows");
        QTest::addColumn<qint64>("width");
        QTest::addColumn<qint64>("block");
        for (const qint64 count : {1, 5, 14, 514})
            for (const auto& [rows, width, block] :
                 {std::array<qint64, 3>{70, 64, 64}, {2, 192, 64}, {128, 1216, 64}, {1026, 256, 128}, {66, 4096, 4096}})
                if (count < 500 || rows * width < 20'000)
                    QTest::addRow("%lld rows with %lld x %lld by %lld", count, rows, width, block)
                        << count << rows << width << block;
    }
    void nf4Panels() {
        if (!multipliesNf4InBf16()) QSKIP("This processor does not multiply pairs of bfloat16.");
        QFETCH(qint64, count);
        QFETCH(qint64, rows);
        QFETCH(qint64, width);
        QFETCH(qint64, block);
        const SomeNf4 w(rows, width, block, 4);
        const auto x = inBf16(someFloats(count * width, 3));
        const PageEnd<Bf16> input(x);
        const qint64 stride = rows + 3;
        for (const bool add : {false, true}) {
            const PageEnd<Bf16> output(std::vector<Bf16>(static_cast<std::size_t>((count - 1) * stride + rows), toBf16(2.0f)));
            const std::span<Bf16> y = output.values();
            for (qint64 column = 0; column < rows; column += kPanelColumns) // one at a time: none writes beside its own
                multiplyNf4Panels({input.data(), width, Scalar::BF16}, count, w.rows, column,
                                  std::min(rows, column + kPanelColumns), {y.data(), stride, Scalar::BF16}, add);
            QVERIFY(isProduct(y, stride, add ? 2.0f : 0.0f, x, w.values, rows, width));
            for (qint64 n = 0; n + 1 < count; ++n) QCOMPARE(y[static_cast<std::size_t>(n * stride + rows)], toBf16(2.0f));
        }
    }

    void nf4PanelsBack_data() { nf4Panels_data(); }
    void nf4PanelsBack() {
        if (!multipliesNf4InBf16()) QSKIP("This processor does not multiply pairs of bfloat16.");
        QFETCH(qint64, count);
        QFETCH(qint64, rows);
        QFETCH(qint64, width);
        QFETCH(qint64, block);
        const SomeNf4 first(rows, width, block, 4), second(6, width, block, 5);
        const std::vector<Nf4Rows> parts{first.rows, second.rows};
        const qint64 depth = rows + 6;
        const auto dy = inBf16(someFloats(count * depth, 3));
        const PageEnd<Bf16> input(dy);
        std::vector<float> turned(static_cast<std::size_t>(width * depth)); // W^T
        for (qint64 k = 0; k < depth; ++k)
            for (qint64 c = 0; c < width; ++c)
                turned[static_cast<std::size_t>(c * depth + k)] =
                    k < rows ? first.values[static_cast<std::size_t>(k * width + c)]
                             : second.values[static_cast<std::size_t>((k - rows) * width + c)];
        for (const bool add : {false, true}) {
            const PageEnd<Bf16> output(std::vector<Bf16>(static_cast<std::size_t>(count * width), toBf16(2.0f)));
            const std::span<Bf16> dx = output.values();
            multiplyNf4PanelsBack({input.data(), depth, Scalar::BF16}, count, parts, 0, width, {dx.data(), width, Scalar::BF16},
                                  add);
            QVERIFY(isProduct(dx, width, add ? 2.0f : 0.0f, dy, turned, width, depth));
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
                std::vector<float> sums(static_cast<std::size_t>(count * depth / kBlock)),
                    y(static_cast<std::size_t>(count * kRows), 0.5f);
                sumBlocks(x.data(), count, depth, sums.data());
                multiplyFewRowsBlocks(x.data(), sums.data(), count, depth, kind, packed.data(), kRows,
                                      {y.data(), kRows, Scalar::F32});
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
            packed[static_cast<std::size_t>(8 * blockBytes(kind) + (kind == BlockKind::Q4_1 ? 3 : 1))] =
                std::byte{0x7C}; // infinity
            QCOMPARE(firstBlockNotFinite(kind, packed.data(), 9), std::int64_t{8});
            packed[static_cast<std::size_t>(2 * blockBytes(kind) + 1)] = std::byte{0xFE}; // NaN
            QCOMPARE(firstBlockNotFinite(kind, packed.data(), 9), std::int64_t{2});
        }
    }
};

QTEST_APPLESS_MAIN(TestFewRows)
#include "tst_few_rows.moc"
