// links: engine_core
// SPDX-License-Identifier: GPL-3.0-or-later
// Experiments as YAML: both ways, and its errors with their places.
#include "engine/experiment.h"
#include "engine/words/yaml_tree.h"
#include "tests/support/sound_experiment.h"

#include <QFile>
#include <QTemporaryDir>
#include <QTest>

#include <random>

using namespace engine;
using namespace testing_support;

namespace {

Experiment parse(const std::string& yaml) {
    return parseExperiment(yaml, "a.yaml", "/somewhere");
}

} // namespace

class TestExperimentYaml : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void readsTheContract();
    void theArticlesTemplate();
    void defaultsSurviveYaml();
    void yamlComesBack_data();
    void yamlComesBack();
    void randomTextsComeBack();
    void numbersAreShortest_data();
    void numbersAreShortest();
    void badYaml_data();
    void badYaml();
    void allProblemsAtOnce();
    void hostileYaml_data();
    void hostileYaml();
    void acceptedSpellings();
    void saving();
    void loadingNothing();
};

void TestExperimentYaml::readsTheContract() {
    const Experiment e = parse(R"(name: financial-sentiment-lora
model: {path: microsoft/phi-2, precision: nf4, double_quant: false, compute: bf16}
data:
  csv: all-data.csv          # relative to the experiment's file
  header: auto               # auto | true | false
  encoding: auto
  delimiter: auto
  label: 0
  text: 1
  labels: [negative, neutral, positive]
  split: {train_per_label: 300, test_per_label: 300, eval_per_label: 50, seed: 42, shuffle_seed: 10}
prompt:
  template: "… {text} … {label}"
  labels: {positive: " positive", negative: " negative", neutral: " neutral"}
lora: {r: 16, alpha: 16, dropout: 0.05, bias: none, targets: all-linear, rslora: false}
train: {epochs: 4, batch_size: 8, micro_batch_size: auto, learning_rate: 2e-4, weight_decay: 0.001, max_grad_norm: 0.3, warmup_ratio: 0.03,
        schedule: cosine, optimizer: adamw, loss_on: answer, max_tokens: 512, seed: 0, eval_every: 0, checkpoint_every: 50}
evaluate: {method: score, max_new_tokens: 3, unanswered: separate}
)");
    QCOMPARE(e.name, std::string("financial-sentiment-lora"));
    QCOMPARE(e.model.precision, std::string("nf4"));
    QCOMPARE(e.data.label, std::string("0"));
    QCOMPARE(e.data.labels, (std::vector<std::string>{"negative", "neutral", "positive"}));
    QCOMPARE(e.prompt.text_template, std::string("… {text} … {label}"));
    QCOMPARE(e.prompt.labels, (std::vector<std::pair<std::string, std::string>>{
                                  {"positive", " positive"}, {"negative", " negative"}, {"neutral", " neutral"}}));
    QCOMPARE(e.lora.targets, std::vector<std::string>{"all-linear"});
    QCOMPARE(e.train.learning_rate, 2e-4);
    QCOMPARE(dataPath(e).string(), std::string("/somewhere/all-data.csv"));
    Experiment expected;
    expected.name = e.name;
    expected.data = e.data;
    expected.prompt = e.prompt;
    expected.model = e.model;
    QCOMPARE(differing(e, expected), std::string()); // everything else in the contract is the default
}

void TestExperimentYaml::theArticlesTemplate() {
    const std::string in(12, ' ');
    Experiment e = sound();
    e.prompt.text_template = "The sentiment of the following phrase: '{text}' is \n" + in + "\n\n Positive\n" + in +
                             "\n Negative\n" + in + "\n Neutral\n" + in + "\n Cannot be determined\n" + in +
                             "\n\nSolution: The correct option is{label}";
    const std::string yaml = toYaml(e);
    QCOMPARE(parse(yaml).prompt.text_template, e.prompt.text_template);
    for (std::size_t at = yaml.find('\n'); at != std::string::npos; at = yaml.find('\n', at + 1))
        QVERIFY2(at == 0 || yaml[at - 1] != ' ', "no line may end in blanks that an editor strips");
}

