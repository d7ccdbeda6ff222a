// links: engine_core test_support nlohmann_json::nlohmann_json
// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/weights/adapter_file.h"
#include "tests/support/tiny_model.h"

#include <QProcess>
#include <QTemporaryDir>
#include <QTest>
#include <algorithm>
#include <cmath>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <sys/stat.h>

using namespace engine;
namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

namespace {

const fs::path kGolden = PHIBENCH_SOURCE_DIR "/tests/engine/data/adapters";

Json readJson(const fs::path& file) {
    std::ifstream in(file);
    return Json::parse(in);
}
void put(const fs::path& file, const std::string& bytes) {
    fs::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << bytes;
}
std::string bytesOf(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}
std::string errorOf(const std::function<void()>& f, ErrorCode code = ErrorCode::BadInput) {
    try {
        f();
    } catch (const Error& error) { return error.code() == code ? error.what() : "another code: " + std::string(error.what()); }
    return {};
}
bool holds(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

std::vector<float> floats(const TensorView& view) {
    std::vector<float> values(static_cast<std::size_t>(view.count()));
    toFloat(view, values.data());
    return values;
}

/// Tensors with values of their own.
class Tensors {
public:
    void add(const std::string& name, std::vector<std::int64_t> shape) {
        std::int64_t count = 1;
        for (std::int64_t size : shape) count *= size;
        m_values.emplace_back(static_cast<std::size_t>(count));
        for (float& value : m_values.back()) value = std::sin(static_cast<float>(++m_number));
        m_views.push_back({name, DType::F32, std::move(shape), {}});
        m_views.back().bytes = std::as_bytes(std::span(m_values.back()));
    }
    void addLora(const std::string& module, std::int64_t in, std::int64_t out, std::int64_t r) {
        add("base_model.model." + module + ".lora_A.weight", {r, in});
        add("base_model.model." + module + ".lora_B.weight", {out, r});
    }
    const std::vector<TensorView>& views() const { return m_views; }

private:
    std::vector<std::vector<float>> m_values;
    std::vector<TensorView> m_views;
    int m_number = 0;
};

} // namespace

class TestAdapterFile : public QObject {
    Q_OBJECT
    QTemporaryDir m_dir;
    fs::path path(const char* name) const { return fs::path(m_dir.path().toStdString()) / name; }

private Q_SLOTS:
    void cleanup() {
        for (const auto& entry : fs::directory_iterator(m_dir.path().toStdString())) fs::remove_all(entry.path());
    }

