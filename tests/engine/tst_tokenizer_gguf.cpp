// SPDX-License-Identifier: GPL-3.0-or-later
// Tokenizers in GGUF files: the golden dialects again, and files that are wrong.
#include "engine/text/tokenizer.h"
#include "engine/text/tokenizer_export.h"
#include "engine/weights/gguf.h"
#include "tests/support/gguf_bytes.h"
#include "tests/support/tokenizer_golden.h"

#include <QTemporaryDir>
#include <QtTest>
#include <nlohmann/json.hpp>

#include <limits>

namespace fs = std::filesystem;
using engine::GgufFile;
using engine::Tokenizer;
using Json = nlohmann::json;
using testing_support::GgufBytes;
using testing_support::tokenizerGolden;

namespace {

const Json& caseNamed(const std::string& name) {
    for (const Json& one : tokenizerGolden()["cases"])
        if (one["name"] == name) return one;
    throw std::out_of_range(name);
}

struct Parts {
    std::vector<std::string> tokens, merges;
    std::vector<std::int32_t> types;
    std::vector<float> scores;

    explicit Parts(const std::string& model) {
        const Json& json = tokenizerGolden()["models"][model]["model"];
        tokens.resize(json["vocab"].size());
        for (const auto& [token, id] : json["vocab"].items()) tokens[id.get<std::size_t>()] = token;
        for (const Json& merge : json["merges"])
            merges.push_back(merge[0].get<std::string>() + " " + merge[1].get<std::string>());
        types.assign(tokens.size(), 1);
        for (std::size_t id = 0; id < tokens.size(); ++id) scores.push_back(-static_cast<float>(id));
    }
    void add(const std::string& token, std::int32_t type) {
        tokens.push_back(token);
        types.push_back(type);
        scores.push_back(0);
    }
};

} // namespace

