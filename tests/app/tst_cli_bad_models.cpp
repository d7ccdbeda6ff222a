// links: engine_core test_support nlohmann_json::nlohmann_json
// SPDX-License-Identifier: GPL-3.0-or-later
// Models and adapters that must not be used: each is refused with the file, the tensor or key, and what was expected against what
// is there.
#include "cli_process.h"
#include "engine/weights/model_files.h"
#include "tests/support/file_bytes.h"
#include "tests/support/gguf_bytes.h"
#include "tests/support/tiny_gguf.h"
#include "tests/support/tiny_model_text.h"

#include <QTemporaryDir>
#include <QtTest>
#include <functional>
#include <limits>
#include <list>
#include <nlohmann/json.hpp>

using namespace testing_support;
using engine::DType;
using engine::TensorView;
namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

namespace {

Json readJson(const fs::path& file) {
    return Json::parse(bytesOf(file));
}

/// A file's tensors in memory, to be changed and written again.
struct Tensors {
    struct One {
        DType type;
        std::vector<std::int64_t> shape;
        std::string bytes;
    };
    std::map<std::string, One> all;

    static Tensors of(const fs::path& file) {
        Tensors tensors;
        const engine::SafetensorsFile read(file);
        for (const TensorView& view : read.tensors())
            tensors.all[view.name] = {view.type, view.shape,
                                      std::string(reinterpret_cast<const char*>(view.bytes.data()), view.bytes.size())};
        return tensors;
    }
    void write(const fs::path& file) const {
        std::vector<TensorView> views;
        for (const auto& [name, one] : all) views.push_back({name, one.type, one.shape, std::as_bytes(std::span(one.bytes))});
        fs::remove(file);
        engine::writeSafetensors(file, views, {{"format", "pt"}});
    }
    void set(const std::string& name, std::size_t element, float value) {
        One& one = all.at(name);
        std::uint32_t bits = 0;
        std::memcpy(&bits, &value, 4);
        if (one.type == DType::F32)
            std::memcpy(one.bytes.data() + 4 * element, &bits, 4);
        else
            std::memcpy(one.bytes.data() + 2 * element, reinterpret_cast<char*>(&bits) + 2, 2);
    }
    void shape(const std::string& name, std::vector<std::int64_t> shape) {
        One& one = all.at(name);
        std::int64_t count = 1;
        for (std::int64_t size : shape) count *= size;
        one.bytes.assign(static_cast<std::size_t>(count) * byteSize(one.type, 1), '\0');
        one.shape = std::move(shape);
    }
    void rename(const std::string& from, const std::string& to) {
        all[to] = all.at(from);
        all.erase(from);
    }
};

using Change = std::function<void(const fs::path&)>;

Change config(const std::function<void(Json&)>& change) {
    return [change](const fs::path& folder) {
        Json json = readJson(folder / "config.json");
        change(json);
        put(folder / "config.json", json.dump());
    };
}
Change weights(const std::function<void(Tensors&)>& change) {
    return [change](const fs::path& folder) {
        Tensors tensors = Tensors::of(folder / "model.safetensors");
        change(tensors);
        tensors.write(folder / "model.safetensors");
    };
}
constexpr const char* kLfsPointer =
    "version https://git-lfs.github.com/spec/v1\n"
    "oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 269060552\n";
constexpr float kNan = std::numeric_limits<float>::quiet_NaN(), kInfinity = std::numeric_limits<float>::infinity();

} // namespace

class TestCliBadModels : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void models_data();
    void models();
    void adapters_data();
    void adapters();
    void adaptersOfLlamaCpp();
    void anotherBaseIsTold();
    void harmlessSettings();

private:
    CliResult run(const QStringList& arguments) const { return runCli(m_home.path(), arguments); }
    fs::path root() const { return m_home.path().toStdString(); }
    QTemporaryDir m_home;
};

Q_DECLARE_METATYPE(Change)

