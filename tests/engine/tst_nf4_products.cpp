// links: engine engine_core libtorch
// SPDX-License-Identifier: GPL-3.0-or-later
// Products with weights in 4 bits by whichever way the matrix takes them, against sums in double over the expanded weights.
#include "engine/kernels/bfloat16.h"
#include "engine/kernels/nf4_bf16.h"
#include "engine/model/host/nf4.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <QScopeGuard>
#include <QTest>
#include <algorithm>
#include <cmath>
#include <limits>

using namespace engine;

namespace {

/// Seeded values [rows, columns] about zero.
at::Tensor some(std::int64_t rows, std::int64_t columns, std::uint64_t seed) {
    at::manual_seed(seed);
    return at::randn({rows, columns});
}

/// Random codes and scales with blocks of any size; scales quantised themselves under `twice`.
Nf4Matrix someNf4(std::int64_t out, std::int64_t in, std::int64_t block, bool twice, std::uint64_t seed) {
    struct Storage {
        at::Tensor codes, absmax;
    };
    const std::int64_t blocks = (out * in + block - 1) / block;
    const auto storage = std::make_shared<Storage>(Storage{at::empty({0}, at::kByte), at::abs(some(1, blocks, seed))});
    storage->codes = at::randint(0, 256, {(out * in + 1) / 2}, at::kByte);
    const std::span absmax(storage->absmax.const_data_ptr<float>(), static_cast<std::size_t>(blocks));
    Nf4Matrix matrix;
    matrix.out = out;
    matrix.in = in;
    matrix.codes = {storage->codes.const_data_ptr<std::uint8_t>(), static_cast<std::size_t>(storage->codes.numel())};
    if (twice)
        matrix.scales = quantizeScales(absmax);
    else
        matrix.absmax = absmax;
    matrix.block = static_cast<std::size_t>(block);
    matrix.owner = storage;
    return matrix;
}

at::Tensor expanded(const std::vector<Nf4Matrix>& parts) {
    std::vector<at::Tensor> all;
    for (const Nf4Matrix& part : parts) {
        all.push_back(at::empty({part.out, part.in}, at::kFloat));
        dequantizeInto(part, all.back());
    }
    return at::cat(all, 0).to(at::kDouble);
}

/// Whether y is before + a b, both double, as far as y's type can tell.
bool isProduct(const at::Tensor& y, const at::Tensor& before, const at::Tensor& a, const at::Tensor& b) {
    const at::Tensor truth = before + at::mm(a, b), size = at::abs(before) + at::mm(at::abs(a), at::abs(b)) + at::abs(truth);
    return at::all(at::le(at::abs(y.to(at::kDouble) - truth), size * (y.scalar_type() == at::kFloat ? 0x1p-20 : 0x1p-8)))
        .item<bool>();
}

using Outs = std::vector<std::int64_t>;

} // namespace

