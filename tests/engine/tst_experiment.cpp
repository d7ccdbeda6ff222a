// links: engine_core
// SPDX-License-Identifier: GPL-3.0-or-later
// Experiments: their fields, single settings, validation, differences.
#include "engine/experiment.h"
#include "engine/words/nearest.h"
#include "engine/words/yaml_tree.h"
#include "tests/support/sound_experiment.h"

#include <QTest>

#include <limits>
#include <set>

using namespace engine;
using namespace testing_support;

class TestExperiment : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void fieldsAreWhole();
    void settings_data();
    void settings();
    void badSettings_data();
    void badSettings();
    void settingsAtAPrompt();
    void validates_data();
    void validates();
    void soundIsSound();
    void structOutOfRange();
    void differences();
    void paths();
    void nearest_data();
    void nearest();
};

void TestExperiment::fieldsAreWhole() {
    std::set<std::string> keys, simple, nothing, both;
    for (const Field& field : experimentFields()) {
        QVERIFY2(keys.insert(field.key).second, field.key.c_str());
        QVERIFY2(!field.title.empty() && field.help.size() > 10 && field.help.ends_with("."), field.key.c_str());
        QVERIFY2(field.kind != FieldKind::Choice || !field.choices.empty(), field.key.c_str());
        QVERIFY2((field.kind != FieldKind::Integer && field.kind != FieldKind::Number) || field.minimum < field.maximum,
                 field.key.c_str());
        Experiment e;
        const std::string before = field.get(e);
        field.set(e, before);
        QCOMPARE(differing(e, Experiment{}), std::string());
        for (const std::string& choice : field.choices) {
            field.set(e, choice);
            if (field.kind != FieldKind::TextList) QCOMPARE(field.get(e), choice);
        }
        if (field.kind == FieldKind::Integer || field.kind == FieldKind::Number)
            for (const double edge : {field.minimum, field.maximum}) {
                field.set(e, yamlNumber(edge));
                QCOMPARE(std::stod(field.get(e)), edge);
            }
        if (!field.advanced) simple.insert(field.key);
        if (!field.decidesTraining() && !field.decidesEvaluation()) nothing.insert(field.key);
        if (field.decidesTraining() && field.decidesEvaluation()) both.insert(field.key);
        if (field.decidesEvaluation() && !field.decidesTraining()) QVERIFY(field.key.starts_with("evaluate."));
        if (field.decidesTraining() && !field.decidesEvaluation())
            QVERIFY(field.key.starts_with("lora.") || field.key.starts_with("train."));
    }
    QCOMPARE(keys.size(), std::size_t(45));
    QCOMPARE(nothing, (std::set<std::string>{"name", "model.device", "data.csv", "train.eval_every", "train.checkpoint_every",
                                             "evaluate.batch_size"}));
    QVERIFY(both.contains("train.max_tokens") && both.contains("model.path") && both.contains("prompt.labels"));
    QCOMPARE(simple,
             (std::set<std::string>{"model.path", "data.split.train_per_label", "data.split.test_per_label", "lora.r",
                                    "lora.alpha", "lora.dropout", "train.epochs", "train.batch_size", "train.learning_rate"}));
}

void TestExperiment::settings_data() {
    QTest::addColumn<QByteArray>("assignment");
    QTest::addColumn<QByteArray>("value");
    const auto row = [](const char* assignment, const char* value) {
        QTest::newRow(QByteArray(assignment).replace('\n', ' ').constData()) << QByteArray(assignment) << QByteArray(value);
    };
    row("lora.r=8", "8");
    row("lora.r= 8 ", "8");
    row("train.learning_rate=0.0002", "2e-4");
    row("train.epochs=2", "2");
    row("lora.rslora=true", "true");
    row("lora.targets=q_proj, v_proj", "[q_proj, v_proj]");
    row("lora.targets=[q_proj, \"a{1,2}\"]", "[q_proj, \"a{1,2}\"]");
    row("data.labels=bad,good", "[bad, good]");
    row("data.labels=", "[]");
    row("data.labels=[]", "[]");
    row("prompt.labels={bad: \" Bad\", good: ' Good'}", "{bad: \" Bad\", good: \" Good\"}");
    row("prompt.labels=", "{}");
    row("name=a=b", "a=b");
    row("prompt.template= {text}\n {label}", " {text}\n {label}");
    row("train.micro_batch_size=2", "2");
    row("data.delimiter=\t", "\t");
}