void TestCliBadModels::models_data() {
    QTest::addColumn<QString>("model");
    QTest::addColumn<QString>("precision");
    QTest::addColumn<Change>("change");
    QTest::addColumn<QStringList>("says");
    const auto row = [](const char* name, const char* model, const char* precision, const Change& change,
                        const QStringList& says) {
        QTest::newRow(name) << QString::fromLatin1(model) << QString::fromLatin1(precision) << change << says;
    };
    const auto text = [](const char* pieces) { return QString::fromUtf8(pieces).split(QLatin1Char('|')); };
    const char *llama = "family=llama", *bf16 = "family=llama type=bf16",
               *phi = "family=phi hidden=64 heads=2 intermediate=128 partialRotary=0.5", *sharded = "family=llama shards=2";
    const std::string q = "model.layers.1.self_attn.q_proj.weight", shard = "model-00002-of-00002.safetensors",
                      index = "model.safetensors.index.json";

    row("rope scaling, transformers 4", llama, "fp32", config([](Json& j) {
            j["rope_scaling"] = {{"type", "dynamic"}, {"factor", 2.0}};
        }),
        text("config.json|rope_scaling.type|dynamic"));
    for (const char* kind : {"dynamic", "yarn", "longrope", "su", "proportional"})
        QTest::addRow("rope scaling, transformers 5, %s", kind)
            << QString::fromLatin1(llama) << QStringLiteral("fp32")
            << config([kind](Json& j) { j["rope_parameters"]["rope_type"] = kind; })
            << text("config.json|rope_parameters.rope_type") + QStringList{QString::fromLatin1(kind)};
    for (const char* kind : {"linear", "llama3"})
        QTest::addRow("rope scaling without its factor, %s", kind)
            << QString::fromLatin1(llama) << QStringLiteral("fp32")
            << config([kind](Json& j) { j["rope_parameters"]["rope_type"] = kind; })
            << text("config.json|rope_parameters.factor|missing");
    row("rope kind of a wrong type", llama, "fp32", config([](Json& j) { j["rope_parameters"]["rope_type"] = 3; }),
        text("config.json|rope_parameters.rope_type|3"));
    row("rope scaling without a kind", llama, "fp32", config([](Json& j) {
            j["rope_scaling"] = {{"factor", 4}};
        }),
        text("config.json|rope_scaling.factor"));
    row("rope by kinds of layer", llama, "fp32", config([](Json& j) {
            j["rope_parameters"] = {{"full_attention", {{"rope_theta", 1e4}}}};
        }),
        text("config.json|rope_parameters.full_attention"));
    row("rope_theta no number", llama, "fp32", config([](Json& j) { j["rope_parameters"]["rope_theta"] = "1e5"; }),
        text("config.json|rope_parameters.rope_theta|1e5|number"));
    row("rope_theta zero", llama, "fp32", config([](Json& j) { j["rope_parameters"]["rope_theta"] = 0; }),
        text("config.json|rope_theta"));
    row("partial rotary over 1", phi, "fp32", config([](Json& j) { j["rope_parameters"]["partial_rotary_factor"] = 1.5; }),
        text("config.json|partial_rotary_factor|1.5"));
    row("qk_layernorm", phi, "fp32", config([](Json& j) { j["qk_layernorm"] = true; }), text("config.json|qk_layernorm"));
    row("experts", llama, "fp32", config([](Json& j) { j["num_local_experts"] = 8; }), text("config.json|num_local_experts|8"));
    row("sliding window", llama, "fp32", config([](Json& j) { j["sliding_window"] = 4096; }),
        text("config.json|sliding_window|4096"));
    row("layers of other kinds", llama, "fp32", config([](Json& j) {
            j["layer_types"] = {"full_attention", "sliding_attention"};
        }),
        text("config.json|layer_types|sliding_attention"));
    row("attention_bias", llama, "fp32", config([](Json& j) { j["attention_bias"] = true; }),
        text("model.layers.0.self_attn.q_proj.bias|missing"));
    row("mlp_bias", llama, "fp32", config([](Json& j) { j["mlp_bias"] = true; }),
        text("model.layers.0.mlp.gate_proj.bias|missing"));
    row("tie_word_embeddings a text", llama, "fp32", config([](Json& j) { j["tie_word_embeddings"] = "yes"; }),
        text("config.json|tie_word_embeddings|yes|true or false"));
    row("activation", llama, "fp32", config([](Json& j) { j["hidden_act"] = "gelu"; }), text("config.json|hidden_act|gelu|silu"));
    row("another family", llama, "fp32", config([](Json& j) { j["model_type"] = "mixtral"; }),
        text("config.json|model_type|mixtral"));
    row("eos no token", llama, "fp32", config([](Json& j) { j["eos_token_id"] = "</s>"; }),
        text("config.json|eos_token_id|</s>"));
    row("quantised by GPTQ", llama, "fp32", config([](Json& j) {
            j["quantization_config"] = {{"quant_method", "gptq"}, {"bits", 4}};
        }),
        text("config.json|gptq"));
    row("quantised in 8 bits", llama, "fp32", config([](Json& j) {
            j["quantization_config"] = {{"quant_method", "bitsandbytes"}, {"load_in_8bit", true}};
        }),
        text("config.json|8 bits"));
    row(
        "a key twice", llama, "fp32",
        [](const fs::path& f) { put(f / "config.json", "{\"vocab_size\": 3, \"vocab_size\": 281}"); },
        text("config.json|vocab_size"));
    row("heads that do not divide", llama, "fp32", config([](Json& j) {
            j.erase("head_dim");
            j["num_attention_heads"] = 7;
        }),
        text("config.json|64|7"));

    row("tied, yet with a head of its own", "family=llama tied=no", "fp32",
        config([](Json& j) { j["tie_word_embeddings"] = true; }), text("tie_word_embeddings|lm_head.weight"));
    row("untied without a head", llama, "fp32", config([](Json& j) { j["tie_word_embeddings"] = false; }),
        text("lm_head.weight is missing|tie_word_embeddings"));
    row("more layers in the file", llama, "fp32", config([](Json& j) { j["num_hidden_layers"] = 1; }),
        text("model.layers.1|1 layers"));
    row("fewer layers in the file", llama, "fp32", config([](Json& j) { j["num_hidden_layers"] = 3; }),
        text("model.layers.2|missing"));
    row("biases that no key tells of", llama, "fp32", weights([](Tensors& t) {
            t.all["model.layers.0.self_attn.q_proj.bias"] = {DType::F32, {64}, std::string(256, '\0')};
        }),
        text("model.layers.0.self_attn.q_proj.bias|[64]"));
    row("norms of queries that no key tells of", phi, "fp32", weights([](Tensors& t) {
            t.all["model.layers.0.self_attn.q_layernorm.weight"] = {DType::F32, {32}, std::string(128, '\0')};
        }),
        text("q_layernorm.weight"));
    row("a missing tensor", llama, "fp32", weights([q](Tensors& t) { t.all.erase(q); }),
        text("model.layers.1.self_attn.q_proj.weight|missing"));
    row("a tensor under another name", llama, "fp32",
        weights([q](Tensors& t) { t.rename(q, "model.layers.1.self_attn.query.weight"); }),
        text("model.layers.1.self_attn.query.weight"));
    row("a shape off by one", llama, "fp32", weights([q](Tensors& t) {
            t.shape(q, {64, 63});
        }),
        text("model.layers.1.self_attn.q_proj.weight|[64, 63]|[64, 64]"));
    row("a shape off by one, nf4", llama, "nf4", weights([q](Tensors& t) {
            t.shape(q, {65, 64});
        }),
        text("model.layers.1.self_attn.q_proj.weight|[65, 64]|[64, 64]"));
    row("a vector off by one", phi, "fp32", weights([](Tensors& t) { t.shape("model.layers.0.mlp.fc1.bias", {129}); }),
        text("model.layers.0.mlp.fc1.bias|[129]|[128]"));
    row("vocabulary off by one", llama, "bf16", config([](Json& j) { j["vocab_size"] = 282; }),
        text("model.embed_tokens.weight|[281, 64]|[282, 64]"));
    row("whole numbers for weights", llama, "fp32", weights([q](Tensors& t) {
            t.all[q] = {DType::I8, {64, 64}, std::string(4096, '\1')};
        }),
        text("q_proj.weight|I8"));
    row("NF4 parts, other precision", llama, "bf16", weights([q](Tensors& t) {
            t.all[q] = {DType::U8, {2048, 1}, std::string(2048, '\1')};
            t.all[q + ".absmax"] = {DType::F32, {64}, std::string(256, '\0')};
        }),
        text("q_proj.weight|4 bits|precision nf4"));
    row("NaN", llama, "fp32", weights([q](Tensors& t) { t.set(q, 3 * 64 + 17, kNan); }),
        text("model.layers.1.self_attn.q_proj.weight|[3, 17]"));
    row("NaN in bf16", bf16, "bf16", weights([q](Tensors& t) { t.set(q, 64, kNan); }),
        text("model.layers.1.self_attn.q_proj.weight|[1, 0]"));
    row("infinity in bf16", bf16, "bf16",
        weights([](Tensors& t) { t.set("model.embed_tokens.weight", 280 * 64 + 63, -kInfinity); }),
        text("model.embed_tokens.weight|[280, 63]"));
    row("NaN on the way to NF4", bf16, "nf4", weights([q](Tensors& t) { t.set(q, 5, kNan); }),
        text("model.layers.1.self_attn.q_proj.weight|[0, 5]"));
    row("infinity in a norm", phi, "nf4", weights([](Tensors& t) { t.set("model.final_layernorm.bias", 7, kInfinity); }),
        text("model.final_layernorm.bias|[7]"));

    row(
        "a missing shard", sharded, "fp32", [shard](const fs::path& f) { fs::remove(f / shard); },
        text("model-00002-of-00002.safetensors"));
    row(
        "an empty shard", sharded, "fp32", [shard](const fs::path& f) { put(f / shard, ""); },
        text("model-00002-of-00002.safetensors|0 bytes"));
    const auto indexed = [index](const std::function<void(Json&)>& change) -> Change {
        return [=](const fs::path& folder) {
            Json json = readJson(folder / index);
            change(json["weight_map"]);
            put(folder / index, json.dump());
        };
    };
    row("a classifier's folder", "", "fp32", config([](Json& j) { j["architectures"] = {"LlamaForSequenceClassification"}; }),
        text("config.json|architectures|LlamaForSequenceClassification|ForCausalLM|a classifier's"));
    row(
        "a Git LFS pointer in place of the weights", "", "fp32",
        [](const fs::path& f) { put(f / "model.safetensors", kLfsPointer); },
        text("model.safetensors|a Git LFS pointer, not the weights|git lfs pull"));
    row("an index naming a tensor that is not there", sharded, "fp32",
        indexed([shard](Json& map) { map["model.layers.9.mlp.up_proj.weight"] = shard; }),
        text("model.safetensors.index.json|model.layers.9.mlp.up_proj.weight|model-00002-of-00002.safetensors"));
    row("an index naming the wrong shard", sharded, "fp32",
        indexed([shard](Json& map) { map["model.embed_tokens.weight"] = shard; }),
        text("model.embed_tokens.weight|model-00002-of-00002.safetensors"));
    row("an index leading elsewhere", sharded, "fp32",
        indexed([](Json& map) { map["model.norm.weight"] = "../other.safetensors"; }),
        text("model.safetensors.index.json|model.norm.weight|../other.safetensors"));
}

