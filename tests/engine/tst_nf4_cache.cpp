// links: engine engine_core test_support libtorch
// SPDX-License-Identifier: GPL-3.0-or-later
// A model kept in 4 bits is the model quantised anew; weights that lie in the file as they are wanted are not copied.
#include "engine/model/nf4_cache.h"
#include "tests/support/tiny_model.h"

#include <ATen/ATen.h>
#include <QTemporaryDir>
#include <QTest>
#include <fstream>

using namespace engine;
using testing_support::TinyModelOptions;
using testing_support::writeTinyModel;
namespace fs = std::filesystem;

class TestNf4Cache : public QObject {
    Q_OBJECT
    QTemporaryDir m_dir;
    fs::path path(const char* name) const { return fs::path(m_dir.path().toStdString()) / name; }
    fs::path modelOf(const QString& family, DType type = DType::F32) const {
        TinyModelOptions options;
        options.family = family.toStdString();
        options.type = type;
        options.intermediate = 128;
        return writeTinyModel(path("model"), options);
    }

private Q_SLOTS:
    void init() { fs::remove_all(path("model")), fs::remove_all(path("kept")); }

    void equalsTheModel_data() {
        QTest::addColumn<QString>("family");
        QTest::addColumn<bool>("doubleQuant");
        QTest::addColumn<int>("type");
        QTest::newRow("phi") << QStringLiteral("phi") << false << static_cast<int>(DType::F32);
        QTest::newRow("phi in bfloat16") << QStringLiteral("phi") << false << static_cast<int>(DType::BF16);
        QTest::newRow("llama, double quantisation") << QStringLiteral("llama") << true << static_cast<int>(DType::F32);
    }
    void equalsTheModel() {
        QFETCH(QString, family);
        QFETCH(bool, doubleQuant);
        QFETCH(int, type);
        const WeightReader reader(modelOf(family, static_cast<DType>(type)));
        std::int64_t told = 0;
        const Sink sink = [&](const Event& event) {
            if (const auto* progress = std::get_if<ProgressEvent>(&event)) told = progress->done;
        };
        Nf4Cache::write(path("kept"), reader, doubleQuant, sink, {});
        const Nf4Cache kept(path("kept"), reader.config(), doubleQuant);
        const std::vector<LinearShape> layers = linearLayers(reader.config());
        QCOMPARE(told, static_cast<std::int64_t>(layers.size()));
        for (const LinearShape& layer : layers) {
            const Nf4Matrix a = kept.matrix(layer.name),
                            b = reader.readNf4(layer.name + ".weight", layer.out, layer.in, doubleQuant);
            QCOMPARE(a.out, b.out);
            QCOMPARE(a.in, b.in);
            QVERIFY(std::equal(a.codes.begin(), a.codes.end(), b.codes.begin(), b.codes.end()));
            QVERIFY(std::ranges::equal(a.absmax, b.absmax));
            QVERIFY(std::ranges::equal(a.shortAbsmax, b.shortAbsmax));
            QCOMPARE(a.shortAbsmax.empty(), static_cast<DType>(type) != DType::BF16);
            QCOMPARE(a.scales.codes, b.scales.codes);
            QCOMPARE(a.scales.absmax, b.scales.absmax);
            QCOMPARE(a.scales.offset, b.scales.offset);
        }
    }

    void knowsScalesThatAreLongerThanNeeded() {
        for (const auto& [written, wanted, has] :
             {std::tuple{DType::F32, DType::BF16, false}, {DType::F32, DType::F32, true}, {DType::BF16, DType::BF16, true}}) {
            init();
            {
                const WeightReader reader(modelOf(QStringLiteral("phi"), written));
                Nf4Cache::write(path("kept"), reader, false, {}, {});
            }
            fs::remove_all(path("model"));
            const WeightReader reader(modelOf(QStringLiteral("phi"), wanted));
            QCOMPARE(Nf4Cache(path("kept"), reader.config(), false).hasScalesOf(reader), has);
        }
    }