class TestNf4Products : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void products_data() {
        QTest::addColumn<Outs>("outs");
        QTest::addColumn<qint64>("in");
        QTest::addColumn<qint64>("block");
        QTest::addColumn<bool>("twice");
        const auto row = [](const char* name, const Outs& outs, qint64 in, qint64 block, bool twice) {
            QTest::newRow(name) << outs << in << block << twice;
        };
        row("one", {64}, 64, 64, false);
        row("one, quantised twice", {192}, 320, 64, true);
        row("grouped queries", {128, 64, 64}, 192, 64, false);                 // parts of several sizes, as q, k and v
        row("grouped queries, quantised twice", {192, 64, 64}, 192, 64, true); // part's scales are no multiple of 256
        row("gate and up, off panels", {100, 100}, 128, 64, false);
        row("odd rows", {65, 7}, 128, 64, false);
        row("a single row", {1}, 64, 64, false);
        row("two rows", {2, 2}, 576, 64, false);
        row("depth over a panel's", {66, 6}, 1088, 64, false);
        row("deep both ways", {1030, 4, 2}, 2112, 64, true);
        row("blocks of 128", {34}, 384, 128, false);
        row("blocks of 1024", {70}, 2048, 1024, false);
        row("blocks of 4096", {2, 66}, 4096, 4096, false);
        row("blocks of 32", {64}, 128, 32, false);
        row("blocks across rows", {33, 31}, 96, 64, false);
        row("blocks of 128 across rows", {32, 64}, 576, 128, true);
        row("odd width", {5, 3}, 9, 64, false);
    }
    void products() {
        QFETCH(Outs, outs);
        QFETCH(qint64, in);
        QFETCH(qint64, block);
        QFETCH(bool, twice);
        std::vector<Nf4Matrix> parts;
        for (const std::int64_t out : outs) parts.push_back(someNf4(out, in, block, twice, parts.size()));
        const at::Tensor w = expanded(parts);
        const std::int64_t out = w.size(0);
        for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
            const host::Nf4 weight(parts, type);
            for (const std::int64_t count : {0, 1, 2, 3, 4, 5, 7, 8, 11, 12, 13, 17, 64, 515}) {
                if (count > 500 && in * out > 200'000) continue;
                // Rows that lie apart, as a part of a wider tensor's do.
                const at::Tensor x = some(count, in + 5, 7).to(type).narrow(1, 2, in),
                                 dy = some(count, out + 3, 8).to(type).narrow(1, 3, out);
                for (const bool add : {false, true}) {
                    const auto before = [&](std::int64_t width) { return add ? some(count, width, 9).to(type) : at::Tensor(); };
                    const auto known = [](const at::Tensor& added, const at::Tensor& y) {
                        return added.defined() ? added.to(at::kDouble) : at::zeros_like(y, at::kDouble);
                    };
                    const at::Tensor to = before(out), back = before(in);
                    const at::Tensor y = weight.times(x, to.defined() ? to.clone() : to),
                                     dx = weight.backTimes(dy, back.defined() ? back.clone() : back);
                    QCOMPARE(y.scalar_type(), type);
                    QCOMPARE(dx.scalar_type(), type);
                    QVERIFY2(y.sizes() == at::IntArrayRef({count, out}) && dx.sizes() == at::IntArrayRef({count, in}), "shape");
                    QVERIFY2(isProduct(y, known(to, y), x.to(at::kDouble), w.t()),
                             qPrintable(QStringLiteral("%1 rows, forward").arg(count)));
                    QVERIFY2(isProduct(dx, known(back, dx), dy.to(at::kDouble), w),
                             qPrintable(QStringLiteral("%1 rows, back").arg(count)));
                }
            }
        }
    }

    /// Scales in bfloat16 or quantised themselves: the products are those with the same scales in float, to the bit.
    void scalesMayBeHeldInAnyWay() {
        for (const bool twice : {false, true})
            for (const auto& [out, in] : {std::pair<std::int64_t, std::int64_t>{70, 192}, {66, 4096}, {3, 64}}) {
                Nf4Matrix held = someNf4(out, in, 64, twice, 1), plain = held;
                std::vector<float> scales(static_cast<std::size_t>(out * in / 64));
                held.scalesInto(0, scales);
                if (!twice) {
                    for (float& scale : scales) scale = fromBf16(toBf16(scale));
                    held.keep(scales, held.owner);
                    QVERIFY(held.absmax.empty() && held.shortAbsmax.size() == scales.size());
                }
                plain.scales = {};
                plain.absmax = scales;
                std::vector<float> last(2);
                held.scalesInto(scales.size() - 1, std::span(last).first(1));
                QCOMPARE(last[0], scales.back());
                for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
                    const host::Nf4 a({held}, type), b({plain}, type);
                    for (const std::int64_t count : {1, 2, 4, 7, 40}) {
                        const at::Tensor x = some(count, in, 2).to(type), dy = some(count, out, 3).to(type);
                        QVERIFY(at::equal(a.times(x, {}), b.times(x, {})));
                        QVERIFY(at::equal(a.backTimes(dy, {}), b.backTimes(dy, {})));
                    }
                }
            }
    }

    void scalesOfMoreDigitsStayFloat() {
        Nf4Matrix matrix = someNf4(2, 64, 64, false, 1);
        const std::vector<float> scales{0.5f, std::nextafter(0.5f, 1.0f)};
        matrix.keep(scales, matrix.owner);
        QVERIFY(matrix.shortAbsmax.empty() && std::ranges::equal(matrix.absmax, scales));
    }

    /// Each row and each column is computed by one thread in one order.
    void threadsDoNotCount() {
        const int threads = at::get_num_threads();
        const auto restored = qScopeGuard([&] { at::set_num_threads(threads); });
        const std::vector<Nf4Matrix> parts{someNf4(1030, 1088, 64, true, 1), someNf4(130, 1088, 64, true, 2)};
        const host::Nf4 weight(parts, at::kBFloat16);
        if (!weight.fitsPanels()) QSKIP("Only our own products promise it.");
        for (const std::int64_t count : {1, 9, 40}) {
            const at::Tensor x = some(count, 1088, 3).to(at::kBFloat16), dy = some(count, 1160, 4).to(at::kBFloat16);
            std::vector<at::Tensor> y, dx;
            for (const int n : {1, 2, 3, 8}) {
                at::set_num_threads(n);
                y.push_back(weight.times(x, {}));
                dx.push_back(weight.backTimes(dy, {}));
                QVERIFY(at::equal(y.back(), y.front()) && at::equal(dx.back(), dx.front()));
            }
        }
    }

    /// A row's result does not depend on the rows beside it, and what is not finite shows in its own row alone.
    void notFiniteStaysInItsRow_data() {
        QTest::addColumn<float>("value");
        QTest::newRow("nan") << std::numeric_limits<float>::quiet_NaN();
        QTest::newRow("infinity") << std::numeric_limits<float>::infinity();
        QTest::newRow("-infinity") << -std::numeric_limits<float>::infinity();
    }
    void notFiniteStaysInItsRow() {
        QFETCH(float, value);
        const std::vector<Nf4Matrix> parts{someNf4(70, 192, 64, false, 1), someNf4(6, 192, 64, false, 2)};
        for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
            const host::Nf4 weight(parts, type);
            for (const std::int64_t count : {2, 4, 11, 13, 40}) {
                at::Tensor x = some(count, 192, 3).to(type), dy = some(count, 76, 4).to(type);
                const at::Tensor y = weight.times(x, {}), dx = weight.backTimes(dy, {});
                x[1][77] = value;
                dy[1][71] = value;
                const at::Tensor bad = weight.times(x, {}), badBack = weight.backTimes(dy, {});
                QVERIFY(!at::isfinite(bad[1]).any().item<bool>());
                QVERIFY(!at::isfinite(badBack[1]).any().item<bool>());
                for (std::int64_t row = 0; row < count; ++row)
                    if (row != 1) QVERIFY(at::equal(bad[row], y[row]) && at::equal(badBack[row], dx[row]));
            }
        }
    }
};

QTEST_APPLESS_MAIN(TestNf4Products)
#include "tst_nf4_products.moc"