void TestCliBadModels::models() {
    QFETCH(QString, model);
    QFETCH(QString, precision);
    QFETCH(Change, change);
    QFETCH(QStringList, says);
    const fs::path folder = root() / "bad";
    fs::remove_all(folder);
    writeTinyModel(folder, tinyModelOptions(model.toStdString()));
    change(folder);
    const QString path = QString::fromStdString(folder.string()), out = QString::fromStdString((root() / "logits").string());
    const CliResult result = run({QStringLiteral("logits"), QStringLiteral("--model"), path, QStringLiteral("--precision"),
                                  precision, QStringLiteral("--ids"), QStringLiteral("1,2"), QStringLiteral("--out"), out});
    QVERIFY2(result.code == 2, result.err);
    QVERIFY(!QFile::exists(out));
    for (const QString& piece : says << path)
        QVERIFY2(result.err.contains(piece.toUtf8()),
                 qPrintable(piece + QStringLiteral(" is not in: ") + QString::fromUtf8(result.err)));
    if (precision == QLatin1String("bf16")) return; // check reads weights as they are
    const CliResult check = run({QStringLiteral("check"), path});
    QCOMPARE(check.code, 2);
    for (const QString& piece : says)
        QVERIFY2(check.out.contains(piece.toUtf8()),
                 qPrintable(piece + QStringLiteral(" is not in: ") + QString::fromUtf8(check.out)));
    QVERIFY2(check.out.count(path.toUtf8() + ": " + path.toUtf8()) == 0, check.out);
}