    void readsWhatPeftWrites_data() {
        QTest::addColumn<QString>("name");
        QTest::addColumn<QStringList>("targets");
        const auto row = [](const char* name, const QStringList& targets) {
            QTest::newRow(name) << QString::fromUtf8(name) << targets;
        };
        row("list", {QStringLiteral("q_proj"), QStringLiteral("v_proj")});
        row("all_linear", {});
        row("regex", {QStringLiteral("model.layers.1.self_attn.q_proj"), QStringLiteral("model.layers.1.self_attn.v_proj")});
        row("layers", {QStringLiteral("model.layers.1.self_attn.k_proj"), QStringLiteral("model.layers.1.self_attn.q_proj")});
        row("rslora", {QStringLiteral("o_proj")});
        row("patterns", {QStringLiteral("down_proj"), QStringLiteral("k_proj"), QStringLiteral("q_proj")});
        row("bias_all", {QStringLiteral("fc2"), QStringLiteral("q_proj")});
        row("bias_lora_only", {QStringLiteral("dense"), QStringLiteral("fc1")});
    }
    void readsWhatPeftWrites() {
        QFETCH(QString, name);
        QFETCH(QStringList, targets);
        const AdapterFile adapter = readAdapter(kGolden / name.toStdString());
        const Json expected = readJson(kGolden.parent_path() / "adapters.json")[name.toStdString()];
        QCOMPARE(adapter.modules.size(), expected.size());
        for (const AdapterModule& module : adapter.modules) {
            QVERIFY2(expected.contains(module.name), module.name.c_str());
            const Json& facts = expected[module.name];
            QCOMPARE(module.r, facts["r"].get<std::int64_t>());
            QCOMPARE(module.scaling, facts["scaling"].get<double>());
            const std::vector<float> values = floats(module.b), last = facts["b"].get<std::vector<float>>();
            QVERIFY(std::equal(last.begin(), last.end(), values.end() - module.r));
        }
        for (const QString& target : targets)
            QVERIFY(std::count(adapter.spec.targets.begin(), adapter.spec.targets.end(), target.toStdString()) == 1);
        QVERIFY(targets.isEmpty() || adapter.spec.targets.size() == static_cast<std::size_t>(targets.size()));
        QCOMPARE(adapter.isUniform(), name != QStringLiteral("patterns"));
    }
    void readsSettings() {
        const LoraSpec list = readAdapter(kGolden / "list").spec;
        QCOMPARE(list.r, std::int64_t{4});
        QCOMPARE(list.alpha, 8.0);
        QCOMPARE(list.dropout, 0.05);
        QVERIFY(list.bias == TrainedBiases::None);
        QVERIFY(!list.rslora);
        QVERIFY(readAdapter(kGolden / "rslora").spec.rslora);
        const AdapterFile patterns = readAdapter(kGolden / "patterns");
        QCOMPARE(patterns.rankPattern.at("q_proj"), std::int64_t{3});
        QCOMPARE(patterns.alphaPattern.at("k_proj"), 9.0);
    }
    void readsTrainedBiases() {
        const AdapterFile all = readAdapter(kGolden / "bias_all"), some = readAdapter(kGolden / "bias_lora_only");
        QVERIFY(all.spec.bias == TrainedBiases::All);
        QCOMPARE(all.biases.size(), std::size_t{16}); // 6 linear layers and a norm in each of 2 layers, the last norm, the head
        QCOMPARE(some.biases.size(), std::size_t{4});
        QCOMPARE(some.biases.front().name, std::string("model.layers.0.mlp.fc1.bias")); // not base_layer's
        QCOMPARE(some.biases.front().value.shape, std::vector<std::int64_t>{12});
    }