void TestExperimentYaml::defaultsSurviveYaml() {
    const std::string yaml = toYaml(Experiment{});
    QCOMPARE(differing(parse(yaml), Experiment{}), std::string());
    QCOMPARE(toYaml(parse(yaml)), yaml);
    QVERIFY2(yaml.find("\n  learning_rate: 2e-4\n") != std::string::npos, yaml.c_str());
    QVERIFY2(yaml.find("\n  targets: [all-linear]\n") != std::string::npos, yaml.c_str());
    QVERIFY2(yaml.find("\n  split:\n    train_per_label: 300\n") != std::string::npos, yaml.c_str());
}

void TestExperimentYaml::yamlComesBack_data() {
    QTest::addColumn<QByteArray>("text");
    const auto row = [](const char* name, const QByteArray& text) { QTest::newRow(name) << text; };
    row("plain", "plain");
    row("trailing blank", "ends in a blank ");
    row("leading blank", " begins with a blank");
    row("only blanks", "   ");
    row("newline at end", "line\n");
    row("newlines at end", "line\n\n\n");
    row("newline first", "\nline");
    row("indented lines", "a\n    b\n  c \n\n   \n d");
    row("tabs", "\ta\tb\n\tc\t");
    row("quotes", "she said \"it's\" 'fine' `so`");
    row("backslashes", "C:\\new\\table \\\" \\n");
    row("backslash at line end", "a\\\nb\\");
    row("carriage returns", "a\r\nb\rc");
    row("yaml words", "null");
    row("tilde", "~");
    row("boolean", "true");
    row("number", "1e3");
    row("dashes", "--- a");
    row("dash", "- a");
    row("dots", "...");
    row("colon", "a: b");
    row("comment", "a # b");
    row("braces", "{a: [b, c]}");
    row("question", "? what");
    row("anchor", "&a *b !c %d @e");
    row("unicode", "Größe „süß“ – Ω 漢字 🙂 e\xCC\x81");
    row("no-break space", "a\xC2\xA0"
                          "b\xE2\x80\x8A"
                          "c");
    row("line separators", "a\xE2\x80\xA8"
                           "b\xE2\x80\xA9"
                           "c\xC2\x85"
                           "d");
    row("byte-order mark", "\xEF\xBB\xBF"
                           "a\xEF\xBB\xBF");
    row("controls", "\x01\x07\x1B[0m\x7F");
    row("fold marks", "> folded\n| literal");
    row("empty", "");
    row("long", QByteArray(5000, 'x') + "\n" + QByteArray(5000, ' '));
}

void TestExperimentYaml::yamlComesBack() {
    QFETCH(QByteArray, text);
    const std::string value = text.toStdString();
    Experiment e = sound();
    e.name = value;
    e.model.path = value;
    e.prompt.text_template = "x" + value + "{text}\n" + value + "{label}";
    if (value.size() < 500) e.prompt.labels = {{"z" + value, value}, {"a" + value, "\n" + value}};
    if (value.find_first_not_of(" \t") != std::string::npos) e.data.labels = {"good", value, "bad"};
    const Experiment back = parse(toYaml(e));
    QCOMPARE(differing(e, back), std::string());
    QCOMPARE(back.name, value);
    QCOMPARE(back.prompt.labels, e.prompt.labels); // order kept
    QCOMPARE(back.data.labels, e.data.labels);
}