void TestExperiment::settings() {
    QFETCH(QByteArray, assignment);
    QFETCH(QByteArray, value);
    Experiment e;
    applySetting(e, assignment.toStdString());
    const Field& field = experimentField(assignment.left(assignment.indexOf('=')).toStdString());
    QCOMPARE(field.get(e), value.toStdString());
}

void TestExperiment::badSettings_data() {
    QTest::addColumn<QByteArray>("assignment");
    QTest::addColumn<QString>("problem");
    const auto row = [](const char* assignment, const char* problem) {
        QTest::newRow(assignment) << QByteArray(assignment) << QString::fromUtf8(problem);
    };
    row("lora.r", "\"lora.r\" is no setting. Write KEY=VALUE, for example lora.r=8.");
    row("=8", "\"=8\" is no setting. Write KEY=VALUE, for example lora.r=8.");
    row("lora.rank=8", "There is no setting \"lora.rank\". Here it is lora.r.");
    row("learning_rate=1", "There is no setting \"learning_rate\". Did you mean train.learning_rate?");
    row("lora=8", "There is no setting \"lora\". In lora there are r, alpha, dropout, bias, targets and rslora.");
    row("lora.r=8x", "lora.r must be a whole number from 1 to 1024, not \"8x\".");
    row("lora.r=", "lora.r must be a whole number from 1 to 1024, not \"\".");
    row("lora.dropout=1", "lora.dropout must be a number from 0 to 0.99, not \"1\".");
    row("data.labels=[a, b", "data.labels is not YAML: ");
    row("data.labels=[a, [b]]", "data.labels may hold words only; put words that mean something to YAML in quotes.");
    row("data.labels=a,,b", "data.labels has an empty item.");
    row("prompt.labels=a", "prompt.labels must be like {negative: \" bad\", positive: \" good\"}, not \"a\".");
    row("prompt.labels={a: b, a: c}",
        "prompt.labels \"a\" is set twice, first on line 1. Write it like {negative: \" bad\", positive: \" good\"}.");
    row("l\xC3\xBC\xFFn=1",
        "There is no setting \"l\u00FC…\". An experiment has name, model, data, prompt, lora, train and evaluate.");
    row("gradient_accumulation_steps=4",
        "There is no setting \"gradient_accumulation_steps\". A step takes train.batch_size rows and computes "
        "train.micro_batch_size "
        "of them at a time, so gradients are accumulated over batch_size / micro_batch_size parts.");
    row("train.num_train_epochs=4", "There is no setting \"train.num_train_epochs\". Here it is train.epochs.");
    row("lora-alpha=4", "There is no setting \"lora-alpha\". Here it is lora.alpha.");
    row("max_seq_length=4", "There is no setting \"max_seq_length\". Here it is train.max_tokens.");
    row("train.warmup=1", "There is no setting \"train.warmup\". Did you mean train.warmup_ratio?");
    row("decay=1", "There is no setting \"decay\". Did you mean train.weight_decay?");
    row("train.zebra=1",
        "There is no setting \"train.zebra\". In train there are epochs, batch_size, micro_batch_size, learning_rate, "
        "weight_decay, max_grad_norm, warmup_ratio, schedule, optimizer, loss_on, resid_dropout, max_tokens, seed, eval_every "
        "and "
        "checkpoint_every.");
    row("name=\xFF", "name is not text in UTF-8.");
}

void TestExperiment::badSettings() {
    QFETCH(QByteArray, assignment);
    QFETCH(QString, problem);
    Experiment e = sound();
    const QString got = QString::fromStdString(problemOf([&] { applySetting(e, assignment.toStdString()); }));
    const bool own = problem.endsWith(QStringLiteral("is not YAML: "));
    QCOMPARE(own ? got.left(problem.size()) : got, problem);
    QCOMPARE(differing(e, sound()), std::string()); // the old value stays
}

void TestExperiment::settingsAtAPrompt() {
    Experiment e = sound();
    e.directory = "/project/experiments";
    applySettingFrom(e, "data.csv=../shared/data/all-data.csv", "/project");
    QCOMPARE(dataPath(e).string(), std::string("/shared/data/all-data.csv"));
    applySettingFrom(e, "data.csv=/abs/x.csv", "/project");
    QCOMPARE(e.data.csv, std::string("/abs/x.csv"));
    applySettingFrom(e, "lora.r=3", "/project");
    QCOMPARE(e.data.csv, std::string("/abs/x.csv"));
    applySetting(e, "data.csv=../x.csv");
    QCOMPARE(dataPath(e).string(), std::string("/project/x.csv"));
}