    void writesWhatItReads() {
        Tensors tensors;
        for (const char* module : {"model.layers.0.self_attn.q_proj", "model.layers.1.self_attn.q_proj"})
            tensors.addLora(module, 16, 24, 4);
        tensors.add("base_model.model.model.layers.0.self_attn.q_proj.bias", {24});
        tensors.add("base_model.model.model.layers.0.input_layernorm.bias", {16});
        LoraSpec spec;
        spec.r = 4;
        spec.alpha = 10.5;
        spec.dropout = 0.1;
        spec.bias = TrainedBiases::All;
        spec.rslora = true;
        spec.targets = {"q_proj"};
        for (int times = 0; times < 2; ++times) { // the second replaces the first
            writeAdapter(path("deep/adapter/"), spec, {"org/base"}, tensors.views());
            const AdapterFile adapter = readAdapter(path("deep/adapter"));
            QCOMPARE(adapter.spec.r, spec.r);
            QCOMPARE(adapter.spec.alpha, spec.alpha);
            QCOMPARE(adapter.spec.dropout, spec.dropout);
            QVERIFY(adapter.spec.bias == spec.bias);
            QCOMPARE(adapter.spec.targets, spec.targets);
            QVERIFY(adapter.spec.rslora);
            QCOMPARE(adapter.baseModel, std::string("org/base"));
            QCOMPARE(adapter.modules.size(), std::size_t{2});
            QCOMPARE(floats(adapter.modules[1].b), floats(tensors.views()[3]));
            QCOMPARE(adapter.modules[1].scaling, 10.5 / 2);
            QCOMPARE(adapter.biases.size(), std::size_t{2});
            QCOMPARE(adapter.biases[1].name, std::string("model.layers.0.self_attn.q_proj.bias"));
            QCOMPARE(floats(adapter.biases[1].value), floats(tensors.views()[4]));
            QVERIFY(adapter.tensors.find("base_model.model.model.layers.0.self_attn.q_proj.base_layer.bias"));
        }
        QCOMPARE(std::distance(fs::directory_iterator(path("deep")), {}), std::ptrdiff_t{1});
        struct stat facts {};
        QVERIFY(stat((path("deep/adapter") / "adapter_model.safetensors").c_str(), &facts) == 0);
        const mode_t mask = umask(0);
        umask(mask);
        QCOMPARE(facts.st_mode & 0777u, 0666u & ~mask); // readable by whom the person lets
    }
    void targetsByPatternBecomePaths() {
        Tensors tensors;
        tensors.addLora("model.layers.1.mlp.fc1", 8, 12, 2);
        LoraSpec spec;
        spec.r = 2;
        spec.targets = {R"(.*layers\.1\.mlp\.fc1)"};
        writeAdapter(path("a"), spec, {}, tensors.views());
        QCOMPARE(readJson(path("a") / "adapter_config.json")["target_modules"].dump(),
                 std::string("[\"model.layers.1.mlp.fc1\"]"));
        spec.targets = {"all-linear"};
        writeAdapter(path("b"), spec, {}, tensors.views());
        QCOMPARE(readJson(path("b") / "adapter_config.json")["target_modules"].dump(), std::string("[\"fc1\"]"));
        QVERIFY(readJson(path("b") / "adapter_config.json")["base_model_name_or_path"].is_null());
    }
    void refusesToWriteOverOtherThings() {
        Tensors tensors;
        tensors.addLora("m", 4, 4, 2);
        LoraSpec spec;
        spec.r = 2;
        put(path("mine/notes.txt"), "x");
        put(path("file"), "x");
        QVERIFY(holds(errorOf([&] { writeAdapter(path("mine"), spec, {}, tensors.views()); }), "\"notes.txt\""));
        QVERIFY(holds(errorOf([&] { writeAdapter(path("file"), spec, {}, tensors.views()); }), "is a file"));
        QVERIFY(
            holds(errorOf([&] { writeAdapter(path("file/x"), spec, {}, tensors.views()); }, ErrorCode::Io), "cannot be written"));
        spec.r = 3; // not what the tensors are
        QVERIFY(holds(errorOf([&] { writeAdapter(path("new"), spec, {}, tensors.views()); }), "rank 3"));
        QVERIFY(!fs::exists(path("new")));
        spec.r = 2;
        fs::create_directories(path("empty"));
        writeAdapter(path("empty"), spec, {}, tensors.views());
        QCOMPARE(std::distance(fs::directory_iterator(m_dir.path().toStdString()), {}), std::ptrdiff_t{3}); // nothing temporary
    }