void TestExperimentYaml::randomTextsComeBack() {
    const std::vector<std::string> pieces{" ", "  ", "\n", "\t", "\\",           "\"", "'", "a", "{", "}", "#", ":",   "-",
                                          "|", ">",  "\r", "ü",  "\xE2\x80\xA8", "[",  "]", ",", "%", "~", "0", "\x01"};
    std::mt19937 random(7);
    for (int round = 0; round < 3000; ++round) {
        std::string text;
        for (unsigned n = random() % 12; n > 0; --n) text += pieces[random() % pieces.size()];
        Experiment e = sound();
        e.name = text;
        e.prompt.text_template = text;
        e.prompt.labels = {{"k" + text, text}};
        const Experiment back = parse(toYaml(e));
        QCOMPARE(differing(e, back), std::string());
    }
}

void TestExperimentYaml::numbersAreShortest_data() {
    QTest::addColumn<double>("value");
    QTest::addColumn<QString>("text");
    QTest::newRow("lr") << 2e-4 << "2e-4";
    QTest::newRow("whole") << 16.0 << "16";
    QTest::newRow("tenth") << 0.1 << "0.1";
    QTest::newRow("sum") << 0.1 + 0.2 << "0.30000000000000004";
    QTest::newRow("negative") << -1.0 << "-1";
    QTest::newRow("zero") << 0.0 << "0";
    QTest::newRow("tiny") << 5e-324 << "5e-324";
    QTest::newRow("large") << 1e22 << "1e22";
    QTest::newRow("e-10") << 1e-10 << "1e-10";
}

void TestExperimentYaml::numbersAreShortest() {
    QFETCH(double, value);
    QFETCH(QString, text);
    QCOMPARE(QString::fromStdString(yamlNumber(value)), text);
    QCOMPARE(text.toDouble(), value);
}

