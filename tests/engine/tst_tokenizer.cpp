// links: engine_core test_support
// SPDX-License-Identifier: GPL-3.0-or-later
// The tiny tokenizer's tokens, hostile files, and long words.
#include "engine/text/normalize.h"
#include "engine/text/tokenizer.h"
#include "tests/support/tiny_model.h"

#include <QTemporaryDir>
#include <QtTest>
#include <nlohmann/json.hpp>

#include <fstream>
#include <functional>

namespace fs = std::filesystem;
using engine::Error;
using engine::Tokenizer;
using Json = nlohmann::json;

namespace {

std::string readFile(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

void writeFile(const fs::path& file, const std::string& text) {
    std::ofstream(file, std::ios::binary) << text;
}

std::string errorOf(const std::function<void()>& call) {
    try {
        call();
    } catch (const Error& error) { return error.what(); }
    return {};
}

Json tinyJson() {
    QTemporaryDir folder;
    testing_support::writeTinyTokenizer(folder.path().toStdString());
    return Json::parse(readFile(fs::path(folder.path().toStdString()) / "tokenizer.json"));
}

std::vector<std::int32_t> bytesOf(const std::string& text) {
    std::vector<std::int32_t> ids;
    for (char c : text) ids.push_back(static_cast<unsigned char>(c));
    return ids;
}

} // namespace

class TestTokenizer : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void init() {
        m_dir = std::make_unique<QTemporaryDir>();
        m_folder = m_dir->path().toStdString();
        testing_support::writeTinyTokenizer(m_folder);
    }

    void mergesInOrder() {
        const Tokenizer tokenizer = Tokenizer::fromFolder(m_folder);
        QCOMPARE(tokenizer.size(), testing_support::tinyVocabulary());
        QCOMPARE(tokenizer.eos(), testing_support::tinyEos());
        QCOMPARE(tokenizer.bos(), testing_support::tinyEos());
        QVERIFY(!tokenizer.addsBos());
        const auto ids = tokenizer.encode(" the negative");
        std::vector<std::string> pieces;
        for (std::int32_t id : ids) pieces.push_back(tokenizer.tokenBytes(id));
        QCOMPARE(pieces, (std::vector<std::string>{" the", " ne", "g", "a", "tive"}));
        QCOMPARE(tokenizer.decode(ids), std::string(" the negative"));
    }

    // As tokenizers 0.23: marks of Unicode 10 and later pass unordered.
    void normalisesByUnicode9() {
        engine::Normalizer nfc;
        nfc.add(engine::Normalizer::Form::Nfc);
        QCOMPARE(nfc.apply("e\u0301"), std::string("\u00e9"));
        QCOMPARE(nfc.apply("i\u1dfb\u0316"), std::string("i\u0316\u1dfb"));
        QCOMPARE(nfc.apply("i\u1ab0\u1aca"), std::string("i\u1ab0\u1aca"));
        QCOMPARE(nfc.apply("i\u0e49\u0eba"), std::string("i\u0e49\u0eba"));
    }

    void mergesAsPairsAndAsStringsAreTheSame() {
        const Tokenizer pairs = Tokenizer::fromFolder(m_folder);
        testing_support::writeTinyTokenizer(m_folder, false);
        const Tokenizer strings = Tokenizer::fromFolder(m_folder);
        const std::string text = "The seller's tone is positive; the others are negative or neutral.";
        QCOMPARE(strings.encode(text), pairs.encode(text));
    }

    void specialTokensInTheText() {
        const Tokenizer tokenizer = Tokenizer::fromFolder(m_folder);
        const auto ids = tokenizer.encode("a<|endoftext|>b");
        QCOMPARE(ids, (std::vector<std::int32_t>{'a', tokenizer.eos(), 'b'}));
        QVERIFY(tokenizer.isSpecial(tokenizer.eos()));
        QVERIFY(!tokenizer.isSpecial('a'));
        QVERIFY(!tokenizer.isSpecial(-1));
        QVERIFY(!tokenizer.isSpecial(1 << 30));
        QCOMPARE(tokenizer.decode(ids), std::string("a<|endoftext|>b"));
        QCOMPARE(tokenizer.decode(ids, true), std::string("ab"));
    }