    void refusesAnotherModel() {
        const WeightReader reader(modelOf(QStringLiteral("phi")));
        Nf4Cache::write(path("kept"), reader, false, {}, {});
        DecoderConfig larger = reader.config();
        larger.intermediate_size *= 2;
        QVERIFY_THROWS_EXCEPTION(Error, Nf4Cache(path("kept"), larger, false));
        QVERIFY_THROWS_EXCEPTION(Error, Nf4Cache(path("kept"), reader.config(), true));
    }

    void stopsWithoutTraces() {
        const WeightReader reader(modelOf(QStringLiteral("phi")));
        std::stop_source stop;
        const Sink sink = [&](const Event&) { stop.request_stop(); };
        QVERIFY_THROWS_EXCEPTION(StopRequested, Nf4Cache::write(path("kept"), reader, false, sink, stop.get_token()));
        for (const auto& entry : fs::directory_iterator(path(".")))
            QCOMPARE(entry.path().filename().string(), std::string("model"));
    }

    void mapsWhatLiesAsWanted() {
        const fs::path model = modelOf(QStringLiteral("phi"), DType::BF16);
        const SafetensorsFile file(model / "model.safetensors");
        const std::string name = "model.layers.0.mlp.fc1.weight";
        const TensorView* view = file.find(name);
        QVERIFY(view);
        at::Tensor mapped, converted;
        {
            const WeightReader reader(model);
            mapped = reader.read(name, view->shape, at::kBFloat16);
            converted = reader.read(name, view->shape, at::kFloat);
        } // the tensors keep the file
        QVERIFY(std::memcmp(mapped.const_data_ptr(), view->bytes.data(), view->bytes.size()) == 0);
        QVERIFY(at::equal(mapped.to(at::kFloat), converted));
        std::ifstream maps("/proc/self/maps");
        bool inFile = false;
        for (std::string line; std::getline(maps, line);) {
            std::uintptr_t begin = 0, end = 0;
            const auto at = reinterpret_cast<std::uintptr_t>(mapped.const_data_ptr());
            if (std::sscanf(line.c_str(), "%lx-%lx", &begin, &end) == 2 && at >= begin && at < end)
                inFile = line.ends_with("model.safetensors");
        }
        QVERIFY(inFile);
    }

    void namesTheFirstBadElement_data() {
        QTest::addColumn<int>("type");
        QTest::addColumn<bool>("wanted16");
        QTest::newRow("mapped") << static_cast<int>(DType::BF16) << true;
        QTest::newRow("rounded") << static_cast<int>(DType::F32) << true;
        QTest::newRow("float") << static_cast<int>(DType::F32) << false;
    }
    void namesTheFirstBadElement() {
        QFETCH(int, type);
        QFETCH(bool, wanted16);
        const fs::path model = modelOf(QStringLiteral("phi"), static_cast<DType>(type)), file = model / "model.safetensors";
        const std::string name = "model.layers.1.mlp.fc2.weight";
        std::uintmax_t offset = 0;
        std::vector<std::int64_t> shape;
        {
            const SafetensorsFile whole(file);
            const TensorView& view = *whole.find(name);
            shape = view.shape;
            const std::uintmax_t data = fs::file_size(file) - static_cast<std::uintmax_t>(whole.tensors().back().bytes.data() +
                                                                                          whole.tensors().back().bytes.size() -
                                                                                          whole.tensors().front().bytes.data());
            const std::size_t element = static_cast<std::size_t>(3 * shape[1] + 5), width = byteSize(view.type, 1);
            offset =
                data + static_cast<std::uintmax_t>(view.bytes.data() - whole.tensors().front().bytes.data()) + element * width;
            if (width == 4) offset += 2; // the upper half says what is infinite
        }
        {
            std::fstream out(file, std::ios::in | std::ios::out | std::ios::binary);
            out.seekp(static_cast<std::streamoff>(offset));
            out.write("\xC0\x7F", 2);
        }
        const WeightReader reader(model);
        try {
            static_cast<void>(reader.read(name, shape, wanted16 ? at::kBFloat16 : at::kFloat));
            QFAIL("a NaN was read");
        } catch (const Error& error) {
            QVERIFY2(error.message().find(name) != std::string::npos && error.message().find("[3, 5]") != std::string::npos,
                     error.message().c_str());
        }
    }
};

QTEST_APPLESS_MAIN(TestNf4Cache)
#include "tst_nf4_cache.moc"