    void refusesConfigs_data() {
        QTest::addColumn<QString>("key");
        QTest::addColumn<QString>("value");
        QTest::addColumn<QString>("message");
        const auto row = [](const char* name, const char* key, const char* value, const char* message) {
            QTest::newRow(name) << QString::fromUtf8(key) << QString::fromUtf8(value) << QString::fromUtf8(message);
        };
        row("other method", "peft_type", "\"IA3\"", "peft_type is \"IA3\"");
        row("no method", "peft_type", "null", "peft_type is \"\"");
        row("another task", "task_type", "\"SEQ_CLS\"", "task_type is \"SEQ_CLS\"");
        row("dora", "use_dora", "true", "use_dora");
        row("qalora", "use_qalora", "true", "use_qalora");
        row("layer_replication", "layer_replication", "[[0,1]]", "layer_replication");
        row("tokens", "trainable_token_indices", "[1]", "trainable_token_indices");
        row("tokens by layer", "trainable_token_indices", "{\"a\":[1]}", "trainable_token_indices");
        row("parameters", "target_parameters", "[\"x\"]", "target_parameters");
        row("lora_bias", "lora_bias", "true", "lora_bias");
        row("modules_to_save", "modules_to_save", "[\"lm_head\"]", "modules_to_save");
        row("alora", "alora_invocation_tokens", "[5]", "alora_invocation_tokens");
        row("arrow", "arrow_config", "{\"top_k\":1}", "arrow_config");
        row("megatron", "megatron_config", "{\"a\":1}", "megatron_config");
        row("something new", "use_wonder", "true", "use_wonder");
        row("pissa", "init_lora_weights", "\"pissa_niter_4\"", "pissa_niter_4");
        row("rank 0", "r", "0", "r is 0");
        row("rank of text", "r", "\"8\"", "r is \"8\"");
        row("rank with fraction", "r", "8.5", "r is 8.5");
        row("huge rank", "r", "1e300", "r is 1e+300");
        row("alpha of text", "lora_alpha", "\"x\"", "lora_alpha");
        for (const char* value : {"0", "-1", "1e300", "131073"})
            row((std::string("alpha ") + value).c_str(), "lora_alpha", value, "; a number above 0 and up to 131072.0 is needed.");
        row("alpha by pattern", "alpha_pattern", "{\"m\":0}", "alpha_pattern.m is 0");
        row("rslora of text", "use_rslora", "\"true\"", "use_rslora is \"true\" where true or false is needed.");
        row("dora of a number", "use_dora", "1", "use_dora is 1 where true or false is needed.");
        row("modules_to_save of text", "modules_to_save", "\"lm_head\"", "modules_to_save is \"lm_head\" where null or a list");
        row("no targets", "target_modules", "[]", "target_modules is []");
        row("other targets", "target_modules", "[\"n\",\"o.m\"]", "\"base_model.model.m.lora_A.weight\" [2, 8] is of a layer");
        row("other pattern", "target_modules", "\"m.+\"", "\"base_model.model.m.lora_A.weight\" [2, 8] is of a layer");
        row("broken target pattern", "target_modules", "\"(\"", "adapter_config.json: The pattern \"(\"");
        row("excluded", "exclude_modules", "[\"m\"]", "is of a layer that adapter_config.json leaves out");
        row("layers of text", "layers_to_transform", "[\"0\"]", "layers_to_transform holds \"0\"");
        row("dropout 1", "lora_dropout", "1.0", "lora_dropout");
        row("bias", "bias", "\"some\"", "\"some\"");
        row("bias of number", "bias", "1", "bias is 1");
        row("targets", "target_modules", "7", "target_modules is 7");
        row("targets of numbers", "target_modules", "[7]", "target_modules holds 7");
        row("rank_pattern", "rank_pattern", "[]", "rank_pattern");
        row("rank_pattern value", "rank_pattern", "{\"q_proj\":-1}", "rank_pattern.q_proj is -1");
        row("broken pattern", "rank_pattern", "{\"(\":1}", "adapter_config.json: The pattern \"(\"");
        row("other rank", "r", "5", "[2, 8] and \"base_model.model.m.lora_B.weight\" [12, 2] do not fit the rank 5");
        row("rank by pattern", "rank_pattern", "{\"m\":3}", "rank 3");
    }
    void refusesConfigs() {
        QFETCH(QString, key);
        QFETCH(QString, value);
        QFETCH(QString, message);
        Tensors tensors;
        tensors.addLora("m", 8, 12, 2);
        LoraSpec spec;
        spec.r = 2;
        writeAdapter(path("a"), spec, {}, tensors.views());
        Json config = readJson(path("a") / "adapter_config.json");
        config[key.toStdString()] = Json::parse(value.toStdString());
        put(path("a") / "adapter_config.json", config.dump());
        const std::string error = errorOf([&] { readAdapter(path("a")); });
        QVERIFY2(holds(error, message.toStdString()), error.c_str());
        QVERIFY2(holds(error, path("a").string()), error.c_str());
    }
    /// As PEFT's check_target_module_exists().
    void targetsAreMatchedAsInPeft() {
        Tensors tensors;
        tensors.addLora("model.layers.12.mlp.fc1", 8, 12, 8);
        fs::create_directories(path("a"));
        writeSafetensors(path("a") / "adapter_model.safetensors", tensors.views(), {});
        const auto taken = [&](const std::string& settings) {
            put(path("a") / "adapter_config.json", R"({"peft_type":"LORA","target_modules":)" + settings + "}");
            const std::string error = errorOf([&] { readAdapter(path("a")); });
            if (!error.empty() && !holds(error, "leaves out")) throw std::runtime_error(error);
            return error.empty();
        };
        const std::string fc1 = R"(["fc1"],)";
        for (const char* whole : {"null", R"("all-linear")", R"(["fc1"])", R"(["mlp.fc1"])", R"(["model.layers.12.mlp.fc1"])",
                                  R"(".*\\.mlp\\.fc[12]")"})
            QVERIFY2(taken(whole), whole);
        QVERIFY(taken(R"(["model.layers.12.mlp.fc1"],"layers_to_transform":[1])"));
        for (const char* other : {R"(["c1"])", R"("fc1")", R"("model.layers.12")"}) QVERIFY2(!taken(other), other);
        for (const char* of : {R"("layers_to_transform":12)", R"("layers_to_transform":[12],"layers_pattern":"layers")",
                               R"("layers_to_transform":[1,12],"layers_pattern":["h","layers"])", R"("exclude_modules":["fc2"])"})
            QVERIFY2(taken(fc1 + of), of);
        for (const char* of : {R"("layers_to_transform":[1,2])", R"("layers_to_transform":[12],"layers_pattern":["h"])",
                               R"("exclude_modules":".*12.*")"})
            QVERIFY2(!taken(fc1 + of), of);
    }
    void refusesEndlessPatterns() {
        Tensors tensors;
        tensors.addLora(std::string(64, 'a'), 8, 12, 2);
        LoraSpec spec;
        spec.r = 2;
        writeAdapter(path("a"), spec, {}, tensors.views());
        put(path("a") / "adapter_config.json", R"({"peft_type":"LORA","r":2,"rank_pattern":{"(a+)+[bc]":1}})");
        const std::string error = errorOf([&] { readAdapter(path("a")); });
        QVERIFY2(holds(error, "cannot be matched"), error.c_str());
    }
    void takesConfigsOfOtherVersions() {
        Tensors tensors;
        tensors.addLora("m", 8, 12, 8);
        LoraSpec spec;
        spec.r = 8;
        writeAdapter(path("a"), spec, {}, tensors.views());
        put(path("a") / "adapter_config.json",
            R"({"peft_type":"LORA","lora_alpha":16.0,"new_number":3,"new_text":"x","new_list":[],"new_off":false,"init_lora_weights":"gaussian"})");
        const AdapterFile adapter = readAdapter(path("a"));
        QCOMPARE(adapter.spec.r, std::int64_t{8}); // PEFT's default
        QCOMPARE(adapter.spec.alpha, 16.0);
        QCOMPARE(adapter.spec.targets, std::vector<std::string>{"m"});
        put(path("a") / "adapter_config.json", R"({"peft_type":"LORA","r":8,"r":8})");
        QVERIFY(holds(errorOf([&] { readAdapter(path("a")); }), "\"r\" comes twice"));
        for (const char* text : {"", "[]", "{", "{\"peft_type\":}", "nonsense"}) {
            put(path("a") / "adapter_config.json", text);
            QVERIFY(holds(errorOf([&] { readAdapter(path("a")); }), "this is no"));
        }
    }

