// links: engine_core test_support nlohmann_json::nlohmann_json
// SPDX-License-Identifier: GPL-3.0-or-later
// What the families' files say of a decoder: both dialects of config.json, what is written and read again, GGUF's keys and names.
#include "engine/architecture/config.h"
#include "engine/architecture/family.h"
#include "engine/architecture/names.h"
#include "engine/architecture/row_bytes.h"
#include "engine/architecture/targets.h"
#include "engine/architecture/tensors.h"
#include "engine/weights/safetensors.h"
#include "tests/support/gguf_bytes.h"
#include "tests/support/tiny_family.h"
#include "tests/support/tiny_model_text.h"

#include <QTemporaryDir>
#include <QTest>
#include <algorithm>
#include <fstream>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

using namespace engine;
using namespace testing_support;
namespace fs = std::filesystem;

namespace {

/// A GGUF with these keys and tables, and an embedding and head of the right shapes, but no further weights.
fs::path writeKeys(const fs::path& file, const DecoderConfig& c) {
    GgufBytes bytes;
    for (const auto& [key, value] : ggufMetadata(c)) {
        if (const auto* whole = std::get_if<std::int64_t>(&value))
            bytes.number(key, static_cast<std::uint32_t>(*whole));
        else if (const auto* real = std::get_if<double>(&value))
            bytes.real(key, static_cast<float>(*real));
        else
            bytes.text(key, std::get<std::string>(value));
    }
    if (c.bos >= 0) bytes.number("tokenizer.ggml.bos_token_id", static_cast<std::uint32_t>(c.bos));
    if (c.eos >= 0) bytes.number("tokenizer.ggml.eos_token_id", static_cast<std::uint32_t>(c.eos));
    for (const GgufTable& table : ggufTables(c))
        bytes.tensor(table.name, {std::ssize(table.values)}, {table.values.begin(), table.values.end()});
    for (const LinearModule& linear : c.linears)
        if (linear.bias) bytes.tensor("blk.0." + linear.name.gguf + ".bias", {1}, {0});
    const std::vector<float> rows(static_cast<std::size_t>(c.vocab_size * c.hidden_size));
    bytes.tensor("token_embd.weight", {c.vocab_size, c.hidden_size}, rows);
    if (!c.tied_head) bytes.tensor("output.weight", {c.vocab_size, c.hidden_size}, rows);
    bytes.write(file);
    return file;
}

bool near(double a, double b) {
    return std::abs(a - b) <= 1e-6 * std::abs(b);
}

/// Whether both are the same decoder, but for the digits that GGUF's numbers cut off.
QString difference(const DecoderConfig& a, const DecoderConfig& b) {
    if (a.rotary.size() != b.rotary.size()) return QStringLiteral("tables");
    for (std::size_t i = 0; i < a.rotary.size(); ++i) {
        const Rotary &x = a.rotary[i], &y = b.rotary[i];
        if (x.dims != y.dims || !near(x.theta, y.theta) || x.scaling.kind != y.scaling.kind) return QStringLiteral("rotary");
        if (!near(x.scaling.factor, y.scaling.factor) || !near(x.scaling.attentionFactor, y.scaling.attentionFactor) ||
            x.scaling.originalContext != y.scaling.originalContext ||
            !std::ranges::equal(x.scaling.shortFactors, y.scaling.shortFactors, near) ||
            !std::ranges::equal(x.scaling.longFactors, y.scaling.longFactors, near))
            return QStringLiteral("scaling");
    }
    for (std::int64_t layer = 0; layer < a.layers; ++layer)
        if (a.kind(layer) != b.kind(layer)) return QStringLiteral("kind of layer %1").arg(layer);
    if (!near(a.attentionScale(), b.attentionScale())) return QStringLiteral("attention scale");
    if (!near(a.norm_eps, b.norm_eps)) return QStringLiteral("norm_eps");
    DecoderConfig x = a, y = b;
    for (DecoderConfig* c : {&x, &y}) {
        c->rotary.clear();
        c->layerKinds.clear();
        c->attention_scale = c->norm_eps = 0;
        c->name.clear();
    }
    return x == y ? QString() : QStringLiteral("the rest");
}

} // namespace

