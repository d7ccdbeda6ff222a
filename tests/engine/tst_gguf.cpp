// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/weights/gguf.h"
#include "engine/weights/safetensors.h"
#include "tests/support/file_bytes.h"

#include <QTemporaryDir>
#include <QTest>
#include <cmath>
#include <cstring>
#include <fstream>
#include <functional>
#include <hwy/targets.h>
#include <limits>

using namespace engine;
namespace fs = std::filesystem;
using testing_support::bytesOf;
using testing_support::put;

namespace {

std::string errorOf(const std::function<void()>& f) {
    try {
        f();
    } catch (const Error& error) {
        return error.code() == ErrorCode::BadInput ? error.what() : "another code: " + std::string(error.what());
    }
    return {};
}

template <class T> std::string raw(T value) {
    return {reinterpret_cast<const char*>(&value), sizeof value};
}
std::string text(const std::string& value) {
    return raw<std::uint64_t>(value.size()) + value;
}
std::string head(std::int64_t tensors, std::int64_t keys, std::uint32_t version = 3) {
    return "GGUF" + raw(version) + raw(tensors) + raw(keys);
}
std::string number(const std::string& key, std::uint32_t value) {
    return text(key) + raw<std::uint32_t>(4) + raw(value);
}
std::string tensor(const std::string& name, const std::vector<std::int64_t>& shape, std::uint32_t type, std::uint64_t offset) {
    std::string record = text(name) + raw(static_cast<std::uint32_t>(shape.size()));
    for (std::int64_t size : shape) record += raw(size);
    return record + raw(type) + raw(offset);
}
/// Filled up to where the data begins, then so many bytes.
std::string withData(std::string bytes, std::size_t size, std::size_t step = 32) {
    bytes.resize((bytes.size() + step - 1) / step * step);
    return bytes + std::string(size, '\0');
}

fs::path golden(const char* name) {
    return fs::path(PHIBENCH_SOURCE_DIR "/tests/engine/data") / name;
}

} // namespace

class TestGguf : public QObject {
    Q_OBJECT
    QTemporaryDir m_dir;
    fs::path path(const char* name) const { return fs::path(m_dir.path().toStdString()) / name; }

private Q_SLOTS:
    void readsMetadata() {
        const GgufFile file(golden("weights_blocks.gguf"));
        QCOMPARE(file.text("general.architecture"), std::string("llama"));
        QCOMPARE(file.text("t.text"), std::string("grüße"));
        QCOMPARE(file.integer("t.u8"), std::int64_t{200});
        QCOMPARE(file.integer("t.i8"), std::int64_t{-100});
        QCOMPARE(file.integer("t.u16"), std::int64_t{60000});
        QCOMPARE(file.integer("t.i16"), std::int64_t{-30000});
        QCOMPARE(file.integer("t.u32"), std::int64_t{4000000000});
        QCOMPARE(file.integer("t.i32"), std::int64_t{-2000000000});
        QCOMPARE(file.integer("t.u64"), std::int64_t{1} << 40);
        QCOMPARE(file.integer("t.i64"), -(std::int64_t{1} << 40));
        QCOMPARE(file.number("t.f32"), static_cast<double>(0.1f));
        QCOMPARE(file.number("t.f64"), 0.1);
        QCOMPARE(file.number("t.u8"), 200.0);
        QVERIFY(std::get<bool>(*file.value("t.bool")));
        QCOMPARE(std::get<std::vector<std::string>>(*file.value("t.words")), (std::vector<std::string>{"a", "", "bc"}));
        QCOMPARE(std::get<std::vector<std::int64_t>>(*file.value("t.ints")), (std::vector<std::int64_t>{1, -2, 3}));
        QCOMPARE(std::get<std::vector<double>>(*file.value("t.reals")), (std::vector<double>{0.5, -1.25}));
        QVERIFY(file.value("t.none") == nullptr);
        QVERIFY(errorOf([&] { file.integer("t.none"); }).find("\"t.none\" is missing") != std::string::npos);
        QVERIFY(errorOf([&] { file.integer("t.text"); }).find("\"t.text\" is no whole number") != std::string::npos);
        QVERIFY(errorOf([&] { file.text("t.u8"); }).find("is no text") != std::string::npos);
        QVERIFY(errorOf([&] { file.number("t.bool"); }).find("is no number") != std::string::npos);
    }

