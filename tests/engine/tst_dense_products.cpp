// links: engine engine_core libtorch
// SPDX-License-Identifier: GPL-3.0-or-later
// Products with bfloat16 weights, laid out for training or not, against sums in double.
#include "engine/kernels/dense_bf16.h"
#include "engine/model/host/dense.h"
#include "engine/model/host/onednn.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <QScopeGuard>
#include <QTest>
#include <array>

using namespace engine;
using namespace engine::host;

namespace {

/// Seeded values [rows, columns] about zero.
at::Tensor some(std::int64_t rows, std::int64_t columns, std::uint64_t seed) {
    at::manual_seed(seed);
    return at::randn({rows, columns}).to(at::kBFloat16);
}

std::shared_ptr<Matrix> laidOut(std::shared_ptr<Matrix> matrix) {
    const std::shared_ptr<Matrix> other = matrix->laidOutForBatches(true);
    return other ? other : matrix;
}

/// W [out, in], laid out for training.
struct Laid {
    at::Tensor values;
    std::shared_ptr<Matrix> weight;

    Laid(std::int64_t out, std::int64_t in)
        : values(some(out, in, 1)), weight(laidOut(std::make_shared<Dense>(std::vector<at::Tensor>{values}))) {}
};

/// Whether y is before + a b as far as bfloat16 can tell.
bool isProduct(const at::Tensor& y, const at::Tensor& before, const at::Tensor& a, const at::Tensor& b) {
    const at::Tensor x = a.to(at::kDouble), w = b.to(at::kDouble), start = before.to(at::kDouble);
    const at::Tensor truth = start + at::mm(x, w), size = at::abs(start) + at::mm(at::abs(x), at::abs(w)) + at::abs(truth);
    return at::all(at::le(at::abs(y.to(at::kDouble) - truth), size * 0x1p-8)).item<bool>();
}

} // namespace

class TestDenseProducts : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void products_data() {
        QTest::addColumn<qint64>("out");
        QTest::addColumn<qint64>("in");
        QTest::newRow("less than a panel") << qint64(2) << qint64(2);
        QTest::newRow("a panel") << qint64(64) << qint64(64);
        QTest::newRow("off panels") << qint64(70) << qint64(94);
        QTest::newRow("odd rows") << qint64(65) << qint64(64);
        QTest::newRow("odd width") << qint64(64) << qint64(65);
        QTest::newRow("SmolLM2's q, k and v") << qint64(960) << qint64(576);
        QTest::newRow("depth over a panel's both ways") << qint64(1090) << qint64(1538);
    }
    void products() {
        QFETCH(qint64, out);
        QFETCH(qint64, in);
        const Laid w(out, in);
        for (const std::int64_t count : {0, 1, 4, 5, 6, 7, 47, 48, 49, 515}) {
            // Rows that lie apart, as a part of a wider tensor's do.
            const at::Tensor x = some(count, in + 5, 2).narrow(1, 2, in), dy = some(count, out + 3, 3).narrow(1, 3, out);
            const at::Tensor to = some(count, out, 4), back = some(count, in, 5);
            QVERIFY(isProduct(w.weight->times(x, {}), at::zeros_like(to), x, w.values.t()));
            QVERIFY(isProduct(w.weight->times(x, to.clone()), to, x, w.values.t()));
            QVERIFY(isProduct(w.weight->backTimes(dy, {}), at::zeros_like(back), dy, w.values));
            QVERIFY(isProduct(w.weight->backTimes(dy, back.clone()), back, dy, w.values));
        }
    }

    void partsFollowOneAnother_data() {
        QTest::addColumn<bool>("packed");
        QTest::newRow("laid out for training") << true;
        QTest::newRow("as a file holds them") << false;
    }
    void partsFollowOneAnother() {
        QFETCH(bool, packed);
        for (const auto& [first, second, third] :
             {std::array<std::int64_t, 3>{64, 32, 30}, {700, 30, 1600}, {1024, 2, 512}}) { // across panels, and at their ends
            const std::vector<at::Tensor> parts{some(first, 96, 1), some(second, 96, 2), some(third, 96, 3)};
            const std::int64_t out = first + second + third;
            const at::Tensor whole = at::cat(parts, 0), x = some(40, 96, 4), dy = some(40, out, 5), to = some(40, out, 6),
                             back = some(40, 96, 7);
            std::shared_ptr<Matrix> weight = std::make_shared<Dense>(parts);
            if (packed) weight = laidOut(weight);
            QVERIFY(isProduct(weight->times(x, {}), at::zeros({40, out}), x, whole.t()));
            QVERIFY(isProduct(weight->times(x, to.clone()), to, x, whole.t()));
            QVERIFY(isProduct(weight->backTimes(dy, {}), at::zeros({40, 96}), dy, whole));
            QVERIFY(isProduct(weight->backTimes(dy, back.clone()), back, dy, whole));
        }
    }

    void heldOnceWherePanelsAre() {
        const Laid w(128, 192);
        QCOMPARE(w.weight->byteCount(),
                 std::int64_t(128 * 192 * 2 * (kernels::multipliesDensePanels() || !canPrepack() ? 1 : 2)));
    }

    /// Each value is computed by one thread in one order.
    void threadsDoNotCount() {
        if (!kernels::multipliesDensePanels()) QSKIP("Only our own products promise it.");
        const int threads = at::get_num_threads();
        const auto restored = qScopeGuard([&] { at::set_num_threads(threads); });
        const Laid w(1030, 1090);
        for (const std::int64_t count : {9, 100}) {
            const at::Tensor x = some(count, 1090, 2), dy = some(count, 1030, 3);
            std::vector<at::Tensor> y, dx;
            for (const int n : {1, 2, 3, 8}) {
                at::set_num_threads(n);
                y.push_back(w.weight->times(x, {}));
                dx.push_back(w.weight->backTimes(dy, {}));
                QVERIFY(at::equal(y.back(), y.front()) && at::equal(dx.back(), dx.front()));
            }
        }
    }
};

QTEST_APPLESS_MAIN(TestDenseProducts)
#include "tst_dense_products.moc"
