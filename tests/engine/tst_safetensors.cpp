// links: engine_core test_support
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/weights/model_files.h"
#include "engine/weights/safetensors.h"
#include "tests/support/file_bytes.h"
#include "tests/support/tiny_model.h"

#include <QFile>
#include <QTemporaryDir>
#include <QTest>
#include <csignal>
#include <cstring>
#include <fstream>
#include <functional>
#include <sys/resource.h>

using namespace engine;
namespace fs = std::filesystem;
using testing_support::bytesOf;
using testing_support::put;

namespace {

std::string safetensors(const std::string& header, std::size_t dataSize) {
    const std::uint64_t length = header.size();
    return std::string(reinterpret_cast<const char*>(&length), 8) + header + std::string(dataSize, 'x');
}

/// The error's whole text, or empty when there was none.
std::string errorOf(const std::function<void()>& f, ErrorCode code) {
    try {
        f();
    } catch (const Error& error) { return error.code() == code ? error.what() : "another code: " + std::string(error.what()); }
    return {};
}

fs::path golden(const char* name) {
    return fs::path(PHIBENCH_SOURCE_DIR "/tests/engine/data") / name;
}

} // namespace

class TestSafetensors : public QObject {
    Q_OBJECT
    QTemporaryDir m_dir;
    fs::path path(const char* name) const { return fs::path(m_dir.path().toStdString()) / name; }
    std::size_t files() const {
        return static_cast<std::size_t>(std::distance(fs::directory_iterator(m_dir.path().toStdString()), {}));
    }

private Q_SLOTS:
    void cleanup() {
        for (const auto& entry : fs::directory_iterator(m_dir.path().toStdString())) fs::remove_all(entry.path());
    }

    void readsTheReferenceFile() {
        const SafetensorsFile file(golden("weights_reference.safetensors"));
        QCOMPARE(file.tensors().size(), std::size_t{12});
        QCOMPARE(file.metadata().at("format"), std::string("pt"));
        const TensorView* weight = file.find("b.weight");
        QVERIFY(weight && weight->type == DType::F32);
        QCOMPARE(weight->shape, (std::vector<std::int64_t>{2, 3}));
        std::vector<float> values(6);
        toFloat(*weight, values.data());
        QCOMPARE(values, (std::vector<float>{0, 1, 2, 3, 4, 5}));
        QCOMPARE(file.find("none")->bytes.size(), std::size_t{0});
        QVERIFY(file.find("scalar")->shape.empty());
        QVERIFY(file.find("größe \"x\"\n") != nullptr);
        QVERIFY(file.find("missing") == nullptr);
        std::int64_t id = 0;
        std::memcpy(&id, file.find("ids")->bytes.data() + 8, 8);
        QCOMPARE(id, std::int64_t{-8});
    }

    void writesWhatTheReferenceWrites() {
        const SafetensorsFile file(golden("weights_reference.safetensors"));
        std::vector<TensorView> tensors(file.tensors().rbegin(), file.tensors().rend());
        writeSafetensors(path("copy.safetensors"), tensors, file.metadata());
        QCOMPARE(QByteArray::fromStdString(bytesOf(path("copy.safetensors"))), QByteArray::fromStdString(bytesOf(file.path())));
        QCOMPARE(files(), std::size_t{1}); // no temporary file is left
    }

    void replacesAnOlderFile() {
        const std::vector<float> one{1}, two{2};
        writeSafetensors(path("f"), {{"x", DType::F32, {1}, std::as_bytes(std::span(one))}}, {});
        const SafetensorsFile before(path("f"));
        writeSafetensors(path("f"), {{"x", DType::F32, {1}, std::as_bytes(std::span(two))}}, {});
        float value = 0;
        toFloat(*before.find("x"), &value);
        QCOMPARE(value, 1.0f); // who has the older file open keeps it
        toFloat(*SafetensorsFile(path("f")).find("x"), &value);
        QCOMPARE(value, 2.0f);
    }