    void dequantisesAsTheReference_data() {
        QTest::addColumn<QString>("name");
        for (const DTypeFacts& type : dtypes())
            if (type.gguf >= 0 && type.toFloat) QTest::newRow(type.name) << QString::fromUtf8(type.name).toLower();
    }
    void dequantisesAsTheReference() {
        QFETCH(QString, name);
        const GgufFile file(golden("weights_blocks.gguf"));
        const SafetensorsFile expected(golden("weights_blocks.safetensors"));
        const TensorView* stored = file.find(name.toStdString());
        const TensorView* plain = expected.find(name.toStdString());
        QVERIFY(stored && plain);
        QCOMPARE(stored->shape, plain->shape);
        QCOMPARE(QString::fromStdString(toString(stored->type)), name.toUpper());
        std::vector<float> values(static_cast<std::size_t>(stored->count()));
        toFloat(*stored, values.data());
        QVERIFY(std::memcmp(values.data(), plain->bytes.data(), plain->bytes.size()) == 0); // bit for bit

        std::vector<float> pieces(values.size());
        const std::int64_t width = stored->count() / stored->shape[0];
        for (std::int64_t row = 0; row < stored->shape[0]; ++row)
            toFloat(stored->rows(row, row + 1), pieces.data() + row * width);
        QCOMPARE(pieces, values);
    }
    void halvesAreExact_data() {
        QTest::addColumn<qint64>("target");
        for (std::int64_t targets = hwy::SupportedTargets(); targets != 0; targets &= targets - 1)
            QTest::newRow(hwy::TargetName(targets & -targets)) << qint64{targets & -targets};
    }
    void halvesAreExact() {
        QFETCH(qint64, target);
        hwy::SetSupportedTargetsForTest(target);
        hwy::GetChosenTarget().Update(hwy::SupportedTargets());
        const auto all = qScopeGuard([] {
            hwy::SetSupportedTargetsForTest(0);
            hwy::GetChosenTarget().Update(hwy::SupportedTargets());
        });
        std::vector<std::uint16_t> halves(65536);
        for (std::size_t i = 0; i < halves.size(); ++i) halves[i] = static_cast<std::uint16_t>(i);
        std::vector<float> values(halves.size());
        const TensorView view{"h", DType::F16, {65536}, std::as_bytes(std::span(halves))};
        toFloat(view, values.data());
        for (std::size_t i = 0; i < halves.size(); ++i) {
            const int exponent = static_cast<int>(i >> 10 & 31);
            const double fraction = static_cast<double>(i & 1023);
            double expected = exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
            if (exponent == 31)
                expected = fraction == 0 ? std::numeric_limits<double>::infinity() : std::numeric_limits<double>::quiet_NaN();
            if (std::isnan(expected))
                QVERIFY(std::isnan(values[i]));
            else
                QCOMPARE(static_cast<double>(values[i]), i >> 15 ? -expected : expected);
            QCOMPARE(std::signbit(values[i]), i >> 15 != 0);
            float alone = 0; // too few for a vector
            toFloat(view.rows(static_cast<std::int64_t>(i), static_cast<std::int64_t>(i) + 1), &alone);
            QVERIFY(std::memcmp(&alone, &values[i], 4) == 0);
        }
    }
    void integersAreNoFloats() {
        const std::vector<std::int32_t> ids{1, 2};
        float values[2];
        QVERIFY(errorOf([&] {
                    toFloat({"ids", DType::I32, {2}, std::as_bytes(std::span(ids))}, values);
                }).find("\"ids\" holds I32") != std::string::npos);
    }
    void rowsStartWithBlocks() {
        const std::vector<std::byte> block(34);
        const TensorView view{"q", DType::Q8_0, {4, 8}, block};
        QCOMPARE(view.rows(0, 4).bytes.size(), std::size_t{34});
        QVERIFY_THROWS_EXCEPTION(Error, view.rows(1, 4));
        QVERIFY_THROWS_EXCEPTION(Error, view.rows(0, 5));
    }

