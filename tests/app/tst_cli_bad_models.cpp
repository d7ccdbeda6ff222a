// links: engine_core test_support nlohmann_json::nlohmann_json
// SPDX-License-Identifier: GPL-3.0-or-later
// Models that must not be used: each is refused with the file, the tensor or key, and what was expected against what is there.
#include "cli_process.h"
#include "tests/support/changed_files.h"
#include "tests/support/tiny_model_text.h"

#include <QTemporaryDir>
#include <QtTest>

using namespace testing_support;

class TestCliBadModels : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void models_data();
    void models();
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