class TestTokenizerGguf : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void init() {
        m_dir = std::make_unique<QTemporaryDir>();
        m_file = fs::path(m_dir->path().toStdString()) / "model.gguf";
    }

    void byteLevel_data() {
        QTest::addColumn<QByteArray>("pre");
        QTest::addColumn<QByteArray>("expected");
        QTest::newRow("gpt-2") << QByteArray("gpt-2") << QByteArray("GPT-2");
        QTest::newRow("phi-2") << QByteArray("phi-2") << QByteArray("GPT-2");
        QTest::newRow("default") << QByteArray("default") << QByteArray("GPT-2");
        QTest::newRow("missing") << QByteArray() << QByteArray("GPT-2");
        QTest::newRow("smollm") << QByteArray("smollm") << QByteArray("digits one by one");
        QTest::newRow("llama-bpe") << QByteArray("llama-bpe") << QByteArray("Llama 3");
        QTest::newRow("gpt-4o") << QByteArray("gpt-4o") << QByteArray("an expression of our own");
        QTest::newRow("qwen2") << QByteArray("qwen2") << QByteArray("Qwen 2");
    }

    void byteLevel() {
        QFETCH(QByteArray, pre);
        QFETCH(QByteArray, expected);
        const Tokenizer tokenizer = load(Parts("bytes"), pre.toStdString());
        agrees(tokenizer, expected.toStdString());
        QCOMPARE(tokenizer.addsBos(), false);
    }

    void addedTokens() {
        Parts parts("bytes");
        parts.add("<|endoftext|>", 3);
        for (int blanks = 31; blanks > 1; --blanks) parts.add(std::string(static_cast<std::size_t>(blanks), ' '), 4);
        for (int tabs = 9; tabs > 1; --tabs) parts.add(std::string(static_cast<std::size_t>(tabs), '\t'), 4);
        for (int pad = 0; pad < 5; ++pad) parts.add("[PAD" + std::to_string(pad) + "]", 5);
        const Tokenizer tokenizer = load(parts, "phi-2", 400);
        QCOMPARE(tokenizer.size(), std::int64_t(444));
        QCOMPARE(tokenizer.bos(), 400);
        QCOMPARE(tokenizer.eos(), 400);
        QVERIFY(tokenizer.addsBos());
        QVERIFY(tokenizer.isSpecial(400) && !tokenizer.isSpecial(401) && !tokenizer.isSpecial(443));
        QCOMPARE(tokenizer.tokenBytes(401), std::string(31, ' '));
        QVERIFY(tokenizer.encode("[PAD3]").size() > 1);
        agrees(tokenizer, "runs of blanks as in Phi");
    }

    void sentencePiece() {
        Parts parts("pieces");
        parts.types[0] = 2;
        for (std::size_t byte = 1; byte <= 256; ++byte) parts.types[byte] = 6;
        parts.add("<|end|>", 3);
        const Tokenizer tokenizer = load(parts, "", 470, "llama");
        agrees(tokenizer, "Llama 2, all ways to merge");
        QCOMPARE(tokenizer.decode(tokenizer.encode("the  \n\xFF market")), std::string("the  \n\xFF market"));
    }

    /// Scores decide, the leftmost of equal ones first; user-defined tokens are found before anything merges.
    void asSentencePiece_data() {
        QTest::addColumn<int>("model");
        QTest::newRow("a blank before the text") << 0;
        QTest::newRow("none, and tokens of blanks") << 1;
    }
    void asSentencePiece() {
        QFETCH(int, model);
        const Json& golden = tokenizerGolden()["sentencepiece"][static_cast<std::size_t>(model)];
        GgufBytes meta;
        meta.text("tokenizer.ggml.model", "llama");
        meta.texts("tokenizer.ggml.tokens", golden["tokens"]);
        meta.numbers("tokenizer.ggml.token_type", golden["types"]);
        meta.floats("tokenizer.ggml.scores", golden["scores"]);
        meta.number("tokenizer.ggml.unknown_token_id", 0);
        meta.number("tokenizer.ggml.bos_token_id", 470);
        meta.number("tokenizer.ggml.eos_token_id", 471);
        meta.flag("tokenizer.ggml.add_space_prefix", golden["prefix"]);
        meta.write(m_file);
        const Tokenizer tokenizer = Tokenizer::fromGguf(GgufFile(m_file));
        QVERIFY(tokenizer.addsBos());
        for (const Json& result : golden["results"]) {
            const std::string text = tokenizerGolden()["texts"][result["text"].get<std::size_t>()];
            const auto ids = tokenizer.encode(text);
            QVERIFY2(ids == result["ids"].get<std::vector<std::int32_t>>(),
                     (Json(text).dump() + " gives " + Json(ids).dump() + ", not " + result["ids"].dump()).c_str());
            QCOMPARE(tokenizer.decode(ids), result["decoded"].get<std::string>());
        }
        // An answer goes on after a question: no blank is put before it.
        std::vector<std::int32_t> whole = tokenizer.encode("the market:");
        for (const std::int32_t id : tokenizer.encodeContinuation(" bread")) whole.push_back(id);
        QCOMPARE(whole, tokenizer.encode("the market: bread"));
    }

    void wrong_data() {
        QTest::addColumn<QByteArray>("what");
        QTest::addColumn<QByteArray>("expected");
        const auto row = [](const char* what, const char* expected) {
            QTest::newRow(what) << QByteArray(what) << QByteArray(expected);
        };
        row("no model", "tokenizer.ggml.model");
        row("unknown model", "tokenizer.ggml.model is \"bert\"");
        row("no tokens", "tokenizer.ggml.tokens are missing");
        row("tokens of another kind", "tokenizer.ggml.tokens is of the wrong kind");
        row("types too few", "tokenizer.ggml.token_type has 2 entries, but there are 3 tokens");
        row("token twice", "the token \"a\" has two ids, 0 and 2");
        row("no merges", "tokenizer.ggml.merges are missing");
        row("merge of one", "merge 1 is \"ab\"");
        row("merge of nothing known", "needs the token \"q\"");
        row("unknown pre", "tokenizer.ggml.pre is \"martian\"");
        row("eos out of range", "eos_token_id is 3, but the file has 3 tokens");
        row("no scores", "tokenizer.ggml.scores are missing");
        row("scores not numbers", "a score that is no number");
    }

    void wrong() {
        QFETCH(QByteArray, what);
        QFETCH(QByteArray, expected);
        GgufBytes meta;
        const bool pieces = what.contains("scores");
        if (what != "no model") meta.text("tokenizer.ggml.model", what == "unknown model" ? "bert" : pieces ? "llama" : "gpt2");
        if (what == "tokens of another kind")
            meta.numbers("tokenizer.ggml.tokens", {1, 2, 3});
        else if (what != "no tokens")
            meta.texts("tokenizer.ggml.tokens", {"a", "b", what == "token twice" ? "a" : "ab"});
        meta.numbers("tokenizer.ggml.token_type",
                     what == "types too few" ? std::vector<std::int32_t>{1, 1} : std::vector<std::int32_t>{1, 1, 1});
        if (what != "no merges")
            meta.texts("tokenizer.ggml.merges", {what == "merge of one"             ? "ab"
                                                 : what == "merge of nothing known" ? "a q"
                                                                                    : "a b"});
        if (what == "unknown pre") meta.text("tokenizer.ggml.pre", "martian");
        if (what == "eos out of range") meta.number("tokenizer.ggml.eos_token_id", 3);
        if (what == "scores not numbers") meta.floats("tokenizer.ggml.scores", {0, std::numeric_limits<float>::quiet_NaN(), 0});
        meta.write(m_file);
        const GgufFile file(m_file);
        std::string error;
        try {
            Tokenizer::fromGguf(file);
        } catch (const engine::Error& e) { error = e.what(); }
        QVERIFY2(error.find(expected.toStdString()) != std::string::npos, error.c_str());
        QVERIFY2(error.find(m_file.string()) != std::string::npos, error.c_str());
    }

    void theDefaultModel() {
        const fs::path path = PHIBENCH_SOURCE_DIR "/.deps/models/SmolLM2-135M-Instruct.Q4_1.gguf";
        if (!fs::exists(path)) QSKIP("The default model is not here; resources/setup.sh fetches it.");
        const GgufFile file(path);
        const Tokenizer tokenizer = Tokenizer::fromGguf(file);
        QCOMPARE(tokenizer.size(), std::int64_t(49152));
        QCOMPARE(tokenizer.bos(), 1);
        QCOMPARE(tokenizer.eos(), 2);
        QVERIFY(!tokenizer.addsBos());
        // "In", three blanks, "2", "0", "2", "3", ":", " profit", "<|im_end|>": GPT-2's split alone would give the last blank to
        // the digits.
        const auto ids = tokenizer.encode("In   2023: profit<|im_end|>");
        QCOMPARE(ids.size(), std::size_t(9));
        QCOMPARE(tokenizer.tokenBytes(ids[1]), std::string("   "));
        QCOMPARE(tokenizer.tokenBytes(ids[7]), std::string(" profit"));
        QCOMPARE(ids[8], 2);
    }

