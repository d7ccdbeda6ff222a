// links: engine engine_core test_support libtorch nlohmann_json::nlohmann_json
// SPDX-License-Identifier: GPL-3.0-or-later
// A model with an adapter merged into it gives the logits that base and adapter gave together.
#include "engine/exports/merged_folder.h"
#include "engine/jobs.h"
#include "engine/kernels/nf4.h"
#include "engine/text/tokenizer.h"
#include "engine/train/adapter_io.h"
#include "engine/weights/model_files.h"
#include "tests/support/file_bytes.h"
#include "tests/support/parity_golden.h"
#include "tests/support/tiny_gguf.h"

#include <QTest>
#include <list>
#include <set>

using namespace engine;
using namespace testing_support;
namespace fs = std::filesystem;

namespace {

at::Tensor logitsOf(const Decoder& decoder) {
    Pack pack;
    pack.add(std::vector<std::int32_t>{5, 90, 17, 200, 31, 31, 4, 120});
    return decoder.logits(pack, allRows(pack)).contiguous();
}

/// The file's q, k and v as transformers 4.36 had them: head by head in one tensor.
void joinQueryKeyValue(const fs::path& folder, std::int64_t heads) {
    std::vector<TensorView> views;
    std::list<std::vector<float>> held;
    {
        const ModelFiles files(folder);
        for (const TensorView& tensor : files.tensors()) {
            std::string name = tensor.name;
            const auto at = name.find("self_attn.q_proj");
            if (name.find("self_attn.k_proj") != std::string::npos || name.find("self_attn.v_proj") != std::string::npos)
                continue;
            std::vector<float>& values = held.emplace_back(static_cast<std::size_t>(tensor.count()));
            std::vector<std::int64_t> shape = tensor.shape;
            toFloat(tensor, values.data());
            if (at != std::string::npos) {
                std::vector<std::vector<float>> parts;
                for (const char* part : {"q_proj", "k_proj", "v_proj"}) {
                    const TensorView& view = files.tensor(std::string(name).replace(at + 10, 6, part));
                    toFloat(view, parts.emplace_back(values.size()).data());
                }
                const std::size_t head = parts[0].size() / static_cast<std::size_t>(heads);
                values.clear();
                for (std::int64_t h = 0; h < heads; ++h)
                    for (const auto& part : parts)
                        values.insert(values.end(), part.begin() + h * static_cast<std::int64_t>(head),
                                      part.begin() + (h + 1) * static_cast<std::int64_t>(head));
                shape[0] *= 3;
                name.replace(at + 10, 6, "query_key_value");
            }
            views.push_back({name, DType::F32, shape, std::as_bytes(std::span(values))});
        }
    }
    fs::remove(folder / "model.safetensors");
    writeSafetensors(folder / "model.safetensors", views, {{"format", "pt"}});
}

} // namespace

class TestMerge : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void init() { m_dir = std::make_unique<QTemporaryDir>(); }
    void logits_data();
    void logits();
    void shards();
    void keepsWhatItDoesNotKnow();
    void preQuantised();
    void leavesNothingBehind();
    void refusesWhatIsThere();
    void valuesBeyondTheType();

private:
    /// Base, adapter and merged model are left there for merge_in_peft.py with $PHIBENCH_PARITY_EXPORT.
    fs::path root() const {
        const char* kept = std::getenv("PHIBENCH_PARITY_EXPORT");
        const fs::path base = kept && QTest::currentDataTag() ? fs::path(kept) / "merge" / QTest::currentDataTag()
                                                              : fs::path(m_dir->path().toStdString());
        fs::create_directories(base);
        return base;
    }
    static std::shared_ptr<Lora> makeAdapter(Decoder& decoder, const fs::path& folder, const LoraSpec& spec) {
        const auto lora = std::make_shared<Lora>(decoder.config(), spec, 1);
        decoder.setAdapter(lora, true);
        goldenFill(*lora);
        saveAdapter(*lora, folder, "base");
        return lora;
    }
    std::unique_ptr<QTemporaryDir> m_dir;
};