    void bytesThatAreNotUtf8() {
        const Tokenizer tokenizer = Tokenizer::fromFolder(m_folder);
        for (const std::string text : {"\xFF\xFE", "caf\xC3", "\xF0\x9F\x98", "\xED\xA0\x80z", "a\xC0\xAF", "\x80\x80 \xBF"}) {
            QCOMPARE(tokenizer.encode(text), bytesOf(text));
            QCOMPARE(tokenizer.decode(tokenizer.encode(text)), text);
        }
        std::string all;
        for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
        QCOMPARE(tokenizer.decode(tokenizer.encode(all)), all);
    }

    void partialCharacters() {
        const Tokenizer tokenizer = Tokenizer::fromFolder(m_folder);
        const std::string text = "\xF0\x9F\x99\x82";
        const auto ids = tokenizer.encode(text);
        QCOMPARE(ids.size(), std::size_t(4));
        QCOMPARE(tokenizer.decode({ids[0], ids[1]}), text.substr(0, 2));
        QCOMPARE(tokenizer.tokenBytes(ids[3]), text.substr(3));
        QCOMPARE(tokenizer.tokenBytes(100000), std::string());
        QCOMPARE(tokenizer.decode({-5, 'x'}), std::string("x"));
    }

    void nothing() {
        const Tokenizer tokenizer = Tokenizer::fromFolder(m_folder);
        QVERIFY(tokenizer.encode("").empty());
        QCOMPARE(tokenizer.decode({}), std::string());
    }

    // A quadratic merge would take minutes here.
    void longWords() {
        const Tokenizer tokenizer = Tokenizer::fromFolder(m_folder);
        std::string text;
        for (int n = 0; n < 250000; ++n) text += "then";
        const auto ids = tokenizer.encode(text);
        QCOMPARE(ids.size(), std::size_t(750000)); // t he n
        QCOMPARE(tokenizer.decode(ids), text);
        QCOMPARE(tokenizer.decode(tokenizer.encode(std::string(1000000, ' '))), std::string(1000000, ' '));
    }

    // Long words take another way through the merges than short ones.
    void longAndShortWordsMergeAlike() {
        const Tokenizer tokenizer = Tokenizer::fromFolder(m_folder);
        const std::string word = "positivenegativetherein";
        const auto once = tokenizer.encode(word + "\n");
        std::vector<std::int32_t> inLong;
        std::string text;
        for (int n = 0; n < 40; ++n) text += word + "\n";
        for (int n = 0; n < 40; ++n) inLong.insert(inLong.end(), once.begin(), once.end());
        QCOMPARE(tokenizer.encode(text), inLong);
        Json json = tinyJson();
        json["pre_tokenizer"]["use_regex"] = false;
        writeFile(m_folder / "tokenizer.json", json.dump());
        QCOMPARE(Tokenizer::fromFolder(m_folder).encode(text), inLong);
    }