void TestExperimentYaml::badYaml_data() {
    QTest::addColumn<QByteArray>("yaml");
    QTest::addColumn<QString>("problem");
    const auto row = [](const char* name, const char* yaml, const char* problem) {
        QTest::newRow(name) << QByteArray(yaml) << QString::fromUtf8(problem);
    };
    row("unknown key", "train:\n  learing_rate: 1e-3\n",
        "a.yaml:2:3: unknown key \"learing_rate\" in train; did you mean learning_rate?");
    row("unknown in flow", "lora: {r: 4, alpah: 2}\n", "a.yaml:1:14: unknown key \"alpah\" in lora; did you mean alpha?");
    row("unknown at root", "nmae: x\n", "a.yaml:1:1: unknown key \"nmae\"; did you mean name?");
    row("unknown section", "trian: {epochs: 1}\n", "a.yaml:1:1: unknown key \"trian\"; did you mean train?");
    row("nothing near", "train:\n  zebra: 1\n",
        "a.yaml:2:3: unknown key \"zebra\" in train; in train there are epochs, batch_size, micro_batch_size, learning_rate, "
        "weight_decay, max_grad_norm, warmup_ratio, schedule, optimizer, loss_on, resid_dropout, max_tokens, seed, eval_every "
        "and "
        "checkpoint_every.");
    row("nothing near at root", "zebra: 1\n",
        "a.yaml:1:1: unknown key \"zebra\"; an experiment has name, model, data, prompt, lora, train and evaluate.");
    row("the Trainer's word", "train: {per_device_train_batch_size: 2}\n",
        "a.yaml:1:9: unknown key \"per_device_train_batch_size\" in train; a step takes train.batch_size rows and computes "
        "train.micro_batch_size of them at a time, so gradients are accumulated over batch_size / micro_batch_size parts.");
    row("PEFT's word", "lora: {lora_alpha: 2}\n", "a.yaml:1:8: unknown key \"lora_alpha\" in lora; here it is lora.alpha.");
    row("learning_rate", "learning_rate: 2\n", "a.yaml:1:1: unknown key \"learning_rate\"; did you mean train.learning_rate?");
    row("wrong place", "epochs: 4\n", "a.yaml:1:1: unknown key \"epochs\"; did you mean train.epochs?");
    row("wrong section", "train: {dropout: 0.1}\n", "a.yaml:1:9: unknown key \"dropout\" in train; did you mean lora.dropout?");
    row("another tool's spelling", "train: {batch-size: 8}\n",
        "a.yaml:1:9: unknown key \"batch-size\" in train; did you mean batch_size?");
    row("unknown in split", "data:\n  split:\n    sead: 1\n",
        "a.yaml:3:5: unknown key \"sead\" in data.split; did you mean seed?");
    row("not a number", "lora:\n  r: many\n", "a.yaml:2:6: lora.r must be a whole number from 1 to 1024, not \"many\".");
    row("out of range", "lora: {r: 0}\n", "a.yaml:1:11: lora.r must be a whole number from 1 to 1024, not \"0\".");
    row("fraction", "lora: {r: 1.5}\n", "a.yaml:1:11: lora.r must be a whole number from 1 to 1024, not \"1.5\".");
    row("huge", "train: {seed: 99999999999999999999}\n",
        "a.yaml:1:15: train.seed must be a whole number from 0 to 4294967295, not \"99999999999999999999\".");
    row("hexadecimal", "lora: {r: 0x10}\n", "a.yaml:1:11: lora.r must be a whole number from 1 to 1024, not \"0x10\".");
    row("infinite", "train: {learning_rate: .inf}\n",
        "a.yaml:1:24: train.learning_rate must be a number from 0 to 10, not \".inf\".");
    row("not finite", "train: {learning_rate: nan}\n",
        "a.yaml:1:24: train.learning_rate must be a number from 0 to 10, not \"nan\".");
    row("comma", "train: {learning_rate: \"2,5\"}\n",
        "a.yaml:1:24: train.learning_rate must be a number, not text: leave the quotes out.");
    row("quoted number", "lora: {r: \"16\"}\n", "a.yaml:1:11: lora.r must be a number, not text: leave the quotes out.");
    row("quoted flag", "lora: {rslora: 'true'}\n",
        "a.yaml:1:16: lora.rslora must be true or false, not text: leave the quotes out.");
    row("yes", "lora: {rslora: yes}\n", "a.yaml:1:16: lora.rslora must be true or false, not \"yes\".");
    row("choice", "lora: {bias: some}\n", "a.yaml:1:14: lora.bias must be none, all or lora_only, not \"some\".");
    row("precision", "model: {precision: fp16}\n", "a.yaml:1:20: model.precision must be auto, fp32, bf16 or nf4, not \"fp16\".");
    row("micro batch", "train: {micro_batch_size: few}\n",
        "a.yaml:1:27: train.micro_batch_size must be auto or a whole number from 1 to 65536, not \"few\".");
    row("resid dropout", "train: {resid_dropout: -0.5}\n",
        "a.yaml:1:24: train.resid_dropout must be -1 or a number from 0 to 0.99, not \"-0.5\".");
    row("list for a number", "lora: {r: [1]}\n", "a.yaml:1:11: lora.r must be a single value, not a list.");
    row("map for a text", "name: {a: b}\n", "a.yaml:1:7: name must be a single value, not a map.");
    row("map for a list", "data: {labels: {a: b}}\n", "a.yaml:1:16: data.labels must be a list, not a map.");
    row("list for a map", "prompt:\n  labels: [a, b]\n", "a.yaml:2:11: prompt.labels must be a map, not a list.");
    row("list in a list", "data: {labels: [a, [b]]}\n", "a.yaml:1:20: data.labels may hold words only, not a list.");
    row("null in a list", "data: {labels: [a, null]}\n",
        "a.yaml:1:20: data.labels may hold words only, not nothing; put null and ~ in quotes.");
    row("empty item", "data: {labels: [a, \"\"]}\n", "a.yaml:1:16: data.labels has an empty item.");
    row("no target", "lora: {targets: []}\n",
        "a.yaml:1:17: lora.targets names no layer, so there is nothing to train. Use all-linear.");
    row("list in a map", "prompt: {labels: {a: [b]}}\n", "a.yaml:1:22: prompt.labels may hold words only, not a list.");
    row("nothing", "name:\n", "a.yaml:1:1: name has no value; give one or leave the key out.");
    row("scalar section", "lora: 16\n", "a.yaml:1:7: lora must be a map of settings, not \"16\".");
    row("doubled key", "lora:\n  r: 4\n  r: 8\n", "a.yaml:3:3: \"r\" is set twice, first on line 2.");
    row("doubled section", "lora: {r: 4}\nname: a\nlora: {alpha: 4}\n", "a.yaml:3:1: \"lora\" is set twice, first on line 1.");
    row("doubled label", "prompt: {labels: {a: x, a: y}}\n", "a.yaml:1:25: \"a\" is set twice, first on line 1.");
    row("alias", "name: &n x\nmodel: {path: *n}\n", "a.yaml:2:15: aliases (*name) are not read here; write the value out.");
    row("tag", "name: !!str x\n", "a.yaml:1:7: tags (tag:yaml.org,2002:str) are not read here; leave it out.");
    row("merge key", "lora: {<<: {r: 4}}\n",
        "a.yaml:1:8: unknown key \"<<\" in lora; in lora there are r, alpha, dropout, bias, targets and rslora.");
    row("list key", "? [a]\n: b\n", "a.yaml:1:3: a key must be a word.");
    row("a list", "- name: x\n", "a.yaml:1:1: an experiment is a map of settings such as \"name: first\", not a list.");
    row("a word", "hello\n", "a.yaml:1:1: an experiment is a map of settings such as \"name: first\", not \"hello\".");
    row("empty", "", "a.yaml: is empty; an experiment begins with \"name:\" or \"model:\".");
    row("comments only", "# nothing\n", "a.yaml: is empty; an experiment begins with \"name:\" or \"model:\".");
    row("two documents", "name: a\n---\nname: b\n", "a.yaml:3:1: a second document begins here; an experiment is one.");
    row("unclosed", "lora: {r: 4\nname: x\n", "a.yaml:2:5: is not YAML: ");
    row("unclosed quote", "name: \"abc\n", "a.yaml:2:2: is not YAML: ");
    row("unclosed single", "name: 'abc\n\n", "a.yaml:3:2: is not YAML: ");
    row("unclosed at the end", "name: \"abc", "a.yaml:1:11: is not YAML: ");
    row("tab indent", "lora:\n\tr: 4\n", "a.yaml:2:3: is not YAML: ");
    row("not UTF-8", "name: a\nlora: {r: 4} # caf\xE9\n", "a.yaml:2:19: is not UTF-8 here; save it as UTF-8.");
    row("long value", "lora: {r: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}\n",
        "a.yaml:1:11: lora.r must be a whole number from 1 to 1024, not "
        "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…\".");
}