    void refusesTensors_data() {
        QTest::addColumn<QString>("name");
        QTest::addColumn<QString>("message");
        const auto row = [](const char* title, const char* name, const char* message) {
            QTest::newRow(title) << QString::fromUtf8(name) << QString::fromUtf8(message);
        };
        row("dora", "base_model.model.m.lora_magnitude_vector", "DoRA");
        row("embedding", "base_model.model.e.lora_embedding_A", "adapts an embedding");
        row("other root", "model.m.lora_A.weight", "no part of a LoRA adapter");
        row("whole layer", "base_model.model.lm_head.weight", "a whole layer, saved with it (modules_to_save)");
        row("adapter's name inside", "base_model.model.m.lora_A.default.weight", "the adapter's name, \"default\"");
        row("head", "base_model.model.lm_head.lora_A.weight", "adapts the model's head");
        row("half a pair", "base_model.model.n.lora_A.weight", "\"n\" has only lora_A");
        row("other half", "base_model.model.n.lora_B.weight", "\"n\" has only lora_B");
        row("bias", "base_model.model.m.base_layer.bias", "should have 1 dimension.");
        row("no layer", "base_model.model..lora_A.weight", "no part of a LoRA adapter");
    }
    void refusesTensors() {
        QFETCH(QString, name);
        QFETCH(QString, message);
        Tensors tensors;
        tensors.addLora("m", 8, 12, 2);
        LoraSpec spec;
        spec.r = 2;
        writeAdapter(path("a"), spec, {}, tensors.views());
        tensors.add(name.toStdString(), {2, 8});
        writeSafetensors(path("a") / "adapter_model.safetensors", tensors.views(), {});
        const std::string error = errorOf([&] { readAdapter(path("a")); });
        QVERIFY2(holds(error, message.toStdString()), error.c_str());
    }
    void tellsAllProblems() {
        Tensors tensors;
        tensors.addLora("m", 8, 12, 2);
        LoraSpec spec;
        spec.r = 2;
        writeAdapter(path("a"), spec, {}, tensors.views());
        QVERIFY(adapterProblems(path("a")).empty());
        Json config = readJson(path("a") / "adapter_config.json");
        config["task_type"] = "SEQ_CLS";
        config["modules_to_save"] = {"score"};
        put(path("a") / "adapter_config.json", config.dump());
        for (const char* layer : {"n", "o", "p"})
            tensors.add(std::string("base_model.model.") + layer + ".lora_A.default.weight", {2, 8});
        tensors.add("base_model.model.score.weight", {3, 8});
        writeSafetensors(path("a") / "adapter_model.safetensors", tensors.views(), {});
        const std::vector<Error> problems = adapterProblems(path("a"));
        const char* parts[] = {"SEQ_CLS", "modules_to_save is", "\"base_model.model.n.lora_A.default.weight\" [2, 8]",
                               "whole layer"};
        QCOMPARE(problems.size(), std::size(parts));
        for (std::size_t i = 0; i < problems.size(); ++i) QVERIFY2(holds(problems[i].what(), parts[i]), problems[i].what());
        QVERIFY(holds(problems[2].what(), "So are 2 others."));
        QCOMPARE(errorOf([&] { readAdapter(path("a")); }), std::string(problems.front().what()));
    }
    void refusesContradictingBiases() {
        Tensors tensors;
        tensors.addLora("m", 8, 12, 2);
        tensors.add("base_model.model.m.bias", {12});
        LoraSpec spec;
        spec.r = 2;
        QVERIFY(holds(errorOf([&] { writeAdapter(path("a"), spec, {}, tensors.views()); }), "says bias none"));
        spec.bias = TrainedBiases::LoraOnly;
        writeAdapter(path("a"), spec, {}, tensors.views());
        tensors.add("base_model.model.m.base_layer.bias", {12});
        writeSafetensors(path("a") / "adapter_model.safetensors", tensors.views(), {});
        QVERIFY(holds(errorOf([&] { readAdapter(path("a")); }), "under another name as well"));
    }
    void missingFiles() {
        QVERIFY(holds(errorOf([&] { readAdapter(path("none")); }, ErrorCode::NotFound), "is no folder"));
        fs::create_directories(path("a"));
        QVERIFY(holds(errorOf([&] { readAdapter(path("a")); }, ErrorCode::NotFound), "adapter_config.json is missing"));
        put(path("a/adapter_config.json"), "{}");
        QVERIFY(holds(errorOf([&] { readAdapter(path("a")); }, ErrorCode::NotFound), "adapter_model.safetensors is missing"));
        put(path("a/adapter_model.bin"), "x");
        QVERIFY(holds(errorOf([&] { readAdapter(path("a")); }), "pickle"));
    }
    void truncatedConfigsAreRefused() {
        fs::copy(kGolden / "patterns", path("a"));
        const std::string whole = bytesOf(path("a/adapter_config.json"));
        for (std::size_t size = 0; size + 1 < whole.size(); ++size) {
            fs::remove(path("a/adapter_config.json"));
            put(path("a/adapter_config.json"), whole.substr(0, size));
            QVERIFY2(!errorOf([&] { readAdapter(path("a")); }).empty(), std::to_string(size).c_str());
        }
    }