void TestCliBadModels::adapters_data() {
    QTest::addColumn<Change>("change");
    QTest::addColumn<QStringList>("says");
    const auto row = [](const char* name, const Change& change, const char* says) {
        QTest::newRow(name) << change << QString::fromUtf8(says).split(QLatin1Char('|'));
    };
    const auto settings = [](const std::function<void(Json&)>& change) -> Change {
        return [=](const fs::path& folder) {
            Json json = readJson(folder / "adapter_config.json");
            change(json);
            put(folder / "adapter_config.json", json.dump());
        };
    };
    const auto tensors = [](const std::function<void(Tensors&)>& change) -> Change {
        return [=](const fs::path& folder) {
            Tensors all = Tensors::of(folder / "adapter_model.safetensors");
            change(all);
            all.write(folder / "adapter_model.safetensors");
        };
    };
    const std::string a = "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight",
                      b = "base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight";
    row("a rank that its tensors have not", settings([](Json& j) { j["r"] = 5; }),
        "adapter_model.safetensors|q_proj.lora_A.weight|[2, 64]|rank 5");
    row("a rank pattern that its tensors have not", settings([](Json& j) {
            j["rank_pattern"] = {{"q_proj", 7}};
        }),
        "q_proj.lora_A.weight|[2, 64]|rank 7");
    row("NaN in A", tensors([a](Tensors& t) { t.set(a, 64 + 3, kNan); }),
        "adapter_model.safetensors|q_proj.lora_A.weight|[1, 3]");
    row("infinity in B", tensors([b](Tensors& t) { t.set(b, 2, kInfinity); }),
        "adapter_model.safetensors|q_proj.lora_B.weight|[1, 0]");
    row("another model's width", tensors([a](Tensors& t) {
            t.shape(a, {2, 65});
        }),
        "adapter|lora_A of model.layers.0.self_attn.q_proj|[2, 65]|[2, 64]");
    row("another model's height", tensors([b](Tensors& t) {
            t.shape(b, {63, 2});
        }),
        "adapter|lora_B of model.layers.0.self_attn.q_proj|[63, 2]|[64, 2]");
    row("another model's layer", tensors([a, b](Tensors& t) {
            t.all["base_model.model.model.layers.9.self_attn.q_proj.lora_A.weight"] = t.all.at(a);
            t.all["base_model.model.model.layers.9.self_attn.q_proj.lora_B.weight"] = t.all.at(b);
        }),
        "model.layers.9.self_attn.q_proj|not one of the model's");
    row("a target without tensors", tensors([a, b](Tensors& t) {
            t.all.erase(a);
            t.all.erase(b);
        }),
        "q_proj|holds no tensors for model.layers.0.self_attn.q_proj");
    row("A without B", tensors([b](Tensors& t) { t.all.erase(b); }), "model.layers.0.self_attn.q_proj|only lora_A");
    row("a tensor of DoRA", tensors([](Tensors& t) {
            t.all["base_model.model.model.layers.0.self_attn.q_proj.lora_magnitude_vector"] = {
                DType::F32, {64}, std::string(256, '\0')};
        }),
        "lora_magnitude_vector|DoRA");
    row("an adapter's name in its tensors", tensors([](Tensors& t) {
            std::map<std::string, Tensors::One> live;
            for (const auto& [name, one] : t.all) live[name.substr(0, name.size() - 7) + ".default.weight"] = one;
            t.all = std::move(live);
        }),
        "adapter_model.safetensors|q_proj.lora_A.default.weight|the adapter's name, \"default\"|7 others|save_pretrained");
    row("LoRA on the head", tensors([](Tensors& t) {
            t.all["base_model.model.lm_head.lora_A.weight"] = {DType::F32, {2, 64}, std::string(512, '\0')};
            t.all["base_model.model.lm_head.lora_B.weight"] = {DType::F32, {4, 2}, std::string(32, '\0')};
        }),
        "adapter_model.safetensors|lm_head.lora_A.weight|adapts the model's head");
    row("a head that was saved", tensors([](Tensors& t) {
            t.all["base_model.model.score.weight"] = {DType::F32, {3, 64}, std::string(768, '\0')};
        }),
        "adapter_model.safetensors|score.weight|a whole layer|modules_to_save");
    row("a classifier's", settings([](Json& j) { j["task_type"] = "SEQ_CLS"; }),
        "adapter_config.json|task_type is \"SEQ_CLS\"|a classifier|CAUSAL_LM");
    row("of another kind of model", settings([](Json& j) { j["task_type"] = "SEQ_2_SEQ_LM"; }),
        "adapter_config.json|task_type is \"SEQ_2_SEQ_LM\"|CAUSAL_LM");
    row(
        "of MLX",
        [](const fs::path& f) {
            fs::rename(f / "adapter_model.safetensors", f / "adapters.safetensors");
            put(f / "adapter_config.json", R"({"fine_tune_type": "lora", "lora_parameters": {"rank": 8, "scale": 20.0}})");
        },
        "adapter of MLX|adapters.safetensors|PEFT's format");
    row(
        "MLX's settings",
        [](const fs::path& f) {
            put(f / "adapter_config.json", R"({"fine_tune_type": "lora", "lora_parameters": {"rank": 8, "scale": 20.0}})");
        },
        "adapter_config.json|adapter of MLX");
    row(
        "a Git LFS pointer", [](const fs::path& f) { put(f / "adapter_model.safetensors", kLfsPointer); },
        "adapter_model.safetensors|a Git LFS pointer, not the weights|git lfs pull");
    row("use_dora", settings([](Json& j) { j["use_dora"] = true; }), "adapter_config.json|use_dora");
    row("modules_to_save", settings([](Json& j) { j["modules_to_save"] = {"lm_head"}; }), "adapter_config.json|modules_to_save");
    row("layer_replication", settings([](Json& j) {
            j["layer_replication"] = {{0, 2}};
        }),
        "adapter_config.json|layer_replication");
    row("a bias where none is said", tensors([](Tensors& t) {
            t.all["base_model.model.model.layers.0.self_attn.q_proj.bias"] = {DType::F32, {64}, std::string(256, '\0')};
        }),
        "q_proj.bias|bias none");
    row("biases of a model that has none", settings([](Json& j) { j["bias"] = "everything"; }), "adapter_config.json|everything");
    row("not LoRA", settings([](Json& j) { j["peft_type"] = "IA3"; }), "adapter_config.json|IA3");
    row(
        "cut short",
        [](const fs::path& f) {
            fs::resize_file(f / "adapter_model.safetensors", fs::file_size(f / "adapter_model.safetensors") - 8);
        },
        "adapter_model.safetensors");
    row(
        "a pickle", [](const fs::path& f) { fs::rename(f / "adapter_model.safetensors", f / "adapter_model.bin"); },
        "adapter_model.bin|pickle");
}