void TestMerge::logits_data() {
    QTest::addColumn<QString>("model");
    QTest::addColumn<QString>("bias");
    QTest::addColumn<QString>("precision");
    QTest::addColumn<double>("most");
    const QString phi = QStringLiteral("family=phi hidden=48 intermediate=64 heads=3 partialRotary=0.4"),
                  llama = QStringLiteral("family=llama hidden=64 intermediate=96 heads=4 kvHeads=2");
    // Rows of whole blocks: bitsandbytes 0.50 de-quantises others wrongly on the CPU.
    const QString phi64 = QStringLiteral("family=phi hidden=64 intermediate=128 heads=2 partialRotary=0.5"),
                  llama64 = QStringLiteral("family=llama hidden=64 intermediate=128 heads=4 kvHeads=2");
    const auto row = [](const char* name, const QString& model, const char* bias, const char* precision, double most) {
        QTest::newRow(name) << model << QString::fromLatin1(bias) << QString::fromLatin1(precision) << most;
    };
    row("phi", phi, "none", "fp32", 1e-5);
    row("phi-biases", phi, "all", "fp32", 1e-5);
    row("phi-own-biases", phi + QStringLiteral(" dialect=transformers4"), "lora_only", "fp32", 1e-5);
    row("phi-mixer", phi + QStringLiteral(" names=mixer dialect=phi-msft"), "all", "fp32", 1e-5);
    row("phi-query_key_value", phi, "all", "fp32", 1e-5);
    row("phi-shards", phi + QStringLiteral(" shards=3"), "all", "fp32", 1e-5);
    row("llama", llama + QStringLiteral(" tied=yes"), "none", "fp32", 1e-5);
    row("llama-untied", llama + QStringLiteral(" tied=no dialect=transformers4"), "none", "fp32", 1e-5);
    row("llama-bf16", llama + QStringLiteral(" type=bf16"), "none", "fp32", 5e-2);
    row("phi-bf16", phi + QStringLiteral(" type=bf16"), "all", "fp32", 5e-2);
    row("phi-nf4", phi64, "all", "nf4", 1e-5);
    row("phi-nf4-double", phi64, "none", "nf4 double", 1e-5);
    row("phi-mixer-nf4", phi64 + QStringLiteral(" names=mixer"), "lora_only", "nf4", 1e-5);
    row("phi-nf4-odd-mixer", phi + QStringLiteral(" names=mixer"), "none", "nf4", 1e-5);
    row("llama-nf4", llama64, "none", "nf4", 1e-5);
    row("llama-gguf", llama, "none", "fp32", 1e-5);
    row("llama-untied-gguf", llama + QStringLiteral(" tied=no"), "none", "fp32", 1e-5);
    row("phi-gguf", phi, "all", "fp32", 1e-5);
    row("phi-gguf-fused", phi + QStringLiteral(" names=mixer"), "lora_only", "fp32", 1e-5);
    row("llama-gguf-nf4", llama, "none", "nf4", 1e-5);
    const std::pair<const char*, const char*> families[]{
        {"llama3", "family=llama scaling=llama3 scalingFactor=8 original=8192 headDim=32"},
        {"mistral", "family=mistral window=4 tied=no"},
        {"qwen2", "family=qwen2"},
        {"qwen3", "family=qwen3 headDim=32"},
        {"gemma3", "family=gemma3_text headDim=32 layers=3 window=4 globalEvery=6 localTheta=10000"},
        {"smollm3", "family=smollm3 layers=4"},
        {"phi3", "family=phi3 partialRotary=0.75 tied=no scaling=longrope original=32 maxPositions=128"}};
    for (const auto& [name, options] : families) {
        const QString model = QString::fromLatin1(options) + QStringLiteral(" hidden=64 intermediate=128 heads=4 kvHeads=2");
        row(name, model, "none", "fp32", 1e-5);
        row((std::string(name) + "-nf4").c_str(), model, "none", "nf4", 1e-5);
        if (std::string_view(name) == "mistral") continue; // a GGUF has no window
        row((std::string(name) + "-gguf").c_str(), model, "none", "fp32", 1e-5);
    }
}

