// links: engine_core test_support nlohmann_json::nlohmann_json
// SPDX-License-Identifier: GPL-3.0-or-later
// Adapters that must not be used: each is refused with the file, the tensor or key, and what was expected against what is there.
#include "cli_process.h"
#include "tests/support/changed_files.h"
#include "tests/support/gguf_bytes.h"
#include "tests/support/tiny_model_text.h"

#include <QTemporaryDir>
#include <QtTest>

using namespace testing_support;

class TestCliBadAdapters : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void adapters_data();
    void adapters();
    void adaptersOfLlamaCpp();
    void anotherBaseIsTold();

private:
    CliResult run(const QStringList& arguments) const { return runCli(m_home.path(), arguments); }
    fs::path root() const { return m_home.path().toStdString(); }
    QTemporaryDir m_home;
};

Q_DECLARE_METATYPE(Change)

void TestCliBadAdapters::adapters_data() {
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

void TestCliBadAdapters::adapters() {
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
    fs::remove(root() / "logits");
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

void TestCliBadAdapters::adaptersOfLlamaCpp() {
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
void TestCliBadAdapters::anotherBaseIsTold() {
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
        fs::remove(root() / "logits");
        const CliResult result =
            run({QStringLiteral("logits"), QStringLiteral("--model"), QString::fromStdString(model.string()),
                 QStringLiteral("--adapter"), QString::fromStdString(adapter.string()), QStringLiteral("--ids"),
                 QStringLiteral("1,2"), QStringLiteral("--out"), QString::fromStdString((root() / "logits").string())});
        QVERIFY2(result.code == 0, result.err);
        QCOMPARE(result.err.contains("trained on somebody/other-model"), std::string(base) == "somebody/other-model");
    }
}

QTEST_GUILESS_MAIN(TestCliBadAdapters)
#include "tst_cli_bad_adapters.moc"