void TestExperimentYaml::badYaml() {
    QFETCH(QByteArray, yaml);
    QFETCH(QString, problem);
    const QString got = QString::fromStdString(problemOf([&] { parse(yaml.toStdString()); }));
    // What yaml-cpp says after "is not YAML: " is its own.
    const bool own = problem.endsWith(QStringLiteral("is not YAML: "));
    QCOMPARE(own ? got.left(problem.size()) : got, problem);
    QVERIFY(!got.contains(QLatin1Char('\n')));
}

void TestExperimentYaml::allProblemsAtOnce() {
    const std::string problem =
        problemOf([] { parse("nmae: x\nlora:\n  r: 0\n  alpha: x\ntrain: {epochs: 1, epoch: 2}\nlora: 3\n"); });
    QCOMPARE(problem, std::string("a.yaml:1:1: unknown key \"nmae\"; did you mean name?\n"
                                  "a.yaml:3:6: lora.r must be a whole number from 1 to 1024, not \"0\".\n"
                                  "a.yaml:4:10: lora.alpha must be a number from 0.001 to 65536, not \"x\".\n"
                                  "a.yaml:5:20: unknown key \"epoch\" in train; did you mean epochs?\n"
                                  "a.yaml:6:1: \"lora\" is set twice, first on line 2."));
}