void TestMerge::logits() {
    QFETCH(QString, model);
    QFETCH(QString, bias);
    QFETCH(QString, precision);
    QFETCH(double, most);
    const QString tag = QString::fromLatin1(QTest::currentDataTag());
    const bool gguf = tag.contains(QLatin1String("gguf"));
    const TinyModelOptions options = tinyModelOptions(model.toStdString());
    const fs::path base = root() / (gguf ? "base.gguf" : "base");
    if (gguf)
        writeTinyGguf(base, options);
    else
        writeTinyModel(base, options);
    if (tag.contains(QLatin1String("query_key_value"))) joinQueryKeyValue(base, options.heads);

    const ModelSpec spec{base.string(), precision.startsWith(QLatin1String("nf4")) ? "nf4" : "fp32",
                         precision.contains(QLatin1String("double")), "fp32"};
    Decoder decoder = Decoder::load(base, parsePrecision(spec.precision, spec.compute, spec.double_quant));
    const at::Tensor before = logitsOf(decoder);
    LoraSpec lora;
    lora.r = 3;
    lora.alpha = 9;
    lora.bias = *valueOf<TrainedBiases>(bias.toStdString());
    lora.rslora = tag.contains(QLatin1String("bias"));
    if (tag == QLatin1String("phi-own-biases")) lora.targets = {"q_proj", "fc2"};
    const auto adapter = makeAdapter(decoder, root() / "adapter", lora);
    const at::Tensor expected = logitsOf(decoder);
    QVERIFY(worstError(before, expected) > 0.1);

    std::vector<Stage> stages;
    const Merged merged = mergeIntoFolder({{spec, root() / "adapter"}, root() / "merged"},
                                          [&](const Event& event) {
                                              if (const auto* progress = std::get_if<ProgressEvent>(&event))
                                                  stages.push_back(progress->stage);
                                          },
                                          {});
    QCOMPARE(merged.folder, root() / "merged");
    QCOMPARE(merged.type, std::string(options.type == DType::BF16 ? "bfloat16" : "float32"));
    QCOMPARE(merged.remark.find("de-quantised NF4") != std::string::npos, spec.precision == "nf4");
    QVERIFY(stages.size() > 5 && stages.back() == Stage::Merge);
    const ModelFiles files(merged.folder);
    std::int64_t parameters = 0;
    for (const TensorView& tensor : files.tensors()) {
        parameters += tensor.count();
        QVERIFY(tensor.type == options.type);
        QVERIFY(reinterpret_cast<std::uintptr_t>(tensor.bytes.data()) % byteSize(tensor.type, 1) == 0);
    }
    QCOMPARE(parameters, merged.parameters);
    QCOMPARE(parameters, parameterCount(decoder.config()));
    if (!gguf) { // as the base names them
        const ModelFiles was(base);
        QCOMPARE(files.tensors().size(), was.tensors().size());
        for (const TensorView& tensor : was.tensors()) QVERIFY2(files.find(tensor.name), tensor.name.c_str());
    }

    const Decoder found = Decoder::load(merged.folder, Precision::Fp32);
    QCOMPARE(found.config().rotary[0].dims, decoder.config().rotary[0].dims);
    QCOMPARE(found.config().rotary[0].theta, decoder.config().rotary[0].theta);
    const at::Tensor after = logitsOf(found);
    const double error = worstError(after, expected);
    qInfo("max abs error of logits %.2g, at most %.2g", error, most);
    QVERIFY(error <= most);
    const std::span values(expected.const_data_ptr<float>(), static_cast<std::size_t>(expected.numel()));
    writeSafetensors(root() / "logits.safetensors", {{"logits", DType::F32, expected.sizes().vec(), std::as_bytes(values)}}, {});

    const Tokenizer tokenizer = Tokenizer::fromFolder(merged.folder);
    QCOMPARE(tokenizer.eos(), tinyEos());
    QCOMPARE(tokenizer.decode(tokenizer.encode("the price of 1234 rose")), std::string("the price of 1234 rose"));
    if (gguf) QCOMPARE(tokenizer.encode("1234").size(), std::size_t(4));
}