    void badFiles_data() {
        QTest::addColumn<QByteArray>("text");
        QTest::addColumn<QByteArray>("expected");
        const auto row = [](const char* name, const std::string& text, const char* expected) {
            QTest::newRow(name) << QByteArray::fromStdString(text) << QByteArray(expected);
        };
        const auto changed = [](const std::function<void(Json&)>& change) {
            Json json = tinyJson();
            change(json);
            return json.dump();
        };
        const auto with = [&](const char* name, const std::function<void(Json&)>& change, const char* expected) {
            row(name, changed(change), expected);
        };

        row("empty", "", "this is not JSON");
        row("cut short", changed([](Json& j) { j["cut"] = std::string(4000, 0x78); }).substr(0, 4000), "this is not JSON");
        row("a list", "[1,2]", "a JSON object is needed");
        row("binary", std::string("GGUF\0\1", 6), "this is not JSON");
        row("more after a zero", changed([](Json&) {}) + std::string("\0x", 2), "this is not JSON");
        row("no UTF-8", "{\"model\": \"\xFF\"}", "this is not JSON");
        row("deep", std::string(100000, '['), "deeper than 64");
        row("deep in the vocabulary", "{\"model\":{\"vocab\":{\"a\":[[]]}}}", "\"a\" has no whole number");
        row("key twice", "{\"model\": 1, \"model\": 2}", "\"model\" is there twice");
        row("vocabulary twice", R"({"model":{"vocab":{"a":0},"vocab":{"b":0}}})", "vocab is there twice");
        row("token twice", R"({"model":{"type":"BPE","vocab":{"a":0,"a":1},"merges":[]}})",
            "the token \"a\" has two ids, 0 and 1");
        with(
            "no model", [](Json& j) { j.erase("model"); }, "the key model is missing");
        with(
            "no vocabulary", [](Json& j) { j["model"].erase("vocab"); }, "vocab is missing");
        with(
            "no merges", [](Json& j) { j["model"].erase("merges"); }, "merges are missing");
        with(
            "vocabulary a list", [](Json& j) { j["model"]["vocab"] = Json::array({"a"}); },
            "vocab is missing or is not an object");
        with(
            "Unigram", [](Json& j) { j["model"]["type"] = "Unigram"; }, "models of the type \"Unigram\"");
        with(
            "WordPiece", [](Json& j) { j["model"]["type"] = "WordPiece"; }, "models of the type \"WordPiece\"");
        with(
            "negative id", [](Json& j) { j["model"]["vocab"]["zz"] = -1; }, "\"zz\" has the id -1");
        with(
            "huge id", [](Json& j) { j["model"]["vocab"]["zz"] = 4000000000U; }, "\"zz\" has the id 4000000000");
        with(
            "id beyond 64 bits", [](Json& j) { j["model"]["vocab"]["zz"] = 1e30; }, "\"zz\" has no whole number");
        with(
            "id with a fraction", [](Json& j) { j["model"]["vocab"]["zz"] = 1.5; }, "\"zz\" has no whole number");
        with(
            "id taken", [](Json& j) { j["model"]["vocab"]["zz"] = 7; }, "both have the id 7");
        with(
            "unknown token in a merge",
            [](Json& j) {
                j["model"]["merges"].push_back({"q", "\u00e9\u00e9"});
            },
            "merge 25");
        with(
            "result not in the vocabulary", [](Json& j) { j["model"]["merges"].push_back("q q"); }, "needs the token \"qq\"");
        with(
            "merge of three",
            [](Json& j) {
                j["model"]["merges"].push_back({"a", "b", "c"});
            },
            "merge 25 has 3 tokens");
        with(
            "merge of one", [](Json& j) { j["model"]["merges"].push_back("ab"); }, "merge 25 is \"ab\"");
        with(
            "merge a number", [](Json& j) { j["model"]["merges"].push_back(3); }, "merge 25 is not a pair");
        with(
            "prefix", [](Json& j) { j["model"]["continuing_subword_prefix"] = "##"; }, "continuing_subword_prefix");
        with(
            "dropout", [](Json& j) { j["model"]["dropout"] = 0.1; }, "dropout");
        with(
            "unknown unk_token", [](Json& j) { j["model"]["unk_token"] = "<unk>"; }, "unk_token \"<unk>\"");
        with(
            "pre-tokenizer",
            [](Json& j) {
                j["pre_tokenizer"] = {{"type", "BertPreTokenizer"}};
            },
            "pre-tokenizers of the type \"BertPreTokenizer\"");
        with(
            "normalizer",
            [](Json& j) {
                j["normalizer"] = {{"type", "Precompiled"}};
            },
            "normalizers of the type \"Precompiled\"");
        with(
            "decoder",
            [](Json& j) {
                j["decoder"] = {{"type", "CTC"}};
            },
            "decoders of the type \"CTC\"");
        with(
            "post-processor",
            [](Json& j) {
                j["post_processor"] = {{"type", "Sequence"}, {"processors", {{{"type", "BertProcessing"}}}}};
            },
            "post-processors of the type \"BertProcessing\"");
        with(
            "post-processor of text", [](Json& j) { j["post_processor"] = "ByteLevel"; },
            "post_processor: an object with the key type is needed");
        with(
            "step without type", [](Json& j) { j["pre_tokenizer"] = Json::object(); }, "pre_tokenizer: the key type is missing");
        with(
            "sequence of nothing",
            [](Json& j) {
                j["pre_tokenizer"] = {{"type", "Sequence"}};
            },
            "the key pretokenizers is missing");
        with(
            "bad expression",
            [](Json& j) {
                j["pre_tokenizer"] = {
                    {"type", "Split"}, {"pattern", {{"Regex", "a(b"}}}, {"behavior", "Isolated"}, {"invert", false}};
            },
            "\"a(b\" is not understood");
        with(
            "too many steps",
            [](Json& j) {
                j["pre_tokenizer"] = {{"type", "Sequence"}, {"pretokenizers", Json(100, {{"type", "Digits"}})}};
            },
            "more than 64 steps");
        with(
            "added token with another's id",
            [](Json& j) {
                j["added_tokens"].push_back({{"content", "<x>"}, {"id", 3}});
            },
            "both have the id 3");
        with(
            "added token with another id",
            [](Json& j) {
                j["added_tokens"].push_back({{"content", "q"}, {"id", 3}});
            },
            "\"q\" has two ids");
        with(
            "added token without id",
            [](Json& j) {
                j["added_tokens"].push_back({{"content", "<x>"}});
            },
            "the key id is missing");
        with(
            "added token with a huge id",
            [](Json& j) {
                j["added_tokens"].push_back({{"content", "<x>"}, {"id", 1e9}});
            },
            "\"<x>\" has the id");
        with(
            "added token too long",
            [](Json& j) {
                j["added_tokens"].push_back({{"content", std::string(5000, 'x')}, {"id", 900}});
            },
            "longer than 1024 bytes");
        with(
            "added tokens no list", [](Json& j) { j["added_tokens"] = "x"; }, "added_tokens is not a list");
    }