void TestExperimentYaml::hostileYaml_data() {
    QTest::addColumn<QByteArray>("yaml");
    QTest::addColumn<QString>("problem");
    QTest::newRow("large") << QByteArray(2 << 20, '#') << "larger than 1 MiB";
    QTest::newRow("deep flow") << "a: " + QByteArray(100000, '[') << "nested deeper than 16 levels";
    QTest::newRow("deep maps") << QByteArray("{a: ").repeated(100000) << "nested deeper than 16 levels";
    QByteArray deep;
    for (int i = 0; i < 300; ++i) deep += QByteArray(i, ' ') + "a:\n";
    QTest::newRow("deep block") << deep << "nested deeper than 16 levels";
    QByteArray laughs = "a: &a [x, x, x, x, x, x, x, x, x]\n";
    for (char c = 'b'; c <= 'z'; ++c) {
        const char before = static_cast<char>(c - 1);
        laughs += QByteArray(1, c) + ": &" + QByteArray(1, c) + " [" +
                  ("*" + QByteArray(1, before) + ",").repeated(9).chopped(1) + "]\n";
    }
    QTest::newRow("billion laughs") << laughs << "aliases (*name) are not read here";
    QByteArray keys;
    for (int i = 0; i < 20000; ++i) keys += "k" + QByteArray::number(i) + ": 1\n";
    QTest::newRow("many keys") << keys << "more than 10000 keys";
    QTest::newRow("many unknown keys") << keys.left(40000) << "a.yaml:100:1: unknown key \"k99\"";
    QTest::newRow("many problems") << "data: {labels: [" + QByteArray("[],").repeated(200000) + "]}"
                                   << "a.yaml:1:17: data.labels may hold words only, not a list.";
    QTest::newRow("zero byte") << QByteArray("name: a\0b\n", 10) << "a.yaml:1:8: holds a zero byte";
    QTest::newRow("overlong") << QByteArray("name: \xC0\xAF\n") << "a.yaml:1:7: is not UTF-8";
    QTest::newRow("surrogate") << QByteArray("name: \xED\xA0\x80\n") << "a.yaml:1:7: is not UTF-8";
    QTest::newRow("UTF-16") << QByteArray("\xFF\xFEn\0a\0", 6) << "a.yaml:1:1: is not UTF-8";
}

void TestExperimentYaml::hostileYaml() {
    QFETCH(QByteArray, yaml);
    QFETCH(QString, problem);
    const QString got = QString::fromStdString(problemOf([&] { parse(yaml.toStdString()); }));
    QVERIFY2(got.contains(problem), qPrintable(got.left(1000)));
    QVERIFY(got.size() < 40000);
    QVERIFY(got.count(QLatin1Char('\n')) <= 100);
}

void TestExperimentYaml::acceptedSpellings() {
    QCOMPARE(parse("lora: {targets: q_proj}").lora.targets, std::vector<std::string>{"q_proj"});
    QCOMPARE(parse("lora: {targets: ['.*(q|v)_proj{1,1}', k_proj]}").lora.targets,
             (std::vector<std::string>{".*(q|v)_proj{1,1}", "k_proj"}));
    QCOMPARE(parse("lora: {targets: 'a{1,2}'}").lora.targets,
             std::vector<std::string>{"a{1,2}"}); // a scalar of a file is one item
    QCOMPARE(parse("train: {epochs: 3}").train.epochs, 3.0);
    QCOMPARE(parse("train: {batch_size: 1e1}").train.batch_size, std::int64_t(10));
    QCOMPARE(parse("train: {micro_batch_size: 4}").train.micro_batch_size, std::string("4"));
    QCOMPARE(parse("train: {learning_rate: .5}").train.learning_rate, 0.5);
    QCOMPARE(parse("data: {header: true}").data.header, std::string("true"));
    QCOMPARE(parse("data: {label: Sentiment, text: 'News: Headline'}").data.text, std::string("News: Headline"));
    QCOMPARE(parse("data: {labels: [0, 1, 1.0]}").data.labels, (std::vector<std::string>{"0", "1", "1.0"}));
    QCOMPARE(parse("lora:\nname: x").name, std::string("x")); // a section with everything commented out
    QCOMPARE(parse("\xEF\xBB\xBFname: x\r\nlora:\r\n  r: 4\r\n").lora.r, std::int64_t(4));
    QCOMPARE(parse("prompt:\r\n  template: |-\r\n    a {text}\r\n\r\n    {label}\r\n").prompt.text_template,
             std::string("a {text}\n\n{label}"));
    QCOMPARE(parse("prompt:\n  template: |\n    a {text}\n").prompt.text_template, std::string("a {text}\n"));
    QCOMPARE(parse("prompt:\n  template: |").prompt.text_template, std::string());
    QCOMPARE(parse("prompt:\n  template: |+\n    a\n\n").prompt.text_template, std::string("a\n\n"));
    QCOMPARE(parse("---\nname: x\n...\n").name, std::string("x"));
    QCOMPARE(parse("name: \"null\"").name, std::string("null"));
}