private:
    Tokenizer load(const Parts& parts, const std::string& pre, int eos = -1, const std::string& model = "gpt2") {
        GgufBytes meta;
        meta.text("tokenizer.ggml.model", model);
        if (!pre.empty()) meta.text("tokenizer.ggml.pre", pre);
        meta.texts("tokenizer.ggml.tokens", parts.tokens);
        meta.numbers("tokenizer.ggml.token_type", parts.types);
        if (model == "gpt2")
            meta.texts("tokenizer.ggml.merges", parts.merges);
        else
            meta.floats("tokenizer.ggml.scores", parts.scores);
        if (eos >= 0) {
            meta.number("tokenizer.ggml.bos_token_id", static_cast<std::uint32_t>(eos));
            meta.number("tokenizer.ggml.eos_token_id", static_cast<std::uint32_t>(eos));
            meta.flag("tokenizer.ggml.add_bos_token", true);
        }
        meta.write(m_file);
        return Tokenizer::fromGguf(GgufFile(m_file));
    }

    /// The GGUF's tokenizer, and what is written for Hugging Face.
    void agrees(const Tokenizer& tokenizer, const std::string& name) const {
        const fs::path folder = m_file.parent_path();
        engine::writeGgufTokenizer(GgufFile(m_file), folder);
        const Tokenizer written = Tokenizer::fromFolder(folder);
        QCOMPARE(written.size(), tokenizer.size());
        QCOMPARE(written.bos(), tokenizer.bos());
        QCOMPARE(written.eos(), tokenizer.eos());
        QCOMPARE(written.addsBos(), tokenizer.addsBos());
        for (const Json& result : caseNamed(name)["results"]) {
            const std::string text = tokenizerGolden()["texts"][result["text"].get<std::size_t>()];
            const auto expected = result["ids"].get<std::vector<std::int32_t>>();
            const auto ids = tokenizer.encode(text);
            QVERIFY2(ids == expected,
                     (Json(text).dump() + " gives " + Json(ids).dump() + ", not " + Json(expected).dump()).c_str());
            QVERIFY2(written.encode(text) == expected, (Json(text).dump() + " gives other tokens once written").c_str());
            QVERIFY2(written.decode(ids) == tokenizer.decode(ids), Json(text).dump().c_str());
        }
    }

    std::unique_ptr<QTemporaryDir> m_dir;
    fs::path m_file;
};

QTEST_APPLESS_MAIN(TestTokenizerGguf)
#include "tst_tokenizer_gguf.moc"