class TestArchitecture : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void init() { m_dir.emplace(); }

    void everyFamilyHasAName() {
        std::set<std::string> names;
        for (const Family* family : families()) {
            QVERIFY(names.insert(family->name()).second);
            QCOMPARE(&familyNamed(family->name()), family);
            QVERIFY(!family->common().linears.empty() && family->common().attentionNorm);
        }
    }

    void bothDialectsSayTheSame_data() { features(); }
    void bothDialectsSayTheSame() {
        QFETCH(QString, options);
        TinyModelOptions tiny = tinyModelOptions(options.toStdString());
        tiny.dialect = ConfigDialect::Transformers5;
        const DecoderConfig newer = configFromFolder(writeTinyModel(root() / "newer", tiny));
        tiny.dialect = ConfigDialect::Transformers4;
        const DecoderConfig older = configFromFolder(writeTinyModel(root() / "older", tiny));
        QCOMPARE(difference(older, newer), QString());
        QCOMPARE(newer.family, tiny.family);
    }

    void writtenConfigIsReadAgain_data() { features(); }
    void writtenConfigIsReadAgain() {
        QFETCH(QString, options);
        const DecoderConfig config = configFromFolder(writeTinyModel(root() / "model", tinyModelOptions(options.toStdString())));
        fs::create_directories(root() / "written");
        std::ofstream(root() / "written" / "config.json") << configText(config, DType::F32);
        QCOMPARE(difference(configFromFolder(root() / "written"), config), QString());
    }

    void writtenGgufKeysAreReadAgain_data() { features(); }
    void writtenGgufKeysAreReadAgain() {
        QFETCH(QString, options);
        TinyModelOptions tiny = tinyModelOptions(options.toStdString());
        tiny.residDropout = tiny.family == "phi" ? 0.1 : 0;
        const DecoderConfig config = configFromFolder(writeTinyModel(root() / "model", tiny));
        const bool unsaid = (tiny.window > 0 && tiny.family != "phi3") || tiny.noRopeEvery != 4;
        if (unsaid && (tiny.family != "llama" && tiny.family != "phi" && tiny.family != "qwen3")) {
            QVERIFY_EXCEPTION_THROWN(ggufMetadata(config), Error); // what llama.cpp's keys cannot say
            return;
        }
        DecoderConfig found = configFromGguf(GgufFile(writeKeys(root() / "keys.gguf", config)));
        if (found.rotary[0].scaling.kind == RotaryScaling::Kind::Given) { // Llama 3's as an outcome
            QVERIFY(std::ranges::equal(found.rotary[0].scaling.factors, ggufTables(config)[0].values, near));
            found.rotary[0].scaling = config.rotary[0].scaling;
        }
        QCOMPARE(difference(found, config), QString());
    }

    /// Every tensor of a folder is known, and has one name in a GGUF.
    void tensorsAreTheFiles_data() { features(); }
    void tensorsAreTheFiles() {
        QFETCH(QString, options);
        const fs::path folder = writeTinyModel(root() / "model", tinyModelOptions(options.toStdString()));
        const DecoderConfig config = configFromFolder(folder);
        const SafetensorsFile file(folder / "model.safetensors");
        const std::vector<TensorShape> tensors = modelTensors(config);
        QCOMPARE(tensors.size(), file.tensors().size());
        std::set<std::string> names;
        std::int64_t values = 0;
        for (const TensorShape& tensor : tensors) {
            const TensorView* found = file.find(tensor.name);
            QVERIFY2(found && found->shape == tensor.shape, tensor.name.c_str());
            values += found->count();
            const std::vector<FileName> gguf = ggufNames(config, tensor.name);
            QVERIFY2(!gguf.empty() && names.insert(gguf.front().name).second, tensor.name.c_str());
        }
        QCOMPARE(parameterCount(config), values);
        QVERIFY(ggufNames(config, "model.layers.0.self_attn.other.weight").empty());
    }

    void fusedLayersAreTargets() {
        const auto chosen = [&](const char* family, const char* target) {
            DecoderConfig c =
                configFromFolder(writeTinyModel(root() / family, tinyModelOptions(std::string("family=") + family)));
            std::set<std::string> names;
            for (const LinearShape& shape : chooseTargets(c, {target}))
                names.insert(shape.name.substr(shape.name.rfind('.') + 1));
            return names;
        };
        QCOMPARE(chosen("phi3", "qkv_proj"), (std::set<std::string>{"qkv_proj"}));
        QCOMPARE(chosen("phi3", "all-linear"), (std::set<std::string>{"qkv_proj", "o_proj", "gate_up_proj", "down_proj"}));
        QCOMPARE(chosen("llama", "qkv_proj"), (std::set<std::string>{"q_proj", "k_proj", "v_proj"}));
        QVERIFY_EXCEPTION_THROWN(chosen("phi3", "q_proj"), Error);
    }

    /// Another family's feature is refused by its key, never left out.
    void unknownFeaturesAreRefused_data() {
        QTest::addColumn<QString>("options");
        QTest::addColumn<QByteArray>("key");
        QTest::addColumn<QByteArray>("value");
        const auto row = [](const char* options, const char* key, const char* value) {
            QTest::addRow("%s %s", options, key) << QString::fromLatin1(options) << QByteArray(key) << QByteArray(value);
        };
        row("family=gemma3_text", "final_logit_softcapping", "30.0");
        row("family=gemma3_text", "attn_logit_softcapping", "50.0");
        row("family=gemma3_text", "use_bidirectional_attention", "true");
        row("family=gemma3_text", "hidden_activation", "\"silu\"");
        row("family=gemma3_text", "num_local_experts", "8");
        row("family=mistral", "attention_bias", "true");
        row("family=qwen2", "layer_types", R"(["full_attention","linear_attention"])");
        row("family=qwen2", "use_qk_norm", "true");
        row("family=qwen3", "num_experts", "128");
        row("family=smollm3", "no_rope_layers", "[1]");
        row("family=phi3", "attention_bias", "true");
        row("family=phi3", "layer_types", R"(["sliding_attention","full_attention"])");
    }
    void unknownFeaturesAreRefused() {
        QFETCH(QString, options);
        QFETCH(QByteArray, key);
        QFETCH(QByteArray, value);
        const fs::path folder = writeTinyModel(root() / "model", tinyModelOptions(options.toStdString()));
        std::ifstream in(folder / "config.json");
        nlohmann::json json = nlohmann::json::parse(in);
        json[key.toStdString()] = nlohmann::json::parse(value.toStdString());
        std::ofstream(folder / "config.json") << json;
        try {
            static_cast<void>(configFromFolder(folder));
            QFAIL("It was read.");
        } catch (const Error& error) {
            QVERIFY2(error.code() == ErrorCode::BadInput && error.message().find(key.toStdString()) != std::string::npos,
                     error.message().c_str());
        }
    }

    /// What no model has is refused by its key, with its value and what is allowed.
    void wrongValuesAreRefused_data() {
        QTest::addColumn<QString>("family");
        QTest::addColumn<QByteArray>("key");
        QTest::addColumn<QByteArray>("value");
        QTest::addColumn<QString>("said");
        const auto row = [](const char* key, const char* value, const char* said, const char* family = "llama") {
            QTest::addRow("%s %s %s", family, key, value)
                << QString::fromLatin1(family) << QByteArray(key) << QByteArray(value) << QString::fromLatin1(said);
        };
        for (const char* value : {"0", "-1e-5", "1e300"}) {
            row("rms_norm_eps", value, ", but a number above 0 and up to 1 is needed.");
            row("layer_norm_eps", value, ", but a number above 0 and up to 1 is needed.", "phi");
            row("rms_norm_eps", value, ", but a number above 0 and up to 1 is needed.", "phi3");
        }
        row("query_pre_attn_scalar", "0", "above 0", "gemma3_text");
        row("max_position_embeddings", "-1", "is -1, but a whole number from 1 to 1000000000 is needed.");
        row("max_position_embeddings", "2147483648", "is 2147483648, but a whole number from 1 to 1000000000 is needed.");
        row("max_position_embeddings", "\"64\"", "is \"64\", but a whole number");
        row("hidden_size", "0", "is 0, but a whole number from 1");
        row("num_hidden_layers", "1001", "is 1001, but a whole number from 1 to 1000 is needed.");
        row("eos_token_id", "4294967295", "is 4294967295, but the number of one of the model's tokens, 0 to 280, is needed.");
        row("bos_token_id", "281", "is 281, but the number of one of the model's tokens");
        row("architectures", "5", "is 5, but a list of words is needed.");
        row("architectures", "[5]", "is [5], but a list of words is needed.");
    }
    void wrongValuesAreRefused() {
        QFETCH(QString, family);
        QFETCH(QByteArray, key);
        QFETCH(QByteArray, value);
        QFETCH(QString, said);
        const fs::path folder = writeTinyModel(root() / "model", tinyModelOptions("family=" + family.toStdString()));
        std::ifstream in(folder / "config.json");
        nlohmann::json json = nlohmann::json::parse(in);
        json[key.toStdString()] = nlohmann::json::parse(value.toStdString());
        std::ofstream(folder / "config.json") << json;
        const QString message = refusal([&] { static_cast<void>(configFromFolder(folder)); });
        QVERIFY2(message.contains(QStringLiteral("config.json: ") + QString::fromLatin1(key)) && message.contains(said),
                 qPrintable(message));
    }
    void wrongValuesOfGgufAreRefused() {
        const DecoderConfig sound = configFromFolder(writeTinyModel(root() / "model"));
        const auto refused = [&](const char* said, const std::function<void(DecoderConfig&)>& change) {
            DecoderConfig wrong = sound;
            change(wrong);
            const QString message =
                refusal([&] { static_cast<void>(configFromGguf(GgufFile(writeKeys(root() / "keys.gguf", wrong)))); });
            QVERIFY2(message.contains(QLatin1String(said)), qPrintable(message));
        };
        const double nan = std::numeric_limits<double>::quiet_NaN();
        for (const double eps : {0.0, -1.0, nan, 1e30})
            refused("llama.attention.layer_norm_rms_epsilon is ", [&](DecoderConfig& c) { c.norm_eps = eps; });
        for (const double theta : {0.0, -1.0, nan, std::numeric_limits<double>::infinity()})
            refused("llama.rope.freq_base is ", [&](DecoderConfig& c) { c.rotary[0].theta = theta; });
        refused("llama.attention.head_count is 2147483648, but a whole number from 1 to 1000000000 is needed.",
                [](DecoderConfig& c) { c.heads = std::int64_t{1} << 31; });
        refused("llama.feed_forward_length is 0, but", [](DecoderConfig& c) { c.intermediate_size = 0; });
        refused("llama.block_count is 5000, but a whole number from 1 to 1000", [](DecoderConfig& c) { c.layers = 5000; });
        refused("tokenizer.ggml.eos_token_id is 281, but", [](DecoderConfig& c) { c.eos = 281; });
    }

    /// A row of SmolLM2 and of Phi-2, counted by hand, in bfloat16 with an adapter of rank 8.
    void rowsAreCounted() {
        DecoderConfig smol = commonConfig("llama");
        smol.hidden_size = 576, smol.intermediate_size = 1536, smol.layers = 30, smol.heads = 9, smol.kv_heads = 3,
        smol.head_dim = 64;
        QCOMPARE(keptBytes(smol, Precision::Bf16, 8), 4 * (576 + 9 + 4) + 2 * (576 + 2 * 576 + 2 * 192 + 2 * 1536 + 7 * 8));
        QCOMPARE(cachedBytes(smol, Precision::Bf16), 30 * 2 * 192 * 2);
        QCOMPARE(computedBytes(smol, Precision::Fp32), 4 * (6 * 576 + 3 * 1536));
        DecoderConfig phi = commonConfig("phi");
        phi.hidden_size = 2560, phi.intermediate_size = 10240, phi.layers = 32, phi.heads = phi.kv_heads = 32, phi.head_dim = 80;
        QCOMPARE(keptBytes(phi, Precision::Bf16, 8), 4 * (2560 + 32 + 2) + 2 * (4 * 2560 + 10240 + 6 * 8));
    }

private:
    static QString refusal(const std::function<void()>& read) {
        try {
            read();
        } catch (const Error& error) {
            return error.code() == ErrorCode::BadInput ? QString::fromStdString(error.message()) : QStringLiteral("another code");
        }
        return QStringLiteral("It was read.");
    }
    static void features() {
        QTest::addColumn<QString>("options");
        for (const TinyFeatures& one : tinyFeatures()) QTest::newRow(one.name) << QString::fromLatin1(one.options);
    }
    fs::path root() const { return fs::path(m_dir->path().toStdString()); }
    std::optional<QTemporaryDir> m_dir;
};

QTEST_APPLESS_MAIN(TestArchitecture)
#include "tst_architecture.moc"