void TestExperiment::validates_data() {
    QTest::addColumn<QByteArray>("settings"); // a line each
    QTest::addColumn<QString>("issues");      // a line each
    const auto row = [](const char* name, const char* settings, const char* issues) {
        QTest::newRow(name) << QByteArray(settings) << QString::fromUtf8(issues);
    };
    row("no csv", "data.csv=", "data.csv: no data file is named.");
    row("no model", "model.path=", "model.path: no model is named; default is SmolLM2-135M-Instruct, Apache-2.0.");
    row("no template", "prompt.template=", "prompt.template: is missing; for example \"Text: {text}\\nLabel: {label}\".");
    row("no text", "prompt.template=a {label}", "prompt.template: does not hold {text}, the place of the row's text.");
    row("two texts", "prompt.template={text}{text}{label}", "prompt.template: holds {text} 2 times; once is right.");
    row("no label", "prompt.template={text}", "prompt.template: does not end in {label}, the place of the answer.");
    row("two labels", "prompt.template={label}{text}{label}",
        "prompt.template: holds {label} 2 times; once, at the end, is right.");
    row("label not last", "prompt.template={label} {text}", "prompt.template: goes on after {label}, which must be its end.");
    row("blank after label", "prompt.template={text} {label} ",
        "prompt.template: has blanks or an empty line after {label}, which must be its end; in YAML, a block that begins with |- "
        "has none.");
    row("one label", "data.labels=[good]", "data.labels: names one label only; a classifier needs at least two.");
    row("label twice", "data.labels=[good, good]", "data.labels: names \"good\" twice.");
    row("unknown spelled", "prompt.labels={good: \" G\", ugly: \" U\"}", "prompt.labels: \"ugly\" is not one of data.labels.");
    row("spelled alike", "prompt.labels={good: \" x\", bad: \" x\"}",
        "prompt.labels: \"bad\" and \"good\" are both spelled \" x\".");
    row("spelled as another", "prompt.labels={good: bad}", "prompt.labels: \"bad\" and \"good\" are both spelled \"bad\".");
    row("spelled empty", "prompt.labels={good: \" \"}", "prompt.labels: the spelling of \"good\" is empty.");
    row("unanswered", "evaluate.unanswered=neutral",
        "evaluate.unanswered: \"neutral\" is neither separate nor one of data.labels.");
    row("micro batch", "train.micro_batch_size=16", "train.micro_batch_size: 16 is more than train.batch_size, 8.");
    row("same column", "data.label=0\ndata.text=0", "data.text: is the label's column too (0).");
    row("delimiter", "data.delimiter=ab", "data.delimiter: must be one ASCII character other than a quote, tab, or auto.");
    row("delimiter quote", "data.delimiter=\"", "data.delimiter: must be one ASCII character other than a quote, tab, or auto.");
    row("double quant", "model.double_quant=true",
        "model.double_quant: quantises the scales of nf4 weights, and the precision is auto; use false.");
    row("fp16", "model.compute=fp16\nmodel.device=cpu", "model.compute: fp16 needs a GPU, and model.device is cpu; use auto.");
    row("fp16 of fp32", "model.precision=fp32\nmodel.compute=fp16",
        "model.compute: this version computes as the weights are held, which is fp32; use auto, or set model.precision to auto "
        "or nf4 on a GPU.");
    row("compute", "model.precision=fp32\nmodel.compute=bf16",
        "model.compute: this version computes as the weights are held, which is fp32; use auto, or set model.precision to bf16.");
    row("eval rows", "train.eval_every=5\ndata.split.eval_per_label=0",
        "train.eval_every: asks for evaluations while data.split.eval_per_label is 0.");
    row("several", "data.csv=\nprompt.template=x\ntrain.micro_batch_size=9",
        "data.csv: no data file is named.\nprompt.template: does not hold {text}, the place of the row's text.\n"
        "prompt.template: does not end in {label}, the place of the answer.\ntrain.micro_batch_size: 9 is more than "
        "train.batch_size, 8.");
}

