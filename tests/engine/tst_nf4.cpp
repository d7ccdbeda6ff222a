// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/error.h"
#include "engine/kernels/nf4.h"
#include "engine/weights/nf4_checkpoint.h"
#include "engine/weights/safetensors.h"

#include <QTest>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <hwy/targets.h>
#include <limits>
#include <map>
#include <random>

using namespace engine;

namespace {

std::string golden(const char* name) {
    const char* fresh = std::getenv("PHIBENCH_NF4_GOLDEN"); // a folder made afresh by tests/parity/run
    return std::string(fresh ? fresh : PHIBENCH_SOURCE_DIR "/tests/engine/data") + "/" + name;
}

std::vector<float> floats(const SafetensorsFile& file, const std::string& name) {
    const TensorView* view = file.find(name);
    if (!view) throw std::runtime_error("no " + name);
    std::vector<float> values(static_cast<std::size_t>(view->count()));
    toFloat(*view, values.data());
    return values;
}
std::vector<std::uint8_t> bytes(const SafetensorsFile& file, const std::string& name) {
    const TensorView* view = file.find(name);
    if (!view) throw std::runtime_error("no " + name);
    const auto* data = reinterpret_cast<const std::uint8_t*>(view->bytes.data());
    return {data, data + view->bytes.size()};
}
/// Bit for bit: -0 is not 0.
bool same(const std::vector<float>& a, const std::vector<float>& b) {
    return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), 4 * a.size()) == 0);
}

struct Quantised {
    std::vector<std::uint8_t> codes;
    std::vector<float> absmax;
    Nf4Codes view() const { return {codes.data(), absmax.data(), kNf4Block}; }
};
template <class Function> Quantised quantised(const std::vector<float>& values, const Function& function) {
    Quantised result{std::vector<std::uint8_t>(nf4Bytes(values.size()), 0xEE), std::vector<float>(nf4Blocks(values.size()))};
    function(values.data(), values.size(), result.codes.data(), result.absmax.data());
    return result;
}

/// Normal values, and now and then zeros, places between two codes, tiny and huge ones.
std::vector<float> someValues(std::size_t count, unsigned seed) {
    std::mt19937 engine(seed);
    std::normal_distribution<float> normal(0, 0.02f);
    std::vector<float> values(count);
    for (std::size_t i = 0; i < count; ++i) {
        values[i] = normal(engine);
        const auto kind = (i / kNf4Block) % 7;
        if (kind == 3) values[i] = i % 64 == 0 ? 1.0f : (nf4Values()[i % 15] + nf4Values()[i % 15 + 1]) / 2;
        if (kind == 4) values[i] = 0;
        if (kind == 5) values[i] *= 1e-38f;
        if (kind == 6) values[i] *= 1e38f;
    }
    return values;
}

} // namespace