    void refusesHeaders_data() {
        QTest::addColumn<QString>("header");
        QTest::addColumn<int>("dataSize");
        QTest::addColumn<QString>("message");
        const auto row = [](const char* name, const char* header, int size, const char* message) {
            QTest::newRow(name) << QString::fromUtf8(header) << size << QString::fromUtf8(message);
        };
        row("empty", "", 0, "not JSON");
        row("not an object", "[1]", 0, "not JSON");
        row("space before", R"( {"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 4, "not JSON");
        row("cut off", R"({"x":{"dtype":"F32","shape":[1])", 4, "not valid JSON");
        row("text after", R"({} {})", 0, "not valid JSON");
        row("tensor twice",
            R"({"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"x":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})", 2,
            "\"x\" comes twice");
        row("dtype twice", R"({"x":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 1, "\"dtype\" twice");
        row("metadata twice", R"({"__metadata__":{"a":"1"},"__metadata__":{"a":"1"}})", 0, "comes twice");
        row("metadata key twice", R"({"__metadata__":{"a":"1","a":"2"}})", 0, "\"a\" twice");
        row("metadata number", R"({"__metadata__":{"a":1}})", 0, "a number");
        row("metadata nested", R"({"__metadata__":{"a":{"b":"c"}}})", 0, "an object");
        row("unknown key", R"({"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"more":1}})", 1, "unknown key \"more\"");
        row("no shape", R"({"x":{"dtype":"U8","data_offsets":[0,1]}})", 1, "needs dtype, shape");
        row("null", R"({"x":null})", 0, "null");
        row("nested shape", R"({"x":{"dtype":"U8","shape":[[1]],"data_offsets":[0,1]}})", 1, "a list");
        row("shape of text", R"({"x":{"dtype":"U8","shape":["1"],"data_offsets":[0,1]}})", 1, "a text");
        row("negative shape", R"({"x":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}})", 1, "negative");
        row("shape with exponent", R"({"x":{"dtype":"U8","shape":[1e0],"data_offsets":[0,1]}})", 1, "exponent");
        row("shape beyond 64 bits", R"({"x":{"dtype":"U8","shape":[99999999999999999999],"data_offsets":[0,1]}})", 1, "exponent");
        row("shape beyond 63 bits", R"({"x":{"dtype":"U8","shape":[9223372036854775808],"data_offsets":[0,1]}})", 1,
            "dimension of 9223372036854775808");
        row("product overflows", R"({"x":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}})", 4,
            "beyond any size");
        row("overflow hidden by a zero", R"({"x":{"dtype":"F32","shape":[0,4294967296,4294967296],"data_offsets":[0,0]}})", 0,
            "beyond any size");
        row("bytes overflow", R"({"x":{"dtype":"F32","shape":[4611686018427387904],"data_offsets":[0,4]}})", 4,
            "beyond any size");
        row("17 dimensions", R"({"x":{"dtype":"U8","shape":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1],"data_offsets":[0,1]}})", 1,
            "more than 16 dimensions");
        row("three offsets", R"({"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1,2]}})", 1, "a number");
        row("one offset", R"({"x":{"dtype":"U8","shape":[1],"data_offsets":[0]}})", 1, "two data_offsets");
        row("size and shape differ", R"({"x":{"dtype":"F16","shape":[3],"data_offsets":[0,4]}})", 4, "needs 6 bytes");
        row("hole at the start", R"({"x":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})", 2, "ends at 0");
        row("hole between",
            R"({"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"y":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}})", 3,
            "ends at 1");
        row("overlap",
            R"({"x":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"y":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})", 3,
            "ends at 2");
        row("end before begin",
            R"({"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"y":{"dtype":"U8","shape":[0],"data_offsets":[1,0]}})", 1,
            "\"y\"");
        row("beyond the file", R"({"x":{"dtype":"U8","shape":[5],"data_offsets":[0,5]}})", 4, "ends at byte 5");
        row("bytes after", R"({"x":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}})", 4, "end at byte 3");
        row("bytes and no tensor", "{}", 1, "end at byte 0");
        row("8-bit float", R"({"x":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]}})", 1, "\"F8_E4M3\"");
        row("quantised", R"({"x":{"dtype":"Q8_0","shape":[32],"data_offsets":[0,34]}})", 34, "\"Q8_0\"");
    }
    void refusesHeaders() {
        QFETCH(QString, header);
        QFETCH(int, dataSize);
        QFETCH(QString, message);
        put(path("bad.safetensors"), safetensors(header.toStdString(), static_cast<std::size_t>(dataSize)));
        const std::string error = errorOf([&] { SafetensorsFile file(path("bad.safetensors")); }, ErrorCode::BadInput);
        QVERIFY2(error.find("bad.safetensors: ") != std::string::npos, error.c_str());
        QVERIFY2(error.find(message.toStdString()) != std::string::npos, error.c_str());
    }
    void refusesBytesThatAreNoText() {
        std::string header = R"({"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})";
        header[2] = '\xFF';
        put(path("bad"), safetensors(header, 1));
        QVERIFY(errorOf([&] { SafetensorsFile file(path("bad")); }, ErrorCode::BadInput).find("not valid JSON") !=
                std::string::npos);
        put(path("bad"), safetensors(std::string("{}\0{}", 5), 0));
        QVERIFY(errorOf([&] { SafetensorsFile file(path("bad")); }, ErrorCode::BadInput).find("not JSON") != std::string::npos);
    }
    void takesPaddingAndNoTensors() {
        put(path("padded"), safetensors("{}     ", 0));
        QVERIFY(SafetensorsFile(path("padded")).tensors().empty());
    }
    void refusesEveryTruncation() {
        const std::string whole = bytesOf(golden("weights_reference.safetensors"));
        for (std::size_t size = 0; size < whole.size(); ++size) {
            put(path("cut"), whole.substr(0, size));
            QVERIFY2(!errorOf([&] { SafetensorsFile file(path("cut")); }, ErrorCode::BadInput).empty(),
                     std::to_string(size).c_str());
        }
    }
    void refusesHugeLengths() {
        for (std::uint64_t length :
             {std::uint64_t{100'000'001}, ~std::uint64_t{0}, ~std::uint64_t{0} - 7, std::uint64_t{1} << 63}) {
            put(path("huge"), std::string(reinterpret_cast<const char*>(&length), 8) + "{}");
            QVERIFY(errorOf([&] { SafetensorsFile file(path("huge")); }, ErrorCode::BadInput).find("header") !=
                    std::string::npos);
        }
    }
    void survivesEveryChangedByte() {
        const std::string whole = bytesOf(golden("weights_reference.safetensors"));
        int refused = 0;
        for (std::size_t at = 0; at < whole.size(); ++at) {
            std::string changed = whole;
            changed[at] = static_cast<char>(changed[at] ^ 0x15);
            put(path("changed"), changed);
            refused += !errorOf([&] { SafetensorsFile file(path("changed")); }, ErrorCode::BadInput).empty();
        }
        QVERIFY(refused > 500);
    }
    void missingFilesAndFolders() {
        QVERIFY(errorOf([&] { SafetensorsFile file(path("nothing")); }, ErrorCode::NotFound).find("nothing is not there") !=
                std::string::npos);
        QVERIFY(errorOf([&] { SafetensorsFile file(m_dir.path().toStdString()); }, ErrorCode::BadInput).find("folder") !=
                std::string::npos);
    }

    void refusesToWriteNonsense() {
        const std::vector<float> values{1, 2};
        const auto bytes = std::as_bytes(std::span(values));
        const auto written = [&](std::vector<TensorView> tensors) {
            return errorOf([&] { writeSafetensors(path("f"), tensors, {}); }, ErrorCode::BadInput);
        };
        QVERIFY(written({{"x", DType::F32, {3}, bytes}}).find("does not match") != std::string::npos);
        QVERIFY(written({{"x", DType::Q8_0, {32}, bytes}}).find("Q8_0") != std::string::npos);
        QVERIFY(written({{"x", DType::F32, {2}, bytes}, {"x", DType::F32, {2}, bytes}}).find("twice") != std::string::npos);
        QVERIFY(written({{"\xFF", DType::F32, {2}, bytes}}).find("UTF-8") != std::string::npos);
        QCOMPARE(files(), std::size_t{0});
    }
    void leavesNoHalfFile() {
        const std::vector<float> values(100000, 1.5f);
        put(path("f"), "older");
        std::signal(SIGXFSZ, SIG_IGN);
        rlimit before{};
        getrlimit(RLIMIT_FSIZE, &before);
        const rlimit tight{100000, before.rlim_max};
        setrlimit(RLIMIT_FSIZE, &tight);
        const std::string error = errorOf(
            [&] {
                writeSafetensors(path("f"), {{"x", DType::F32, {100000}, std::as_bytes(std::span(values))}}, {});
            },
            ErrorCode::Io);
        setrlimit(RLIMIT_FSIZE, &before);
        QVERIFY2(error.find("cannot be written") != std::string::npos, error.c_str());
        QCOMPARE(bytesOf(path("f")), std::string("older"));
        QCOMPARE(files(), std::size_t{1});
        QVERIFY(!errorOf([&] { writeSafetensors(path("none/f"), {}, {}); }, ErrorCode::Io).empty());
    }

    void shardsReadAsOne() {
        testing_support::TinyModelOptions options;
        options.shards = 3;
        const ModelFiles model(testing_support::writeTinyModel(path("m"), options));
        QCOMPARE(model.files().size(), std::size_t{3});
        const auto expected = testing_support::tinyTensors(options);
        QCOMPARE(model.tensors().size(), expected.size());
        for (const auto& tensor : expected) {
            std::vector<float> values(tensor.values.size());
            toFloat(model.tensor(tensor.name), values.data());
            QCOMPARE(values, tensor.values);
        }
        QVERIFY(errorOf([&] { model.tensor("lm_head.weight"); }, ErrorCode::NotFound).find("\"lm_head.weight\" is missing") !=
                std::string::npos);
    }
    void shardsThatDisagree_data() {
        QTest::addColumn<QString>("from");
        QTest::addColumn<QString>("to");
        QTest::addColumn<int>("code");
        QTest::addColumn<QString>("message");
        const int bad = static_cast<int>(ErrorCode::BadInput), missing = static_cast<int>(ErrorCode::NotFound);
        const auto row = [](const char* name, const char* from, const char* to, int code, const char* message) {
            QTest::newRow(name) << QString::fromUtf8(from) << QString::fromUtf8(to) << code << QString::fromUtf8(message);
        };
        row("not there", "model-00002-of-00002", "model-00003-of-00002", missing, "model-00003-of-00002.safetensors");
        row("other folder", "\"model-00002-of-00002", "\"../model-00002-of-00002", bad,
            "only .safetensors files beside the index");
        row("absolute", "\"model-00002-of-00002", "\"/tmp/model-00002-of-00002", bad, "only .safetensors files beside the index");
        row("not in its shard", "model.norm.weight", "model.norm.weird", bad, "\"model.norm.weird\" is not in");
        row("twice", "\"model.norm.weight\"", "\"model.embed_tokens.weight\"", bad, "comes twice");
        row("no map", "weight_map", "wait_map", bad, "weight_map is missing");
        row("no text", "\"model-00002-of-00002.safetensors\"", "2", bad, "\"2\"");
        row("not JSON", "{", "<", bad, "not JSON");
    }
    void shardsThatDisagree() {
        QFETCH(QString, from);
        QFETCH(QString, to);
        QFETCH(int, code);
        QFETCH(QString, message);
        testing_support::TinyModelOptions options;
        options.shards = 2;
        testing_support::writeTinyModel(path("m"), options);
        const fs::path index = path("m") / "model.safetensors.index.json";
        QString text = QString::fromStdString(bytesOf(index));
        QVERIFY(text.contains(from));
        put(index, text.replace(from, to).toStdString());
        const std::string error = errorOf([&] { ModelFiles model(path("m")); }, static_cast<ErrorCode>(code));
        QVERIFY2(error.find(message.toStdString()) != std::string::npos, error.c_str());
    }
    void tensorInTwoShards() {
        testing_support::TinyModelOptions options;
        options.shards = 2;
        testing_support::writeTinyModel(path("m"), options);
        const fs::path second = path("m") / "model-00002-of-00002.safetensors";
        {
            const SafetensorsFile file(second);
            std::vector<TensorView> tensors = file.tensors();
            const std::vector<float> values{1};
            tensors.push_back({"model.embed_tokens.weight", DType::F32, {1}, std::as_bytes(std::span(values))});
            writeSafetensors(second, tensors, {});
        }
        QVERIFY(errorOf([&] { ModelFiles model(path("m")); }, ErrorCode::BadInput)
                    .find("\"model.embed_tokens.weight\" is in another file") != std::string::npos);
    }
    void picklesAndEmptyFolders() {
        QVERIFY(errorOf([&] { ModelFiles model(m_dir.path().toStdString()); }, ErrorCode::NotFound).find("neither") !=
                std::string::npos);
        QVERIFY(errorOf([&] { ModelFiles model(path("none")); }, ErrorCode::NotFound).find("no folder") != std::string::npos);
        put(path("pytorch_model.bin"), "x");
        QVERIFY(errorOf([&] { ModelFiles model(m_dir.path().toStdString()); }, ErrorCode::BadInput).find("save_pretrained") !=
                std::string::npos);
    }
};

QTEST_APPLESS_MAIN(TestSafetensors)
#include "tst_safetensors.moc"