void TestCliBadModels::adapters() {
    QFETCH(Change, change);
    QFETCH(QStringList, says);
    const fs::path model = root() / "model", adapter = root() / "adapter";
    fs::remove_all(adapter);
    if (!fs::exists(model)) writeTinyModel(model, {});
    fs::create_directories(adapter);
    Tensors tensors;
    for (int layer = 0; layer < 2; ++layer)
        for (const auto& [part, out] : {std::pair("q_proj", 64), std::pair("v_proj", 32)}) {
            const std::string name = "base_model.model.model.layers." + std::to_string(layer) + ".self_attn." + part;
            tensors.all[name + ".lora_A.weight"] = {DType::F32, {2, 64}, std::string(2 * 64 * 4, '\0')};
            tensors.all[name + ".lora_B.weight"] = {
                DType::F32, {out, 2}, std::string(static_cast<std::size_t>(out) * 2 * 4, '\0')};
        }
    tensors.write(adapter / "adapter_model.safetensors");
    put(adapter / "adapter_config.json", Json{{"peft_type", "LORA"},
                                              {"base_model_name_or_path", model.string()},
                                              {"r", 2},
                                              {"lora_alpha", 4},
                                              {"bias", "none"},
                                              {"target_modules", {"q_proj", "v_proj"}}}
                                             .dump());
    const QStringList command{QStringLiteral("logits"),
                              QStringLiteral("--model"),
                              QString::fromStdString(model.string()),
                              QStringLiteral("--adapter"),
                              QString::fromStdString(adapter.string()),
                              QStringLiteral("--ids"),
                              QStringLiteral("1,2"),
                              QStringLiteral("--out"),
                              QString::fromStdString((root() / "logits").string())};
    const CliResult sound = run(command);
    QVERIFY2(sound.code == 0 && !sound.err.contains("warning"), sound.err);
    const QStringList checks{QStringLiteral("check"), QString::fromStdString(adapter.string())};
    const CliResult wellChecked = run(checks);
    QVERIFY2(wellChecked.code == 0, wellChecked.out);
    change(adapter);
    const CliResult result = run(command);
    QVERIFY2(result.code == 2, result.err);
    for (const QString& piece : says)
        QVERIFY2(result.err.contains(piece.toUtf8()),
                 qPrintable(piece + QStringLiteral(" is not in: ") + QString::fromUtf8(result.err)));
    const CliResult check = run(checks); // tells whatever loading refuses
    QVERIFY2(check.code == 2, check.out);
    for (const QString& piece : says)
        QVERIFY2(check.out.contains(piece.toUtf8()),
                 qPrintable(piece + QStringLiteral(" is not in: ") + QString::fromUtf8(check.out)));
}