    void shapesAreTurnedAround() {
        put(path("f"), withData(head(1, 0) + tensor("w", {3, 2}, 0, 0), 24));
        const GgufFile file(path("f"));
        QCOMPARE(file.find("w")->shape, (std::vector<std::int64_t>{2, 3}));
        QCOMPARE(file.find("w")->bytes.size(), std::size_t{24});
    }
    void takesOtherAlignmentsAndVersions() {
        put(path("f"),
            withData(head(2, 1, 2) + number("general.alignment", 8) + tensor("a", {1}, 0, 0) + tensor("b", {1}, 0, 8), 12, 8));
        const GgufFile file(path("f"));
        QCOMPARE(file.find("b")->bytes.data() - file.find("a")->bytes.data(), std::ptrdiff_t{8});
        put(path("empty"), head(0, 0));
        QVERIFY(GgufFile(path("empty")).tensors().empty());
    }

    void refuses_data() {
        QTest::addColumn<QByteArray>("bytes");
        QTest::addColumn<QString>("message");
        const auto row = [](const char* name, const std::string& bytes, const char* message) {
            QTest::newRow(name) << QByteArray::fromStdString(bytes) << QString::fromUtf8(message);
        };
        const std::uint64_t huge = ~std::uint64_t{0};
        row("empty", "", "no GGUF file");
        row("other magic", "GGML" + raw<std::uint32_t>(3) + std::string(16, '\0'), "no GGUF file");
        row("version 0", head(0, 0, 0), "version 0");
        row("version 1", head(0, 0, 1), "version 1");
        row("version 4", head(0, 0, 4), "version 4");
        row("big-endian", head(0, 0, 3u << 24), "big-endian");
        row("more tensors than bytes", head(2, 0) + tensor("w", {}, 0, 0), "claims 2 tensors");
        row("negative tensors", head(-1, 0), "claims -1 tensors");
        row("more keys than bytes", head(0, 1000000), "claims 1000000 keys");
        row("negative keys", head(0, -5), "claims -5 keys");
        row("key beyond the file", head(0, 1) + raw(huge) + std::string(40, 'k'), "ends after");
        row("text beyond the file", head(0, 1) + text("k") + raw<std::uint32_t>(8) + raw(huge), "\"k\"");
        row("unknown type", head(0, 1) + text("k") + raw<std::uint32_t>(13) + raw<std::uint64_t>(0), "unknown type 13");
        row("list of lists", head(0, 1) + text("k") + raw<std::uint32_t>(9) + raw<std::uint32_t>(9) + raw<std::uint64_t>(0),
            "list of lists");
        row("list of unknowns", head(0, 1) + text("k") + raw<std::uint32_t>(9) + raw<std::uint32_t>(77) + raw<std::uint64_t>(0),
            "unknown type 77");
        row("list beyond the file",
            head(0, 1) + text("k") + raw<std::uint32_t>(9) + raw<std::uint32_t>(4) + raw<std::uint64_t>(1000),
            "\"k\" needs 4000 bytes");
        row("list beyond reason", head(0, 1) + text("k") + raw<std::uint32_t>(9) + raw<std::uint32_t>(4) + raw(huge), "entries");
        row("texts beyond the file",
            head(0, 1) + text("k") + raw<std::uint32_t>(9) + raw<std::uint32_t>(8) + raw<std::uint64_t>(1) + raw(huge), "\"k\"");
        row("bool of 2", head(0, 1) + text("k") + raw<std::uint32_t>(7) + "\2", "true or false");
        row("beyond 63 bits", head(0, 1) + text("k") + raw<std::uint32_t>(10) + raw(huge), "63 bits");
        row("key twice", head(0, 2) + number("k", 1) + number("k", 1), "\"k\" comes twice");
        row("alignment 0", head(0, 1) + number("general.alignment", 0), "power of two");
        row("alignment 3", head(0, 1) + number("general.alignment", 3), "power of two");
        row("alignment of text", head(0, 1) + text("general.alignment") + raw<std::uint32_t>(8) + text("32"), "power of two");
        row("alignment beyond the file",
            withData(head(1, 1) + number("general.alignment", 1u << 31) + tensor("w", {1}, 0, 0), 64), "does not fit");
        row("tensor twice", withData(head(2, 0) + tensor("w", {1}, 0, 0) + tensor("w", {1}, 0, 32), 64), "\"w\" comes twice");
        row("long name", withData(head(1, 0) + tensor(std::string(64, 'n'), {1}, 0, 0), 64), "64 bytes");
        row("five dimensions", withData(head(1, 0) + tensor("w", {1, 1, 1, 1, 1}, 0, 0), 64), "5 dimensions");
        row("negative dimension", withData(head(1, 0) + tensor("w", {-4}, 0, 0), 64), "dimension of -4");
        row("product overflows", withData(head(1, 0) + tensor("w", {std::int64_t{1} << 32, std::int64_t{1} << 32}, 0, 0), 64),
            "dimension of 4294967296");
        row("overflow hidden by a zero",
            withData(head(1, 0) + tensor("w", {0, std::int64_t{1} << 32, std::int64_t{1} << 32}, 0, 0), 64),
            "dimension of 4294967296");
        row("the product overflows after the largest", withData(head(1, 0) + tensor("w", {std::int64_t{1} << 62, 281}, 0, 0), 64),
            "dimension of 4611686018427387904,");
        row("bytes overflow", withData(head(1, 0) + tensor("w", {std::int64_t{1} << 62}, 0, 0), 64), "does not fit");
        row("unknown tensor type", withData(head(1, 0) + tensor("w", {32}, 99, 0), 64), "\"w\" has the unknown type 99");
        row("removed tensor type", withData(head(1, 0) + tensor("w", {32}, 4, 0), 64), "unknown type 4");
        row("unsupported tensor type", withData(head(1, 0) + tensor("w", {256}, 16, 0), 256), "\"w\" is stored as IQ2_XXS");
        row("part of a block", withData(head(1, 0) + tensor("w", {33}, 8, 0), 64), "multiples of 32");
        row("quantised scalar", withData(head(1, 0) + tensor("w", {}, 8, 0), 64), "multiples of 32");
        row("hole between", withData(head(2, 0) + tensor("a", {1}, 0, 0) + tensor("b", {1}, 0, 64), 96),
            "\"b\" [1] lies at byte 64");
        row("overlap", withData(head(2, 0) + tensor("a", {9}, 0, 0) + tensor("b", {1}, 0, 32), 96), "lies at byte 32");
        row("unaligned", withData(head(2, 0) + tensor("a", {1}, 0, 0) + tensor("b", {1}, 0, 4), 96), "lies at byte 4");
        row("beyond the file", withData(head(1, 0) + tensor("w", {5}, 0, 0), 19), "19 bytes of the file are left");
        row("no data at all", head(1, 0) + tensor("w", {5}, 0, 0), "does not fit");
    }
    void refuses() {
        QFETCH(QByteArray, bytes);
        QFETCH(QString, message);
        put(path("bad.gguf"), bytes.toStdString());
        const std::string error = errorOf([&] { GgufFile file(path("bad.gguf")); });
        QVERIFY2(error.find("bad.gguf: ") != std::string::npos, error.c_str());
        QVERIFY2(error.find(message.toStdString()) != std::string::npos, error.c_str());
    }
    void refusesEveryTruncation() {
        std::string whole = bytesOf(golden("weights_blocks.gguf"));
        whole.resize(GgufFile(golden("weights_blocks.gguf")).tensors().back().bytes.size() + whole.size() - 420 -
                     28); // without the padding after the last tensor
        int read = 0;
        for (std::size_t size = 0; size < whole.size(); ++size) {
            put(path("cut"), whole.substr(0, size));
            read += errorOf([&] { GgufFile file(path("cut")); }).empty();
        }
        QCOMPARE(read, 0);
    }
    void survivesEveryChangedByte() {
        const std::string whole = bytesOf(golden("weights_blocks.gguf"));
        int refused = 0;
        for (std::size_t at = 0; at < 1800; ++at) { // all but the data
            std::string changed = whole;
            changed[at] = static_cast<char>(changed[at] ^ 0x41);
            put(path("changed"), changed);
            refused += !errorOf([&] { GgufFile file(path("changed")); }).empty();
        }
        QVERIFY(refused > 500);
    }
    void theDefaultModel() {
        const fs::path file = fs::path(PHIBENCH_SOURCE_DIR) / ".deps/models/SmolLM2-135M-Instruct.Q4_1.gguf";
        if (!fs::exists(file)) QSKIP("the default model is not installed");
        const GgufFile model(file);
        QCOMPARE(model.find("token_embd.weight")->shape, (std::vector<std::int64_t>{49152, 576}));
        QCOMPARE(std::get<std::vector<std::string>>(*model.value("tokenizer.ggml.tokens")).size(), std::size_t{49152});
    }
};

QTEST_APPLESS_MAIN(TestGguf)
#include "tst_gguf.moc"
