// SPDX-License-Identifier: GPL-3.0-or-later
// Token ids against the tokenizers library's, for the dialects of data/make_tokenizer_golden.py.
#include "engine/text/pretokenize.h"
#include "engine/text/tokenizer.h"
#include "tests/support/tokenizer_golden.h"

#include <QTemporaryDir>
#include <QtTest>
#include <nlohmann/json.hpp>

#include <fstream>
#include <random>

namespace fs = std::filesystem;
using engine::Tokenizer;
using Json = nlohmann::json;
using testing_support::tokenizerGolden;

namespace {

Json caseNamed(const std::string& name) {
    for (const Json& one : tokenizerGolden()["cases"])
        if (one["name"] == name) return one;
    return {};
}

Json tokenizerOf(const Json& one) {
    Json json = tokenizerGolden()["models"][one["base"].get<std::string>()];
    json.merge_patch(one["patch"]);
    return json;
}

void write(const fs::path& file, const std::string& text) {
    std::ofstream(file, std::ios::binary) << text;
}

// Blanks, line ends, quotes, letters, digits, marks, symbols and broken UTF-8 in any order.
std::string randomText(std::mt19937_64& random, std::size_t pieces) {
    static const std::vector<std::string> kPieces{" ",
                                                  " ",
                                                  "  ",
                                                  "\n",
                                                  "\r",
                                                  "\r\n",
                                                  "\t",
                                                  "\xC2\xA0",
                                                  "\xE3\x80\x80",
                                                  "\xC2\x85",
                                                  "'",
                                                  "'s",
                                                  "'S",
                                                  "'ll",
                                                  "'vE",
                                                  "'t",
                                                  "'\xC5\xBF",
                                                  "a",
                                                  "Z",
                                                  "word",
                                                  "\xC3\xA9",
                                                  "\xE9\x9D\xA2",
                                                  "\xD9\x85",
                                                  "1",
                                                  "42",
                                                  "\xC2\xBD",
                                                  "\xD9\xA3",
                                                  "\xCC\x81",
                                                  ".",
                                                  "!?",
                                                  "\xF0\x9F\x99\x82",
                                                  "\xE2\x80\x8D",
                                                  "_",
                                                  "$"};
    std::string text;
    for (std::size_t n = 0; n < pieces; ++n) text += kPieces[random() % kPieces.size()];
    return text;
}

} // namespace