void TestMerge::shards() {
    const fs::path base =
        writeTinyModel(root() / "base", tinyModelOptions("family=phi hidden=48 intermediate=64 heads=3 partialRotary=0.4"));
    Decoder decoder = Decoder::load(base, Precision::Fp32);
    makeAdapter(decoder, root() / "adapter", {});
    const MergeJob job{{{base.string(), "fp32"}, root() / "adapter"}, root() / "merged", 60'000};
    const Merged merged = mergeIntoFolder(job, {}, {});
    const ModelFiles files(merged.folder);
    QCOMPARE(static_cast<std::int64_t>(files.files().size()), merged.files);
    QVERIFY(merged.files >= 4);
    QVERIFY(fs::exists(merged.folder / "model.safetensors.index.json") && !fs::exists(merged.folder / "model.safetensors"));
    std::int64_t bytes = 0;
    for (const TensorView& tensor : files.tensors()) bytes += static_cast<std::int64_t>(tensor.bytes.size());
    QCOMPARE(bytes, merged.bytes);
    for (const fs::path& file : files.files()) QVERIFY(fs::file_size(file) < 70'000);
    std::ifstream in(merged.folder / "model.safetensors.index.json");
    QCOMPARE(Json::parse(in)["metadata"]["total_size"].get<std::int64_t>(), bytes);
    QVERIFY(worstError(logitsOf(Decoder::load(merged.folder, Precision::Fp32)), logitsOf(decoder)) <= 1e-5);
}

void TestMerge::keepsWhatItDoesNotKnow() {
    const fs::path base = writeTinyModel(root() / "base", {});
    const std::vector<std::int64_t> table{7, -3};
    {
        const ModelFiles files(base);
        std::vector<TensorView> views = files.tensors();
        views.push_back({"model.layers.0.self_attn.rotary_emb.table", DType::I64, {2}, std::as_bytes(std::span(table))});
        writeSafetensors(root() / "with.safetensors", views, {});
    }
    fs::rename(root() / "with.safetensors", base / "model.safetensors");
    put(base / "generation_config.json", "{\"eos_token_id\": 3}");
    put(base / "chat_template.jinja", "{{ messages }}");
    put(base / "optimizer.bin", "not ours");
    Decoder decoder = Decoder::load(base, Precision::Fp32);
    makeAdapter(decoder, root() / "adapter", {});
    const Merged merged = mergeIntoFolder({{{base.string(), "fp32"}, root() / "adapter"}, root() / "merged"}, {}, {});
    const ModelFiles files(merged.folder);
    const TensorView* kept = files.find("model.layers.0.self_attn.rotary_emb.table");
    QVERIFY(kept && kept->type == DType::I64 && std::memcmp(kept->bytes.data(), table.data(), 16) == 0);
    QCOMPARE(bytesOf(merged.folder / "generation_config.json"), std::string("{\"eos_token_id\": 3}"));
    QCOMPARE(bytesOf(merged.folder / "chat_template.jinja"), std::string("{{ messages }}"));
    QVERIFY(!fs::exists(merged.folder / "optimizer.bin"));
}

// The weights as bitsandbytes saves them: merged in the type that they were quantised from.
void TestMerge::preQuantised() {
    const TinyModelOptions options = tinyModelOptions("family=llama hidden=64 intermediate=128 heads=4 kvHeads=2");
    const fs::path base = writeTinyModel(root() / "base", options);
    std::list<std::vector<std::byte>> held;
    std::vector<TensorView> views;
    const auto keep = [&](const auto& values) {
        const auto bytes = std::as_bytes(std::span(values));
        return std::span<const std::byte>(held.emplace_back(bytes.begin(), bytes.end()));
    };
    for (const TinyTensor& tensor : tinyTensors(options)) {
        if (tensor.name.find("_proj.") == std::string::npos) {
            views.push_back({tensor.name, DType::F32, tensor.shape, keep(tensor.values)});
            continue;
        }
        std::vector<std::uint8_t> codes(tensor.values.size() / 2);
        std::vector<float> absmax(tensor.values.size() / 64);
        quantizeNf4(tensor.values.data(), tensor.values.size(), codes.data(), absmax.data());
        const std::string state =
            Json{{"quant_type", "nf4"}, {"blocksize", 64}, {"dtype", "float32"}, {"shape", tensor.shape}}.dump();
        views.push_back({tensor.name, DType::U8, {static_cast<std::int64_t>(codes.size()), 1}, keep(codes)});
        views.push_back({tensor.name + ".absmax", DType::F32, {static_cast<std::int64_t>(absmax.size())}, keep(absmax)});
        views.push_back({tensor.name + ".quant_map", DType::F32, {16}, keep(nf4Values())});
        views.push_back(
            {tensor.name + ".quant_state.bitsandbytes__nf4", DType::U8, {static_cast<std::int64_t>(state.size())}, keep(state)});
    }
    fs::remove(base / "model.safetensors");
    writeSafetensors(base / "model.safetensors", views, {{"format", "pt"}});
    std::ifstream in(base / "config.json");
    Json config = Json::parse(in);
    config["quantization_config"] = {{"quant_method", "bitsandbytes"}, {"load_in_4bit", true}};
    put(base / "config.json", config.dump());

    Decoder decoder = Decoder::load(base, parsePrecision("nf4", "fp32"));
    makeAdapter(decoder, root() / "adapter", {});
    const Merged merged =
        mergeIntoFolder({{{base.string(), "nf4", false, "fp32"}, root() / "adapter"}, root() / "merged"}, {}, {});
    QCOMPARE(merged.type, std::string("float32"));
    std::ifstream out(merged.folder / "config.json");
    QVERIFY(!Json::parse(out).contains("quantization_config"));
    QCOMPARE(ModelFiles(merged.folder).tensors().size(), tinyTensors(options).size());
    QVERIFY(worstError(logitsOf(Decoder::load(merged.folder, Precision::Fp32)), logitsOf(decoder)) <= 1e-5);
}

void TestMerge::leavesNothingBehind() {
    const fs::path base = writeTinyModel(root() / "base", {});
    Decoder decoder = Decoder::load(base, Precision::Fp32);
    makeAdapter(decoder, root() / "adapter", {});
    const auto names = [&] {
        std::set<std::string> all;
        for (const auto& entry : fs::directory_iterator(root())) all.insert(entry.path().filename().string());
        return all;
    };
    const auto before = names();
    std::stop_source stop;
    int seen = 0;
    const auto sink = [&](const Event&) {
        if (++seen == 5) stop.request_stop();
    };
    QVERIFY_EXCEPTION_THROWN(
        mergeIntoFolder({{{base.string(), "fp32"}, root() / "adapter"}, root() / "merged"}, sink, stop.get_token()),
        StopRequested);
    QCOMPARE(seen, 5);
    QCOMPARE(names(), before);
    // An adapter for another model.
    const fs::path other = writeTinyModel(root() / "other", tinyModelOptions("hidden=32 intermediate=48"));
    const auto after = names();
    QVERIFY_EXCEPTION_THROWN(mergeIntoFolder({{{other.string(), "fp32"}, root() / "adapter"}, root() / "merged"}, {}, {}), Error);
    QCOMPARE(names(), after);
}

void TestMerge::refusesWhatIsThere() {
    const fs::path base = writeTinyModel(root() / "base", {});
    Decoder decoder = Decoder::load(base, Precision::Fp32);
    makeAdapter(decoder, root() / "adapter", {});
    fs::create_directories(root() / "full");
    put(root() / "full" / "precious", "mine");
    put(root() / "file", "mine");
    for (const fs::path& taken : {root() / "full", root() / "file", base})
        QVERIFY_EXCEPTION_THROWN(mergeIntoFolder({{{base.string(), "fp32"}, root() / "adapter"}, taken}, {}, {}), Error);
    QCOMPARE(bytesOf(root() / "full" / "precious"), std::string("mine"));
    fs::create_directories(root() / "empty");
    QVERIFY(fs::exists(mergeIntoFolder({{{base.string(), "fp32"}, root() / "adapter"}, root() / "empty"}, {}, {}).folder /
                       "config.json"));
}

void TestMerge::valuesBeyondTheType() {
    const fs::path base = writeTinyModel(root() / "base", {});
    {
        const ModelFiles files(base);
        std::list<std::vector<c10::Half>> held;
        std::vector<TensorView> views;
        for (const TensorView& tensor : files.tensors()) {
            std::vector<float> values(static_cast<std::size_t>(tensor.count()));
            toFloat(tensor, values.data());
            if (tensor.name.ends_with("q_proj.weight")) std::fill(values.begin(), values.end(), 65504.0f); // the largest there is
            held.emplace_back(values.begin(), values.end());
            views.push_back({tensor.name, DType::F16, tensor.shape, std::as_bytes(std::span(held.back()))});
        }
        writeSafetensors(root() / "half.safetensors", views, {});
    }
    fs::rename(root() / "half.safetensors", base / "model.safetensors");
    Decoder decoder = Decoder::load(base, Precision::Fp32);
    LoraSpec spec;
    spec.r = 2;
    spec.alpha = 131072;
    makeAdapter(decoder, root() / "adapter", spec);
    try {
        mergeIntoFolder({{{base.string(), "fp32"}, root() / "adapter"}, root() / "merged"}, {}, {});
        QFAIL("An overflow was written.");
    } catch (const Error& error) {
        QVERIFY2(std::string(error.what()).find(".weight are beyond what F16 can hold") != std::string::npos, error.what());
    }
    QVERIFY(!fs::exists(root() / "merged"));
}

QTEST_APPLESS_MAIN(TestMerge)
#include "tst_merge.moc"