    // Needs a Python with torch, transformers and peft: PHIBENCH_PEFT_PYTHON=/path/to/python.
    void peftLoadsWhatWeWrite_data() {
        QTest::addColumn<bool>("phi");
        QTest::newRow("llama") << false;
        QTest::newRow("phi") << true;
    }
    void peftLoadsWhatWeWrite() {
        QFETCH(bool, phi);
        const QString python = qEnvironmentVariable("PHIBENCH_PEFT_PYTHON");
        if (python.isEmpty()) QSKIP("PHIBENCH_PEFT_PYTHON names no Python with peft");
        testing_support::TinyModelOptions options;
        options.family = phi ? "phi" : "llama";
        testing_support::writeTinyModel(path("model"), options);
        const ModuleSizes sizes(options);
        QStringList arguments{QStringLiteral(PHIBENCH_SOURCE_DIR "/tests/engine/data/load_adapter_in_peft.py"),
                              QString::fromStdString(path("model").string())};
        for (const char* bias : {"none", "all", "lora_only"}) {
            if (!phi && std::string(bias) != "none") continue; // a llama has no bias
            for (const char* target : {"all-linear", phi ? "dense" : "o_proj", R"(.*layers\.1\..*_proj)"}) {
                LoraSpec spec;
                spec.r = 3;
                spec.alpha = 7;
                spec.bias = *valueOf<TrainedBiases>(bias);
                spec.targets = {target};
                spec.rslora = arguments.size() % 2 == 0;
                const Tensors tensors = sizes.adapter(spec);
                const fs::path folder = path("adapter") / std::to_string(arguments.size());
                writeAdapter(folder, spec, {path("model").string()}, tensors.views());
                arguments << QString::fromStdString(folder.string());
            }
        }
        QProcess process;
        process.setProcessChannelMode(QProcess::MergedChannels);
        process.start(python, arguments);
        QVERIFY(process.waitForFinished(300000));
        QVERIFY2(process.exitCode() == 0, process.readAll().constData());
    }

private:
    /// The tiny model's linear layers and biases, from its tensors.
    struct ModuleSizes {
        explicit ModuleSizes(const testing_support::TinyModelOptions& options) : tensors(testing_support::tinyTensors(options)) {}
        std::vector<testing_support::TinyTensor> tensors;

        Tensors adapter(const LoraSpec& spec) const {
            Tensors made;
            std::vector<std::string> wrapped;
            const std::string& target = spec.targets.front();
            for (const auto& tensor : tensors) {
                const std::string name = tensor.name.substr(0, tensor.name.rfind('.'));
                const bool linear = tensor.shape.size() == 2 && holds(name, "layers.");
                const bool fits = target == "all-linear" || name.ends_with("." + target) ||
                                  (target.front() == '.' && holds(name, "layers.1.") && name.ends_with("_proj"));
                if (!linear || !fits) continue;
                made.addLora(name, tensor.shape[1], tensor.shape[0], spec.r);
                wrapped.push_back(name);
            }
            for (const auto& tensor : tensors) {
                if (!tensor.name.ends_with(".bias") || spec.bias == TrainedBiases::None) continue;
                const std::string owner = tensor.name.substr(0, tensor.name.rfind('.'));
                if (spec.bias == TrainedBiases::All || std::find(wrapped.begin(), wrapped.end(), owner) != wrapped.end())
                    made.add("base_model.model." + tensor.name, tensor.shape);
            }
            return made;
        }
    };
};

QTEST_APPLESS_MAIN(TestAdapterFile)
#include "tst_adapter_file.moc"