class TestTokenizerGolden : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void agrees_data() {
        QTest::addColumn<QByteArray>("name");
        for (const Json& one : tokenizerGolden()["cases"]) {
            const std::string name = one["name"];
            QTest::newRow(name.c_str()) << QByteArray::fromStdString(name);
        }
    }

    void agrees() {
        QFETCH(QByteArray, name);
        const Json one = caseNamed(name.toStdString());
        QTemporaryDir folder;
        const fs::path path = folder.path().toStdString();
        write(path / "tokenizer.json", tokenizerOf(one).dump());
        const Tokenizer tokenizer = Tokenizer::fromFolder(path);
        QCOMPARE(one["results"].size(), tokenizerGolden()["texts"].size());
        for (const Json& result : one["results"]) {
            const std::string text = tokenizerGolden()["texts"][result["text"].get<std::size_t>()];
            const auto ids = tokenizer.encode(text);
            const auto expected = result["ids"].get<std::vector<std::int32_t>>();
            QVERIFY2(ids == expected,
                     (Json(text).dump() + " gives " + Json(ids).dump() + ", not " + Json(expected).dump()).c_str());
            if (result.contains("decoded")) QCOMPARE(tokenizer.decode(ids), result["decoded"].get<std::string>());
        }
    }

    void olderFiles_data() {
        QTest::addColumn<bool>("config");
        QTest::addColumn<bool>("windowsLines");
        QTest::newRow("with tokenizer_config.json") << true << false;
        QTest::newRow("without") << false << true;
    }

    // Phi's runs of blanks from added_tokens.json, the rest from vocab.json and merges.txt.
    void olderFiles() {
        QFETCH(bool, config);
        QFETCH(bool, windowsLines);
        const Json one = caseNamed("runs of blanks as in Phi");
        const Json whole = tokenizerOf(one);
        QTemporaryDir folder;
        const fs::path path = folder.path().toStdString();
        Json vocab = whole["model"]["vocab"];
        vocab["<|endoftext|>"] = 400;
        Json added = Json::object();
        for (const Json& token : whole["added_tokens"])
            if (token["id"] != 400) added[token["content"].get<std::string>()] = token["id"];
        std::string merges = "#version: 0.2\n";
        for (const Json& merge : whole["model"]["merges"])
            merges += merge[0].get<std::string>() + " " + merge[1].get<std::string>() + (windowsLines ? "\r\n" : "\n");
        write(path / "vocab.json", vocab.dump());
        write(path / "merges.txt", merges);
        write(path / "added_tokens.json", added.dump());
        if (config)
            write(path / "tokenizer_config.json",
                  R"({"tokenizer_class":"CodeGenTokenizer","bos_token":"<|endoftext|>","eos_token":"<|endoftext|>",
                "unk_token":"<|endoftext|>","add_prefix_space":false,"model_max_length":2048})");
        const Tokenizer tokenizer = Tokenizer::fromFolder(path);
        QCOMPARE(tokenizer.bos(), 400);
        QCOMPARE(tokenizer.eos(), 400);
        QCOMPARE(tokenizer.size(), std::int64_t(439));
        QVERIFY(tokenizer.isSpecial(400));
        QVERIFY(!tokenizer.isSpecial(401));
        QCOMPARE(tokenizer.encode("a" + std::string(33, ' ') + "b<|endoftext|>").size(), std::size_t(5));
        for (const Json& result : one["results"])
            QCOMPARE(tokenizer.encode(tokenizerGolden()["texts"][result["text"].get<std::size_t>()].get<std::string>()),
                     result["ids"].get<std::vector<std::int32_t>>());
    }

    void olderFilesThatAreWrong() {
        QTemporaryDir folder;
        const fs::path path = folder.path().toStdString();
        const auto error = [&] {
            try {
                Tokenizer::fromFolder(path);
            } catch (const engine::Error& e) { return std::string(e.what()); }
            return std::string();
        };
        const auto says = [&](const char* what) { return error().find(what) != std::string::npos; };
        write(path / "vocab.json", R"({"a":0,"b":1,"ab":2})");
        QVERIFY(says("holds no tokenizer"));
        write(path / "merges.txt", "#version: 0.2\na b\nb a\n");
        QVERIFY2(says("merges.txt: merge 2") && says("needs the token \"ba\""), error().c_str());
        write(path / "merges.txt", "a b\n\nab\n");
        QVERIFY2(says("merges.txt:3: \"ab\" is not two tokens"), error().c_str());
        write(path / "merges.txt", "a b\n");
        write(path / "tokenizer_config.json", R"({"tokenizer_class":"CLIPTokenizer"})");
        QVERIFY2(says("\"CLIPTokenizer\""), error().c_str());
        fs::remove(path / "tokenizer_config.json");
        write(path / "added_tokens.json", R"({"  ":2})");
        QVERIFY2(says("both have the id 2") && says("added_tokens.json"), error().c_str());
        write(path / "added_tokens.json", "[]");
        QVERIFY2(says("added_tokens.json"), error().c_str());
        write(path / "vocab.json", "{}");
        QVERIFY2(says("there is no token in it"), error().c_str());
    }

    void knownSplitsMatchTheirExpressions_data() {
        QTest::addColumn<int>("split");
        QTest::addColumn<QByteArray>("expression");
        QTest::newRow("GPT-2") << static_cast<int>(engine::KnownSplit::Gpt2)
                               << QByteArray(R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)");
        const QByteArray llama(
            R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)");
        QTest::newRow("Llama 3") << static_cast<int>(engine::KnownSplit::Llama3) << llama;
        QTest::newRow("Qwen 2") << static_cast<int>(engine::KnownSplit::Qwen2) << QByteArray(llama).replace("{1,3}", "");
    }

    // By hand and by PCRE2: the same words.
    void knownSplitsMatchTheirExpressions() {
        QFETCH(int, split);
        QFETCH(QByteArray, expression);
        const auto known = static_cast<engine::KnownSplit>(split);
        const engine::KnownSplit* found = engine::PreTokenizer::find(expression.toStdString());
        QVERIFY(found && *found == known);
        const engine::Pattern pattern = engine::Pattern::regex(expression.toStdString(), "here");
        std::mt19937_64 random(7);
        for (int n = 0; n < 3000; ++n) {
            const std::string text = randomText(random, 1 + random() % 30);
            std::vector<std::string> expected, words;
            for (const engine::Pattern::Piece& piece : pattern.pieces(text))
                expected.push_back(text.substr(piece.begin, piece.end - piece.begin));
            for (std::size_t at = 0; at < text.size();) {
                words.push_back(text.substr(at, engine::nextWord(known, std::string_view(text).substr(at))));
                at += words.back().size();
            }
            QVERIFY2(words == expected,
                     (Json(text).dump() + ": " + Json(words).dump() + ", not " + Json(expected).dump()).c_str());
        }
    }
};

QTEST_APPLESS_MAIN(TestTokenizerGolden)
#include "tst_tokenizer_golden.moc"
