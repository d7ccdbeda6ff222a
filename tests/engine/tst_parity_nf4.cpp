// links: engine engine_core test_support libtorch nlohmann_json::nlohmann_json
// SPDX-License-Identifier: GPL-3.0-or-later
// NF4 matrices against bitsandbytes (tests/parity/make_nf4.py): what is stored, and products with it. With $PHIBENCH_PHI2 naming
// the folder of a full-size Phi-2 and golden files made with it, layers of that too.
#include "engine/model/host/nf4.h"
#include "tests/support/parity_golden.h"

#include <QTest>
#include <cstring>
#include <set>

using namespace engine;
using namespace testing_support;

class TestParityNf4 : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void storage_data() { cases(); }
    void storage();
    void products_data() { cases(); }
    void products();

private:
    void cases() {
        QTest::addColumn<QString>("name");
        std::set<std::string> names;
        for (const TensorView& tensor : m_golden.tensors())
            if (tensor.name.ends_with(".codes")) names.insert(tensor.name.substr(0, tensor.name.size() - 6));
        for (const std::string& name : names) QTest::newRow(name.c_str()) << QString::fromStdString(name);
    }
    at::Tensor peers(const QString& name, const char* what) const { return goldenTensor(m_golden, name.toStdString() + what); }
    std::span<const std::uint8_t> bytes(const QString& name, const char* what) const {
        const TensorView& view = *m_golden.find(name.toStdString() + what);
        return {reinterpret_cast<const std::uint8_t*>(view.bytes.data()), view.bytes.size()};
    }
    /// In float32, from the golden file or from the model on disk.
    at::Tensor weight(const QString& name) const {
        const std::string tensor = name.toStdString() + ".weight";
        if (m_golden.find(tensor)) return goldenTensor(m_golden, tensor);
        const char* folder = std::getenv("PHIBENCH_PHI2");
        if (!folder) throw std::runtime_error("PHIBENCH_PHI2 does not name the model of " + tensor);
        std::ifstream index(std::filesystem::path(folder) / "model.safetensors.index.json");
        const std::string shard = Json::parse(index).at("weight_map").at(tensor);
        return goldenTensor(SafetensorsFile(std::filesystem::path(folder) / shard), tensor).to(at::kBFloat16).to(at::kFloat);
    }

    const SafetensorsFile m_golden{goldenFile("nf4_products.safetensors")};
};

void TestParityNf4::storage() {
    QFETCH(QString, name);
    const at::Tensor values = weight(name);
    const auto count = static_cast<std::size_t>(values.numel());
    std::vector<std::uint8_t> codes(nf4Bytes(count));
    std::vector<float> absmax(nf4Blocks(count));
    quantizeNf4(values.const_data_ptr<float>(), count, codes.data(), absmax.data());
    QVERIFY(std::ranges::equal(codes, bytes(name, ".codes")));
    const at::Tensor scales = peers(name, ".absmax");
    QVERIFY(std::memcmp(absmax.data(), scales.const_data_ptr<float>(), 4 * absmax.size()) == 0);
    std::vector<std::uint16_t> read(count);
    dequantizeNf4({codes.data(), absmax.data()}, 0, count, read.data());
    QVERIFY(std::memcmp(read.data(), bytes(name, ".read").data(), 2 * count) == 0);

    // Double quantisation. The mean that is taken off is torch's, whose last bit depends on its threads.
    const float offset = peers(name, ".offset").item<float>();
    const Nf4Scales twice = quantizeScales(absmax, offset);
    QVERIFY(std::ranges::equal(twice.codes, bytes(name, ".scales")));
    const at::Tensor outer = peers(name, ".scale_absmax");
    QCOMPARE(twice.absmax, std::vector<float>(outer.const_data_ptr<float>(), outer.const_data_ptr<float>() + outer.numel()));
    QVERIFY(std::abs(quantizeScales(absmax).offset - offset) <= 1e-6f * offset);
    qInfo("%zu codes and %zu scales identical, plain and double, and what they are read as", count, absmax.size());
}

void TestParityNf4::products() {
    QFETCH(QString, name);
    const at::Tensor x = peers(name, ".x").to(at::kBFloat16), y = peers(name, ".y").to(at::kDouble);
    const auto shared = std::make_shared<std::vector<float>>();
    const at::Tensor scales = peers(name, ".absmax");
    shared->assign(scales.const_data_ptr<float>(), scales.const_data_ptr<float>() + scales.numel());
    Nf4Matrix matrix;
    matrix.out = y.size(1);
    matrix.in = x.size(1);
    matrix.codes = bytes(name, ".codes");
    matrix.absmax = *shared;
    matrix.owner = shared;
    std::vector<Nf4Matrix> parts;
    parts.push_back(std::move(matrix));
    const host::Nf4 weight(std::move(parts), at::kBFloat16);
    double worst = 0;
    for (const std::int64_t rows : {std::int64_t{1}, std::int64_t{4}, x.size(0)}) { // one row, few and many take different ways
        const at::Tensor expected = y.narrow(0, 0, rows), found = weight.times(x.narrow(0, 0, rows), {}).to(at::kDouble);
        worst = std::max(worst, (at::norm(found - expected) / at::norm(expected)).item<double>());
    }
    qInfo("relative error of products in bf16 %.2g, at most 1e-2 (bitsandbytes' own %.2g)", worst,
          peers(name, ".peers_error").item<double>());
    QVERIFY(worst <= 1e-2);
}

QTEST_APPLESS_MAIN(TestParityNf4)
#include "tst_parity_nf4.moc"