class TestNf4 : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void asBitsandbytes_data() {
        QTest::addColumn<QString>("name");
        for (const char* name : {"float32", "bfloat16", "float16", "part", "odd", "edges"})
            QTest::newRow(name) << QString::fromUtf8(name);
    }
    void asBitsandbytes() {
        QFETCH(QString, name);
        const SafetensorsFile file(golden("nf4.safetensors"));
        const std::string prefix = name.toStdString() + ".";
        const std::vector<float> values = floats(file, prefix + "values");
        for (const auto function : {nf4_plain::quantize, quantizeNf4}) {
            const Quantised result = quantised(values, function);
            QVERIFY(result.codes == bytes(file, prefix + "codes"));
            QVERIFY(same(result.absmax, floats(file, prefix + "absmax")));
        }
        const Quantised result = quantised(values, quantizeNf4);
        const DType type = file.find(prefix + "read")->type;
        std::vector<float> read(values.size());
        dequantizeNf4(result.view(), 0, values.size(), read.data());
        if (type == DType::F32) QVERIFY(same(read, floats(file, prefix + "read")));
        if (type == DType::BF16) {
            std::vector<std::uint16_t> halves(values.size());
            dequantizeNf4(result.view(), 0, values.size(), halves.data());
            QVERIFY(std::memcmp(halves.data(), file.find(prefix + "read")->bytes.data(), 2 * halves.size()) == 0);
        }
    }
    void valuesAndMap() {
        const SafetensorsFile file(golden("nf4.safetensors"));
        QVERIFY(same({nf4Values().begin(), nf4Values().end()}, floats(file, "values")));
        QVERIFY(same({dynamicMap().begin(), dynamicMap().end()}, floats(file, "map")));
    }
    void scalesAsBitsandbytes() {
        const SafetensorsFile file(golden("nf4.safetensors"));
        const std::vector<float> scales = floats(file, "scales"), offset = floats(file, "scales.offset");
        const Nf4Scales result = quantizeScales(scales, offset[0]);
        QVERIFY(result.codes == bytes(file, "scales.codes"));
        QVERIFY(same(result.absmax, floats(file, "scales.absmax")));
        QVERIFY(same(dequantizeScales(result.codes, result.absmax, kNf4ScaleBlock, dynamicMap(), result.offset),
                     floats(file, "scales.read")));
        const float mean = quantizeScales(scales).offset;
        QVERIFY(std::abs(mean - offset[0]) <= 4 * std::abs(std::nextafter(mean, 1.0f) - mean));
        QCOMPARE(quantizeScales(std::vector<float>(300, 0.5f)).absmax, (std::vector<float>{0, 0}));
        QVERIFY(quantizeScales({}).codes.empty());
    }

    void vectorsAgreeWithPlain_data() {
        QTest::addColumn<int>("count");
        QTest::addColumn<qint64>("target");
        for (std::int64_t targets = hwy::SupportedTargets(); targets != 0; targets &= targets - 1)
            for (int count : {1, 2, 63, 64, 65, 128, 191, 6400, 50001})
                QTest::addRow("%s %d", hwy::TargetName(targets & -targets), count) << count << qint64{targets & -targets};
    }
    void vectorsAgreeWithPlain() {
        QFETCH(int, count);
        QFETCH(qint64, target);
        hwy::SetSupportedTargetsForTest(target);
        hwy::GetChosenTarget().Update(hwy::SupportedTargets());
        const auto all = qScopeGuard([] {
            hwy::SetSupportedTargetsForTest(0);
            hwy::GetChosenTarget().Update(hwy::SupportedTargets());
        });
        const std::vector<float> values = someValues(static_cast<std::size_t>(count), 3);
        const Quantised plain = quantised(values, nf4_plain::quantize), fast = quantised(values, quantizeNf4);
        QVERIFY(fast.codes == plain.codes);
        QVERIFY(same(fast.absmax, plain.absmax));
        std::mt19937 engine(9);
        for (int times = 0; times < 20; ++times) {
            std::size_t begin = engine() % values.size(), end = engine() % (values.size() + 1);
            if (times == 0) begin = 0, end = values.size();
            if (begin > end) std::swap(begin, end);
            for (std::size_t block : {std::size_t{32}, std::size_t{64}, std::size_t{256}}) {
                const std::vector<float> scales(nf4Blocks(values.size(), 32), 0.37f);
                Nf4Codes codes{fast.codes.data(), scales.data(), block};
                if (block == 64) codes = fast.view();
                std::vector<float> a(end - begin), b(end - begin);
                nf4_plain::dequantize(codes, begin, end, a.data());
                dequantizeNf4(codes, begin, end, b.data());
                QVERIFY(same(a, b));
                std::vector<std::uint16_t> c(end - begin), d(end - begin);
                nf4_plain::dequantize(codes, begin, end, c.data());
                dequantizeNf4(codes, begin, end, d.data());
                QVERIFY(c == d);
            }
        }
    }
    void everyCodeComesBack() {
        std::vector<float> values(64);
        for (std::size_t i = 0; i < values.size(); ++i) values[i] = nf4Values()[i % 16] * 0.25f;
        const Quantised result = quantised(values, quantizeNf4);
        std::vector<float> read(64);
        dequantizeNf4(result.view(), 0, 64, read.data());
        QVERIFY(same(read, values));
        QCOMPARE(int{result.codes[0]}, 0x01); // the first value in the upper half
    }
    void refusesWhatIsNotFinite() {
        for (const float bad : {std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(),
                                std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::quiet_NaN()})
            for (const std::size_t at : {std::size_t{0}, std::size_t{63}, std::size_t{130}}) {
                std::vector<float> values(140, 0.5f); // two blocks and a part
                values[at] = bad;
                QVERIFY_THROWS_EXCEPTION(Error, quantised(values, quantizeNf4));
                QVERIFY_THROWS_EXCEPTION(Error, quantised(values, nf4_plain::quantize));
            }
    }

    void readsCheckpoints_data() {
        QTest::addColumn<QString>("name");
        QTest::addColumn<QString>("dtype");
        QTest::newRow("plain") << QStringLiteral("plain") << QStringLiteral("bfloat16");
        QTest::newRow("double quantisation") << QStringLiteral("nested") << QStringLiteral("float16");
    }
    void readsCheckpoints() {
        QFETCH(QString, name);
        QFETCH(QString, dtype);
        const SafetensorsFile file(golden("nf4_checkpoint.safetensors"));
        const auto weight = readNf4(name.toStdString() + ".weight", [&](const std::string& n) { return file.find(n); });
        QVERIFY(weight.has_value());
        QCOMPARE(weight->shape, (std::vector<std::int64_t>{12, 64}));
        QCOMPARE(QString::fromStdString(weight->dtype), dtype);
        std::vector<float> values(12 * 64);
        dequantizeNf4(weight->view(), 0, values.size(), values.data());
        const std::vector<float> expected = floats(file, name.toStdString() + ".read");
        const double ulp = name == QStringLiteral("plain") ? 0x1p-8 : 0x1p-11; // the reference rounds to its type
        for (std::size_t i = 0; i < values.size(); ++i) QVERIFY(std::abs(values[i] - expected[i]) <= ulp * std::abs(values[i]));
        QVERIFY(!readNf4(name.toStdString() + ".read", [&](const std::string& n) { return file.find(n); }));
        QVERIFY(isNf4Part("x.weight.absmax") && isNf4Part("x.weight.quant_state.bitsandbytes__nf4") && !isNf4Part("x.weight") &&
                !isNf4Part("x.absmax"));
    }

    void refusesCheckpoints_data() {
        QTest::addColumn<QString>("ending");
        QTest::addColumn<QByteArray>("state");
        QTest::addColumn<QString>("message");
        const auto row = [](const char* name, const char* ending, const char* state, const char* message) {
            QTest::newRow(name) << QString::fromUtf8(ending) << QByteArray(state) << QString::fromUtf8(message);
        };
        row("no absmax", ".absmax", "", "\"nested.weight.absmax\" is missing");
        row("no map", ".quant_map", "", "\"nested.weight.quant_map\" is missing");
        row("no nested map", ".nested_quant_map", "", "\"nested.weight.nested_quant_map\" is missing");
        row("no codes", "", "", "\"nested.weight\" is missing");
        const char* state = ".quant_state.bitsandbytes__nf4";
        row("not JSON", state, "{", "not JSON");
        row("no type", state, R"({"quant_type":"nf4","blocksize":64,"shape":[12,64]})", "no dtype");
        row("other type", state, R"({"quant_type":"nf4","blocksize":64,"dtype":"int8","shape":[12,64]})", "\"int8\"");
        row("other quantisation", state, R"({"quant_type":"fp4","blocksize":64,"dtype":"float16","shape":[12,64]})", "\"fp4\"");
        row("block 0", state, R"({"quant_type":"nf4","blocksize":0,"dtype":"float16","shape":[12,64]})", "blocksize");
        row("block 65", state, R"({"quant_type":"nf4","blocksize":65,"dtype":"float16","shape":[12,64]})", "blocksize");
        row("negative block", state, R"({"quant_type":"nf4","blocksize":-64,"dtype":"float16","shape":[12,64]})", "blocksize");
        row("no shape", state, R"({"quant_type":"nf4","blocksize":64,"dtype":"float16","shape":null})", "no shape");
        row("shape of text", state, R"({"quant_type":"nf4","blocksize":64,"dtype":"float16","shape":["a"]})", "has the shape");
        row("negative shape", state, R"({"quant_type":"nf4","blocksize":64,"dtype":"float16","shape":[-12,64]})",
            "has the shape");
        row("huge shape", state, R"({"quant_type":"nf4","blocksize":64,"dtype":"float16","shape":[1099511627776,1099511627776]})",
            "has the shape");
        row("other shape", state, R"({"quant_type":"nf4","blocksize":64,"dtype":"float16","shape":[12,65]})",
            "384 bytes; [12, 65] in 4 bits needs 390");
        row("other block", state,
            R"({"quant_type":"nf4","blocksize":32,"dtype":"float16","shape":[12,64],"nested_blocksize":256,"nested_offset":1})",
            "should hold 24 bytes");
        row("no offset", state, R"({"quant_type":"nf4","blocksize":64,"dtype":"float16","shape":[12,64],"nested_blocksize":256})",
            "nested_offset");
        row("no nested block", state,
            R"({"quant_type":"nf4","blocksize":64,"dtype":"float16","shape":[12,64],"nested_offset":1})", "nested_blocksize");
    }
    void refusesCheckpoints() {
        QFETCH(QString, ending);
        QFETCH(QByteArray, state);
        QFETCH(QString, message);
        const SafetensorsFile file(golden("nf4_checkpoint.safetensors"));
        const std::string changed = "nested.weight" + ending.toStdString();
        const TensorView other{changed,
                               DType::U8,
                               {state.size()},
                               std::as_bytes(std::span(state.constData(), static_cast<std::size_t>(state.size())))};
        const auto find = [&](const std::string& name) -> const TensorView* {
            if (name != changed) return file.find(name);
            return state.isEmpty() ? nullptr : &other;
        };
        std::string error;
        try {
            readNf4("nested.weight", find);
        } catch (const Error& e) { error = e.what(); }
        QVERIFY2(error.find(message.toStdString()) != std::string::npos, error.c_str());
    }
};

QTEST_APPLESS_MAIN(TestNf4)
#include "tst_nf4.moc"