void TestCliBadModels::adaptersOfLlamaCpp() {
    const fs::path file = root() / "adapter.gguf";
    testing_support::GgufBytes meta;
    meta.text("general.type", "adapter");
    meta.text("general.architecture", "llama");
    meta.write(file);
    const QString path = QString::fromStdString(file.string());
    const CliResult check = run({QStringLiteral("check"), path});
    QVERIFY2(check.code == 2 && check.out.contains("an adapter in llama.cpp's format"), check.out);
    const fs::path model = root() / "model";
    if (!fs::exists(model)) writeTinyModel(model, {});
    for (const QStringList& use :
         {QStringList{path}, {QString::fromStdString(model.string()), QStringLiteral("--adapter"), path}}) {
        const CliResult result =
            run(QStringList{QStringLiteral("logits"), QStringLiteral("--ids"), QStringLiteral("1"), QStringLiteral("--out"),
                            QString::fromStdString((root() / "logits").string()), QStringLiteral("--model")} +
                use);
        QVERIFY2(result.code == 2 &&
                     result.err.contains("GGUF file; adapters") != result.err.contains("an adapter in llama.cpp's"),
                 result.err);
    }
}

// The numbers may be right or not: the name alone does not tell, so it is said and not refused.
void TestCliBadModels::anotherBaseIsTold() {
    const fs::path model = root() / "model", adapter = root() / "adapter";
    Json json = readJson(adapter / "adapter_config.json");
    fs::remove_all(adapter);
    Tensors tensors;
    tensors.all["base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight"] = {DType::F32, {2, 64}, std::string(512, '\0')};
    tensors.all["base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight"] = {DType::F32, {64, 2}, std::string(512, '\0')};
    fs::create_directories(adapter);
    tensors.write(adapter / "adapter_model.safetensors");
    json = {{"peft_type", "LORA"}, {"base_model_name_or_path", "somebody/other-model"},          {"r", 2}, {"lora_alpha", 4},
            {"bias", "none"},      {"target_modules", "model\\.layers\\.0\\.self_attn\\.q_proj"}};
    for (const char* base : {"somebody/other-model", "somebody/model", ""}) {
        json["base_model_name_or_path"] = base;
        put(adapter / "adapter_config.json", json.dump());
        const CliResult result =
            run({QStringLiteral("logits"), QStringLiteral("--model"), QString::fromStdString(model.string()),
                 QStringLiteral("--adapter"), QString::fromStdString(adapter.string()), QStringLiteral("--ids"),
                 QStringLiteral("1,2"), QStringLiteral("--out"), QString::fromStdString((root() / "logits").string())});
        QVERIFY2(result.code == 0, result.err);
        QCOMPARE(result.err.contains("trained on somebody/other-model"), std::string(base) == "somebody/other-model");
    }
}

void TestCliBadModels::harmlessSettings() {
    const fs::path folder = root() / "harmless";
    writeTinyModel(folder, {});
    config([](Json& j) {
        j["rope_scaling"] = nullptr;
        j["rope_parameters"]["type"] = "default";
        j["sliding_window"] = 4096;
        j["use_sliding_window"] = false;
        j["layer_types"] = {"full_attention", "full_attention"};
        j["num_experts"] = 0;
        j["attention_bias"] = false;
        j["eos_token_id"] = {3, 4};
        j["pretraining_tp"] = 1;
    })(folder);
    weights([](Tensors& t) {
        t.all["lm_head.weight"] = t.all.at("model.embed_tokens.weight"); // tied, and saved twice
        t.all["model.layers.0.self_attn.rotary_emb.inv_freq"] = {DType::F32, {8}, std::string(32, '\0')};
    })(folder);
    const CliResult result = run({QStringLiteral("check"), QString::fromStdString(folder.string())});
    QVERIFY2(result.code == 0, result.out);
}

QTEST_GUILESS_MAIN(TestCliBadModels)
#include "tst_cli_bad_models.moc"
