// SPDX-License-Identifier: GPL-3.0-or-later
// Floats written as halves and ggml's blocks; blocks agree bit for bit with those that the gguf package of Python wrote.
#include "engine/kernels/bfloat16.h"
#include "engine/weights/quantize.h"
#include "tests/support/quantize_golden.h"

#include <QTest>

#include <cmath>
#include <cstring>
#include <limits>

using namespace engine;

namespace {

std::vector<std::byte> written(DType type, const std::vector<float>& values, bool* fits = nullptr) {
    std::vector<std::byte> bytes(byteSize(type, values.size()));
    const bool all = fromFloat(type, values.data(), values.size(), bytes.data());
    if (fits) *fits = all;
    return bytes;
}

std::vector<float> readBack(DType type, const std::vector<std::byte>& bytes, std::size_t count) {
    std::vector<float> values(count);
    toFloat({"x", type, {static_cast<std::int64_t>(count)}, bytes}, values.data());
    return values;
}

float halfValue(std::uint16_t half) {
    std::vector<std::byte> bytes(2);
    std::memcpy(bytes.data(), &half, 2);
    return readBack(DType::F16, bytes, 1)[0];
}

} // namespace

class TestQuantize : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void halves();
    void halvesBetween();
    void blocks_data();
    void blocks();
    void extremes();
    void beyondTheType_data();
    void beyondTheType();
};

void TestQuantize::halves() {
    for (std::uint32_t half = 0; half < 0x10000; ++half) {
        if ((half & 0x7C00) == 0x7C00 && (half & 0x3FF) != 0) continue; // not a number
        QCOMPARE(toHalf(halfValue(static_cast<std::uint16_t>(half))), static_cast<std::uint16_t>(half));
    }
    QCOMPARE(toHalf(std::numeric_limits<float>::quiet_NaN()) & 0x7E00, 0x7E00);
}

// Half-way between two halves the even one is taken, a little beside it the nearer.
void TestQuantize::halvesBetween() {
    for (std::uint16_t half = 0; half < 0x7BFF; ++half) {
        const float low = halfValue(half), high = halfValue(half + 1), middle = (low + high) / 2;
        QCOMPARE(toHalf(middle), static_cast<std::uint16_t>(half + (half & 1)));
        QCOMPARE(toHalf(std::nextafter(middle, 0.0f)), half);
        QCOMPARE(toHalf(-std::nextafter(middle, 1e9f)), static_cast<std::uint16_t>((half + 1) | 0x8000));
    }
    QCOMPARE(toHalf(65519.99f), std::uint16_t(0x7BFF));
    QCOMPARE(toHalf(65520.0f), std::uint16_t(0x7C00));
}

void TestQuantize::blocks_data() {
    QTest::addColumn<int>("type");
    QTest::addColumn<QByteArray>("expected");
    QTest::addColumn<double>("most"); // error, as a share of the block's range
    QTest::newRow("Q8_0") << int(DType::Q8_0) << QByteArray::fromHex(kGoldenQ8_0) << 0.5 / 127;
    QTest::newRow("Q4_0") << int(DType::Q4_0) << QByteArray::fromHex(kGoldenQ4_0) << 1.0 / 8;
    QTest::newRow("Q4_1") << int(DType::Q4_1) << QByteArray::fromHex(kGoldenQ4_1) << 0.5 / 15;
}

void TestQuantize::blocks() {
    QFETCH(int, type);
    QFETCH(QByteArray, expected);
    QFETCH(double, most);
    const std::vector<float> values = goldenFloats();
    const auto bytes = written(DType(type), values);
    QCOMPARE(QByteArray(reinterpret_cast<const char*>(bytes.data()), qsizetype(bytes.size())).toHex(), expected.toHex());
    const std::vector<float> back = readBack(DType(type), bytes, values.size());
    for (std::size_t i = 0; i < values.size(); i += 32) {
        const auto [least, greatest] = std::minmax_element(values.begin() + long(i), values.begin() + long(i) + 32);
        const double size = std::max(std::fabs(double(*least)), std::fabs(double(*greatest)));
        const double range = DType(type) == DType::Q4_1 ? double(*greatest) - double(*least) : size;
        for (std::size_t j = i; j < i + 32;
             ++j) // what rounding to a code, and scale and minimum to halves (by 2^-25 at least), can do
            QVERIFY2(std::fabs(back[j] - values[j]) <= most * range + size / 1024 + 4e-6, qPrintable(QString::number(j)));
    }
}

void TestQuantize::extremes() {
    const std::vector<float> zeros(32, 0.0f), tiny(32, 1e-42f);
    for (const DType type : {DType::Q8_0, DType::Q4_0, DType::Q4_1}) {
        bool fits = false;
        QCOMPARE(readBack(type, written(type, zeros, &fits), 32), zeros);
        QVERIFY(fits);
        QCOMPARE(readBack(type, written(type, tiny, &fits), 32), zeros);
        QVERIFY(fits);
    }
    QCOMPARE(readBack(DType::F32, written(DType::F32, goldenFloats()), goldenFloats().size()), goldenFloats());
    const std::vector<float> value{1.00390625f};
    QCOMPARE(readBack(DType::BF16, written(DType::BF16, value), 1)[0], fromBf16(toBf16(1.00390625f)));
}

void TestQuantize::beyondTheType_data() {
    QTest::addColumn<int>("type");
    QTest::addColumn<float>("largest"); // that fits
    QTest::newRow("F16") << int(DType::F16) << 65504.0f;
    QTest::newRow("BF16") << int(DType::BF16) << 3.38e38f;
    QTest::newRow("Q8_0") << int(DType::Q8_0) << 8.3e6f;
    QTest::newRow("Q4_0") << int(DType::Q4_0) << 5.2e5f;
    QTest::newRow("Q4_1") << int(DType::Q4_1) << 9.8e5f;
}

void TestQuantize::beyondTheType() {
    QFETCH(int, type);
    QFETCH(float, largest);
    std::vector<float> values(32, 0.0f);
    bool fits = false;
    values[7] = largest;
    written(DType(type), values, &fits);
    QVERIFY(fits);
    values[7] = std::min(1.1f * largest, std::numeric_limits<float>::max());
    if (DType(type) == DType::BF16) values[7] = std::numeric_limits<float>::max();
    written(DType(type), values, &fits);
    QVERIFY(!fits);
}

QTEST_APPLESS_MAIN(TestQuantize)
#include "tst_quantize.moc"