void TestExperiment::validates() {
    QFETCH(QByteArray, settings);
    QFETCH(QString, issues);
    Experiment e = sound();
    for (const QByteArray& setting : settings.split('\n')) applySetting(e, setting.toStdString());
    QStringList got;
    for (const Issue& issue : validate(e)) {
        QVERIFY(issue.severity == Severity::Error);
        got << QString::fromStdString(toString(issue));
    }
    QCOMPARE(got.join(QLatin1Char('\n')), issues);
}

void TestExperiment::soundIsSound() {
    Experiment e = sound();
    QVERIFY(validate(e).empty());
    applySetting(e, "evaluate.unanswered=good");
    applySetting(e, "prompt.labels={good: \" yes\", bad: \" no\"}");
    applySetting(e, "model.precision=bf16");
    applySetting(e, "model.compute=bf16");
    applySetting(e, "train.micro_batch_size=8");
    QVERIFY(validate(e).empty());
    applySetting(e, "data.labels=");
    applySetting(e, "evaluate.unanswered=whatever the data says");
    QVERIFY(validate(e).empty());
}

void TestExperiment::structOutOfRange() {
    Experiment e = sound();
    e.lora.r = -3;
    e.train.learning_rate = std::numeric_limits<double>::quiet_NaN();
    e.train.schedule = "some";
    e.lora.targets.clear();
    QStringList got;
    for (const Issue& issue : validate(e)) got << QString::fromStdString(toString(issue));
    QCOMPARE(got, (QStringList{QStringLiteral("lora.r: must be a whole number from 1 to 1024, not \"-3\"."),
                               QStringLiteral("lora.targets: names no layer, so there is nothing to train. Use all-linear."),
                               QStringLiteral("train.learning_rate: must be a number from 0 to 10, not \".nan\"."),
                               QStringLiteral("train.schedule: must be cosine, linear or constant, not \"some\".")}));
}

void TestExperiment::differences() {
    Experiment a = sound(), b = sound();
    QVERIFY(diff(a, b).empty());
    b.directory = "/elsewhere"; // no setting
    QVERIFY(diff(a, b).empty());
    b.lora.r = 4;
    b.train.learning_rate = 1e-3;
    b.data.labels = {"good", "bad"};
    const auto found = diff(a, b);
    QCOMPARE(found.size(), std::size_t(3));
    QCOMPARE(found[0].key + "|" + found[0].left + "|" + found[0].right, std::string("data.labels|[bad, good]|[good, bad]"));
    QCOMPARE(found[1].key + "|" + found[1].left + "|" + found[1].right, std::string("lora.r|16|4"));
    QCOMPARE(found[2].key + "|" + found[2].left + "|" + found[2].right, std::string("train.learning_rate|2e-4|0.001"));
}

void TestExperiment::paths() {
    Experiment e = sound();
    e.directory = "/a/b";
    e.data.csv = "../c.csv";
    QCOMPARE(dataPath(e).string(), std::string("/a/c.csv"));
    QCOMPARE(withAbsolutePaths(e).data.csv, std::string("/a/c.csv"));
    e.data.csv = "/d/c.csv";
    QCOMPARE(dataPath(e).string(), std::string("/d/c.csv"));
}

void TestExperiment::nearest_data() {
    QTest::addColumn<QString>("left");
    QTest::addColumn<QString>("right");
    QTest::addColumn<int>("distance");
    QTest::newRow("same") << "alpha"
                          << "alpha" << 0;
    QTest::newRow("case") << "Alpha"
                          << "alpha" << 0;
    QTest::newRow("empty") << ""
                           << "abc" << 3;
    QTest::newRow("swap") << "ab"
                          << "ba" << 1;
    QTest::newRow("kitten") << "kitten"
                            << "sitting" << 3;
    QTest::newRow("dash") << "batch-size"
                          << "batch_size" << 0;
}

void TestExperiment::nearest() {
    QFETCH(QString, left);
    QFETCH(QString, right);
    QFETCH(int, distance);
    QCOMPARE(static_cast<int>(editDistance(left.toStdString(), right.toStdString())), distance);
    QCOMPARE(static_cast<int>(editDistance(right.toStdString(), left.toStdString())), distance);
}

QTEST_APPLESS_MAIN(TestExperiment)
#include "tst_experiment.moc"