    void badFiles() {
        QFETCH(QByteArray, text);
        QFETCH(QByteArray, expected);
        writeFile(m_folder / "tokenizer.json", text.toStdString());
        const std::string error = errorOf([&] { Tokenizer::fromFolder(m_folder); });
        QVERIFY2(error.find(expected.toStdString()) != std::string::npos, error.c_str());
        QVERIFY2(error.find((m_folder / "tokenizer.json").string()) != std::string::npos, error.c_str());
    }

    void runawayExpression() {
        Json json = tinyJson();
        json["pre_tokenizer"] = {
            {"type", "Sequence"},
            {"pretokenizers",
             {{{"type", "Split"}, {"pattern", {{"Regex", "(a|aa)+$"}}}, {"behavior", "Isolated"}, {"invert", false}},
              {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}}}}};
        writeFile(m_folder / "tokenizer.json", json.dump());
        const Tokenizer tokenizer = Tokenizer::fromFolder(m_folder);
        QCOMPARE(tokenizer.encode("aaa"), bytesOf("aaa"));
        const std::string error = errorOf([&] { tokenizer.encode(std::string(5000, 'a') + "b"); });
        QVERIFY2(error.find("(a|aa)+$") != std::string::npos, error.c_str());
    }

    void noTokenizer() {
        fs::remove(m_folder / "tokenizer.json");
        QVERIFY(errorOf([&] { Tokenizer::fromFolder(m_folder); }).find("holds no tokenizer") != std::string::npos);
        writeFile(m_folder / "tokenizer.model", "x");
        QVERIFY(errorOf([&] { Tokenizer::fromFolder(m_folder); }).find("SentencePiece") != std::string::npos);
    }

    void configTokens_data() {
        QTest::addColumn<QByteArray>("config");
        QTest::addColumn<QByteArray>("error");
        QTest::newRow("objects")
            << QByteArray(R"({"bos_token":{"content":"<|endoftext|>","special":true},"eos_token":{"content":"<|endoftext|>"},
            "model_max_length":1000000000000000019884624838656})")
            << QByteArray();
        QTest::newRow("strings") << QByteArray(R"({"bos_token":"<|endoftext|>","eos_token":"<|endoftext|>","pad_token":null})")
                                 << QByteArray();
        QTest::newRow("not in the vocabulary")
            << QByteArray(R"({"bos_token":null,"eos_token":"<end>"})") << QByteArray("eos_token is \"<end>\"");
        QTest::newRow("a number") << QByteArray(R"({"eos_token":5})") << QByteArray("eos_token");
        QTest::newRow("not JSON") << QByteArray("{") << QByteArray("tokenizer_config.json");
    }

    void configTokens() {
        QFETCH(QByteArray, config);
        QFETCH(QByteArray, error);
        writeFile(m_folder / "tokenizer_config.json", config.toStdString());
        const std::string found = errorOf([&] {
            const Tokenizer tokenizer = Tokenizer::fromFolder(m_folder);
            QCOMPARE(tokenizer.bos(), testing_support::tinyEos());
            QCOMPARE(tokenizer.eos(), testing_support::tinyEos());
        });
        QCOMPARE(found.empty(), error.isEmpty());
        QVERIFY2(found.find(error.toStdString()) != std::string::npos, found.c_str());
    }

private:
    std::unique_ptr<QTemporaryDir> m_dir;
    fs::path m_folder;
};

QTEST_APPLESS_MAIN(TestTokenizer)
#include "tst_tokenizer.moc"
