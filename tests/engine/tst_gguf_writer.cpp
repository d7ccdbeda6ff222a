// links: engine_core test_support nlohmann_json::nlohmann_json
// SPDX-License-Identifier: GPL-3.0-or-later
// GGUF files that are written: what was put in is read back, tensors and tokenizers alike.
#include "engine/text/gguf_tokenizer.h"
#include "engine/text/tokenizer.h"
#include "engine/weights/gguf_writer.h"
#include "engine/weights/quantize.h"
#include "tests/support/file_bytes.h"
#include "tests/support/tiny_model.h"
#include "tests/support/tokenizer_golden.h"

#include <QTemporaryDir>
#include <QTest>
#include <limits>
#include <set>

using namespace engine;
using namespace testing_support;
namespace fs = std::filesystem;
using Json = nlohmann::json;

namespace {

std::string problemOf(const auto& call) {
    try {
        call();
    } catch (const engine::Error& error) { return error.what(); }
    return {};
}

} // namespace

class TestGgufWriter : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void init() { m_dir = std::make_unique<QTemporaryDir>(); }
    void readsBack();
    void refuses();
    void leavesNothing();
    void tokenizers_data();
    void tokenizers();
    void tokensOfAFolder();
    void tokensOfAFile();

private:
    fs::path root() const { return m_dir->path().toStdString(); }
    /// A file of this tokenizer and one tensor.
    fs::path written(const GgufTokenizer& tokenizer) const {
        const std::vector<float> values(32, 1);
        GgufWriter writer(root() / "tokens.gguf", tokenizer.metadata, {{"x", DType::F32, {32}, {}}});
        writer.write(std::as_bytes(std::span(values)));
        writer.commit();
        return root() / "tokens.gguf";
    }
    std::unique_ptr<QTemporaryDir> m_dir;
};