void TestExperimentYaml::saving() {
    QTemporaryDir folder;
    const std::filesystem::path root = folder.path().toStdString();
    std::filesystem::create_directories(root / "one");
    std::filesystem::create_directories(root / "zwei ü");
    Experiment e = sound();
    e.directory = root / "one";
    saveExperiment(e, root / "one" / "a.yaml");
    QCOMPARE(loadExperiment(root / "one" / "a.yaml").data.csv, std::string("data.csv"));
    saveExperiment(e, root / "zwei ü" / "a.yaml");
    const Experiment moved = loadExperiment(root / "zwei ü" / "a.yaml");
    QCOMPARE(moved.data.csv, std::string("../one/data.csv"));
    QCOMPARE(dataPath(moved).string(), dataPath(e).string());
    saveExperiment(moved, root / "zwei ü" / "a.yaml"); // over itself
    QCOMPARE(differing(loadExperiment(root / "zwei ü" / "a.yaml"), moved), std::string());
    QCOMPARE(std::distance(std::filesystem::directory_iterator(root / "zwei ü"), {}), 1);
    const std::string problem = problemOf([&] { saveExperiment(e, root / "none" / "a.yaml"); });
    QVERIFY2(problem.ends_with("a.yaml cannot be written: No such file or directory."), problem.c_str());
    std::filesystem::create_directories(root / "folder.yaml");
    QVERIFY(!problemOf([&] { saveExperiment(e, root / "folder.yaml"); }).empty());
    QCOMPARE(std::distance(std::filesystem::directory_iterator(root), {}), 3); // one, zwei ü, folder.yaml
}

void TestExperimentYaml::loadingNothing() {
    QTemporaryDir folder;
    const std::filesystem::path root = folder.path().toStdString();
    try {
        loadExperiment(root / "none.yaml");
        QFAIL("no error");
    } catch (const Error& error) {
        QVERIFY(error.code() == ErrorCode::NotFound);
        QVERIFY(std::string(error.what()).find("none.yaml") != std::string::npos);
    }
    QVERIFY(problemOf([&] { loadExperiment(root); }).find("is a folder") != std::string::npos);
    QVERIFY(problemOf([&] { loadExperiment("/dev/zero"); }).find("larger than 1 MiB") != std::string::npos);
    QFile bad(folder.filePath(QStringLiteral("bad.yaml")));
    QVERIFY(bad.open(QIODevice::WriteOnly));
    bad.write("name: x\nmodle: 1\n");
    bad.close();
    QCOMPARE(problemOf([&] { loadExperiment(root / "bad.yaml"); }),
             (root / "bad.yaml").string() + ":2:1: unknown key \"modle\"; did you mean model?");
}

QTEST_APPLESS_MAIN(TestExperimentYaml)
#include "tst_experiment_yaml.moc"
