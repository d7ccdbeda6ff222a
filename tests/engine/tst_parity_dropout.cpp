// links: engine_core
// SPDX-License-Identifier: GPL-3.0-or-later
// Dropout's masks: the right rate and scaling everywhere, a fresh mask a key, the same one for the same key however rows are
// divided.
#include "engine/kernels/kernels.h"
#include "engine/kernels/random.h"

#include <QTest>
#include <algorithm>
#include <cmath>
#include <vector>

using namespace engine;

namespace {

constexpr std::int64_t kRows = 500, kWidth = 403; // no multiple of a vector

std::vector<float> mask(std::uint64_t key, double rate, std::int64_t firstRow = 0, std::int64_t rows = kRows) {
    std::vector<float> in(static_cast<std::size_t>(rows * kWidth), 1.0f), out(in.size(), -1.0f);
    kernels::dropout({in.data(), kWidth, kernels::Scalar::F32}, rows, kWidth, {key, static_cast<float>(rate), firstRow},
                     {out.data(), kWidth, kernels::Scalar::F32});
    return out;
}

double dropped(const std::vector<float>& values) {
    return static_cast<double>(std::count(values.begin(), values.end(), 0.0f)) / static_cast<double>(values.size());
}

/// Standard deviations that a share of n draws lies from `rate`.
double deviations(double share, double rate, double n) {
    return std::abs(share - rate) / std::sqrt(rate * (1 - rate) / n);
}

} // namespace

class TestParityDropout : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void rateAndScaling_data();
    void rateAndScaling();
    void freshMaskAStep();
    void sameMaskForTheSameSeed();
};

void TestParityDropout::rateAndScaling_data() {
    QTest::addColumn<double>("rate");
    for (const double rate : {0.01, 0.05, 0.1, 0.5, 0.9}) QTest::addRow("%g", rate) << rate;
}

void TestParityDropout::rateAndScaling() {
    QFETCH(double, rate);
    double worst = 0, worstColumn = 0, worstRow = 0, sum = 0;
    std::vector<double> columns(kWidth), rows(kRows);
    constexpr int kMasks = 4;
    for (std::uint64_t step = 0; step < kMasks; ++step) {
        const std::vector<float> values = mask(mixed(3, step), rate);
        worst = std::max(worst, deviations(dropped(values), rate, static_cast<double>(values.size())));
        for (std::size_t i = 0; i < values.size(); ++i) {
            QVERIFY(values[i] == 0 || std::abs(values[i] * (1 - rate) - 1) < 1e-6); // torch.nn.Dropout's: 0 or 1 / (1 - p)
            sum += static_cast<double>(values[i]);
            if (values[i] == 0) ++columns[i % kWidth], ++rows[i / kWidth];
        }
    }
    for (const double count : columns)
        worstColumn = std::max(worstColumn, deviations(count / (kRows * kMasks), rate, kRows * kMasks));
    for (const double count : rows) worstRow = std::max(worstRow, deviations(count / (kWidth * kMasks), rate, kWidth * kMasks));
    const double n = static_cast<double>(kRows * kWidth * kMasks), mean = sum / n;
    qInfo("standard deviations from the rate: a mask %.2g, a column %.2g, a row %.2g; mean of ones after dropout %.5f", worst,
          worstColumn, worstRow, mean);
    QVERIFY(worst < 4);
    QVERIFY(worstColumn < 5 && worstRow < 5);
    QVERIFY(std::abs(mean - 1) < 4 * std::sqrt(rate / (1 - rate) / n));
}

void TestParityDropout::freshMaskAStep() {
    // Two masks drop the same element as often as independent ones do: rate squared.
    const double rate = 0.3;
    for (std::uint64_t step = 0; step < 8; ++step) {
        const std::vector<float> a = mask(mixed(3, step), rate), b = mask(mixed(3, step + 1), rate);
        double both = 0;
        for (std::size_t i = 0; i < a.size(); ++i) both += a[i] == 0 && b[i] == 0;
        QVERIFY(deviations(both / static_cast<double>(a.size()), rate * rate, static_cast<double>(a.size())) < 4);
        // Nor does a row's mask come again in the next row.
        double neighbours = 0;
        for (std::size_t i = kWidth; i < a.size(); ++i) neighbours += a[i] == 0 && a[i - kWidth] == 0;
        const double n = static_cast<double>(a.size()) - kWidth;
        QVERIFY(deviations(neighbours / n, rate * rate, n) < 4);
    }
}

void TestParityDropout::sameMaskForTheSameSeed() {
    const std::vector<float> whole = mask(mixed(3, 5), 0.1);
    QCOMPARE(mask(mixed(3, 5), 0.1), whole);
    QVERIFY(mask(mixed(4, 5), 0.1) != whole);
    for (const std::int64_t cut : {1, 7, 256}) { // as threads divide the rows
        std::vector<float> parts = mask(mixed(3, 5), 0.1, 0, cut);
        const std::vector<float> rest = mask(mixed(3, 5), 0.1, cut, kRows - cut);
        parts.insert(parts.end(), rest.begin(), rest.end());
        QCOMPARE(parts, whole);
    }
}

QTEST_APPLESS_MAIN(TestParityDropout)
#include "tst_parity_dropout.moc"