void TestGgufWriter::readsBack() {
    const GgufMetadata metadata{{"general.architecture", std::string("llama")},
                                {"llama.block_count", std::int64_t{4'000'000'000}},
                                {"llama.rope.freq_base", 1e6},
                                {"flag", true},
                                {"texts", std::vector<std::string>{"a", "", "größer"}},
                                {"numbers", std::vector<std::int64_t>{-1, 7}},
                                {"reals", std::vector<double>{0.5, -2.25}}};
    std::vector<TensorView> tensors{{"norm", DType::F32, {7}, {}},
                                    {"head.weight", DType::Q8_0, {3, 64}, {}},
                                    {"q4", DType::Q4_1, {2, 32}, {}},
                                    {"half", DType::F16, {5, 3}, {}},
                                    {"bf", DType::BF16, {2, 2, 3}, {}}};
    std::vector<std::vector<std::byte>> bytes;
    GgufWriter writer(root() / "x.gguf", metadata, tensors);
    for (const TensorView& tensor : tensors) {
        std::vector<float> values(static_cast<std::size_t>(tensor.count()));
        for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 11) - 4;
        QVERIFY(fromFloat(tensor.type, values.data(), values.size(),
                          bytes.emplace_back(byteSize(tensor.type, values.size())).data()));
        writer.write(bytes.back());
    }
    QVERIFY(!fs::exists(root() / "x.gguf"));
    writer.commit();
    QCOMPARE(fs::file_size(root() / "x.gguf"), writer.byteCount());
    const GgufFile file(root() / "x.gguf");
    QCOMPARE(file.metadata().size(), metadata.size());
    for (std::size_t i = 0; i < metadata.size(); ++i) {
        QCOMPARE(file.metadata()[i].first, metadata[i].first);
        QVERIFY2(file.metadata()[i].second == metadata[i].second, metadata[i].first.c_str());
    }
    QCOMPARE(file.tensors().size(), tensors.size());
    for (std::size_t i = 0; i < tensors.size(); ++i) {
        const TensorView& found = file.tensors()[i];
        QCOMPARE(found.name, tensors[i].name);
        QCOMPARE(found.shape, tensors[i].shape);
        QVERIFY(found.type == tensors[i].type &&
                std::equal(found.bytes.begin(), found.bytes.end(), bytes[i].begin(), bytes[i].end()));
        QCOMPARE(reinterpret_cast<std::uintptr_t>(found.bytes.data()) % 32, std::uintptr_t{0});
    }
}

void TestGgufWriter::refuses() {
    const auto with = [&](const GgufMetadata& metadata, const std::vector<TensorView>& tensors) {
        return problemOf([&] { GgufWriter(root() / "x.gguf", metadata, tensors); });
    };
    const auto says = [](const std::string& problem, const char* what) {
        return problem.find(what) != std::string::npos && problem.find("x.gguf") != std::string::npos;
    };
    QVERIFY(says(with({{"k", std::int64_t{-1}}}, {}), "k is -1"));
    QVERIFY(says(with({{"k", std::vector<std::int64_t>{1ll << 40}}}, {}), "k is 1099511627776"));
    QVERIFY(says(with({}, {{std::string(64, 'n'), DType::F32, {1}, {}}}), "longer than 63 bytes"));
    QVERIFY(says(with({}, {{"q", DType::Q8_0, {2, 33}, {}}}), "multiples of 32"));
    QVERIFY(says(with({}, {{"scalar", DType::F32, {}, {}}}), "one to four dimensions"));
    QVERIFY(says(with({}, {{"a", DType::F32, {1}, {}}, {"a", DType::F32, {1}, {}}}), "given twice"));
    QVERIFY(fs::is_empty(root()));
}

void TestGgufWriter::leavesNothing() {
    const std::vector<float> values(4, 1);
    {
        GgufWriter writer(root() / "x.gguf", {}, {{"a", DType::F32, {4}, {}}, {"b", DType::F32, {4}, {}}});
        writer.write(std::as_bytes(std::span(values)));
        QVERIFY(!problemOf([&] { writer.write(std::as_bytes(std::span(values).first(3))); }).empty());
        QVERIFY(!problemOf([&] { writer.commit(); }).empty());
    }
    QVERIFY(fs::is_empty(root()));
}

void TestGgufWriter::tokenizers_data() {
    QTest::addColumn<QByteArray>("name");
    for (const Json& one : tokenizerGolden()["cases"]) {
        const std::string name = one["name"];
        QTest::newRow(name.c_str()) << QByteArray::fromStdString(name);
    }
}

// Either a tokenizer cannot be said in a GGUF file, or the file gives its tokens for every text.
void TestGgufWriter::tokenizers() {
    QFETCH(QByteArray, name);
    static const std::set<std::string> kWritten{"GPT-2",
                                                "digits one by one",
                                                "Llama 3",
                                                "Qwen 2",
                                                "runs of blanks as in Phi",
                                                "special tokens that overlap",
                                                "stripping and single words",
                                                "bytes without tokens",
                                                "merges as strings",
                                                "Llama 2",
                                                "Llama 2, all ways to merge",
                                                "Gemma",
                                                "an expression of our own",
                                                "metaspace always split",
                                                "metaspace always",
                                                "metaspace first split",
                                                "metaspace first",
                                                "metaspace never split",
                                                "metaspace never"};
    const auto& cases = tokenizerGolden()["cases"];
    const Json one = *std::find_if(cases.begin(), cases.end(), [&](const Json& c) { return c["name"] == name.toStdString(); });
    Json json = tokenizerGolden()["models"][one["base"].get<std::string>()];
    json.merge_patch(one["patch"]);
    put(root() / "tokenizer.json", json.dump());
    const Tokenizer tokenizer = Tokenizer::fromFolder(root());
    GgufTokenizer out;
    const std::string problem = problemOf([&] { out = ggufTokenizer(root(), tokenizer.size() + 3, -1, -1); });
    QVERIFY2(problem.empty() == kWritten.contains(name.toStdString()), problem.c_str());
    if (!problem.empty()) {
        QVERIFY2(problem.find("GGUF") != std::string::npos, problem.c_str());
        return;
    }
    const Tokenizer found = Tokenizer::fromGguf(GgufFile(written(out)));
    QCOMPARE(found.size(), tokenizer.size() + 3);
    if (name.startsWith("stripping")) {
        QVERIFY(!out.remarks.empty());
        return;
    }
    const bool prependsOnce = name.startsWith("metaspace") && !name.contains("never");
    const auto saysSo = [](const std::string& remark) { return remark.find("beginning of a text") != std::string::npos; };
    QCOMPARE(std::any_of(out.remarks.begin(), out.remarks.end(), saysSo), prependsOnce);
    for (const Json& text : tokenizerGolden()["texts"]) {
        const std::string said = text;
        if (prependsOnce && (said.starts_with(' ') || said.starts_with("▁") || said.find("<|") != std::string::npos)) continue;
        if (name == "Gemma" && said.find("▁▁") != std::string::npos) continue; // no text of people's holds what stands for blanks
        const auto ids = tokenizer.encode(text.get<std::string>()), again = found.encode(text.get<std::string>());
        QVERIFY2(ids == again, (text.dump() + " gives " + Json(again).dump() + ", not " + Json(ids).dump()).c_str());
    }
}

void TestGgufWriter::tokensOfAFolder() {
    writeTinyTokenizer(root());
    put(root() / "chat_template.jinja", "{{ messages }}");
    const std::int64_t size = tinyVocabulary() + 5;
    const GgufFile file(written(ggufTokenizer(root(), size, -1, -1)));
    QCOMPARE(file.text("tokenizer.ggml.model"), std::string("gpt2"));
    QCOMPARE(file.text("tokenizer.chat_template"), std::string("{{ messages }}"));
    QCOMPARE(file.integer("tokenizer.ggml.eos_token_id"), std::int64_t{tinyEos()});
    const auto& tokens = std::get<std::vector<std::string>>(*file.value("tokenizer.ggml.tokens"));
    const auto& types = std::get<std::vector<std::int64_t>>(*file.value("tokenizer.ggml.token_type"));
    QCOMPARE(static_cast<std::int64_t>(tokens.size()), size);
    QCOMPARE(tokens.back(), "[PAD" + std::to_string(size - 1) + "]");
    QCOMPARE(types.back(), std::int64_t{5});
    QCOMPARE(types[static_cast<std::size_t>(tinyEos())], std::int64_t{3});
    QCOMPARE(types[10], std::int64_t{1});
}

void TestGgufWriter::tokensOfAFile() {
    writeTinyTokenizer(root());
    const fs::path first = written(ggufTokenizer(root(), tinyVocabulary(), -1, -1));
    const std::string bytes = bytesOf(first);
    const GgufTokenizer again = ggufTokenizer(GgufFile(first));
    QCOMPARE(bytesOf(written(again)), bytes);
}

QTEST_APPLESS_MAIN(TestGgufWriter)
#include "tst_gguf_writer.moc"
