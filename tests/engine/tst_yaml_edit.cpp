// SPDX-License-Identifier: GPL-3.0-or-later
// An experiment's file is edited where a setting changed, and nowhere else.
#include "engine/experiment.h"
#include "engine/words/yaml_edit.h"

#include <QtTest>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

using namespace engine;

namespace {

std::string readAll(const std::filesystem::path& file) {
    std::ostringstream text;
    text << std::ifstream(file, std::ios::binary).rdbuf();
    return text.str();
}

std::string edited(const std::string& yaml, const std::vector<std::string>& settings) {
    Experiment experiment = parseExperiment(yaml, "a.yaml", {});
    for (const std::string& setting : settings) applySetting(experiment, setting);
    const std::string text = editedYaml(yaml, experiment);
    if (!diff(parseExperiment(text, "edited", {}), experiment).empty()) qFatal("the edited text says something else");
    return text;
}

} // namespace

class TestYamlEdit : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void keepsWhatIsNotChanged_data();
    void keepsWhatIsNotChanged();
    void refusesWhatItDoesNotUnderstand();
    void everySettingOfEveryExperiment();
    void fuzz();
};

void TestYamlEdit::keepsWhatIsNotChanged_data() {
    QTest::addColumn<QString>("before");
    QTest::addColumn<QString>("setting");
    QTest::addColumn<QString>("after");
    const auto row = [](const char* name, const char* before, const char* setting, const char* after) {
        QTest::newRow(name) << QString::fromUtf8(before) << QString::fromUtf8(setting) << QString::fromUtf8(after);
    };
    row("nothing", "name: a # mine\n", "lora.r=16", "name: a # mine\n");
    row("comment behind", "lora:\n  r: 8   # small\n  alpha: 8\n", "lora.r=4", "lora:\n  r: 4   # small\n  alpha: 8\n");
    row("flow", "lora: {r: 8, alpha: 8} # both\n", "lora.r=4", "lora: {r: 4, alpha: 8} # both\n");
    row("last of flow", "lora: {r: 8, alpha: 8}\n", "lora.alpha=4", "lora: {r: 8, alpha: 4}\n");
    row("new in flow", "lora: {r: 8}\ntrain: {seed: 1}\n", "lora.alpha=4", "lora: {r: 8, alpha: 4}\ntrain: {seed: 1}\n");
    row("new in an empty map", "lora: {}\nname: x\n", "lora.alpha=4", "lora: {alpha: 4}\nname: x\n");
    row("new in a block", "lora:\n  r: 8 # small\n# next\ntrain: {seed: 1}\n", "lora.alpha=4",
        "lora:\n  r: 8 # small\n  alpha: 4\n# next\ntrain: {seed: 1}\n");
    row("new section", "name: a\n", "train.seed=4", "name: a\ntrain: {seed: 4}\n");
    row("new section, no line end", "name: a", "train.seed=4", "name: a\ntrain: {seed: 4}");
    row("new inner section", "data:\n  csv: a.csv\nname: a\n", "data.split.seed=4",
        "data:\n  csv: a.csv\n  split: {seed: 4}\nname: a\n");
    row("section without a value", "lora:\nname: a\n", "lora.r=4", "lora: {r: 4}\nname: a\n");
    row("double quotes", "name: \"a # b\" # c\n", "name=d", "name: d # c\n");
    row("single quotes", "name: 'it''s' # c\n", "name=d", "name: d # c\n");
    row("list in brackets", "lora: {targets: [q_proj, \"v]proj\"], r: 8}\n", "lora.targets=k_proj",
        "lora: {targets: [k_proj], r: 8}\n");
    row("list in lines", "lora:\n  targets:\n    - q_proj\n    - v_proj\n  r: 8\n", "lora.targets=k_proj",
        "lora:\n  targets: [k_proj]\n  r: 8\n");
    row("text in lines", "prompt:\n  template: |-\n    Is {text}\n    good?{label}\n  # spelled\n  labels: {a: b}\n",
        "prompt.template=Is it {text}?{label}", "prompt:\n  template: \"Is it {text}?{label}\"\n  # spelled\n  labels: {a: b}\n");
    row("words over two lines", "name: one\n  two\nlora: {r: 8}\n", "name=d", "name: d\nlora: {r: 8}\n");
    row("map in lines", "prompt:\n  labels:\n    a: x\n    b: y\nname: a\n", "prompt.labels={a: z}",
        "prompt:\n  labels: {a: z}\nname: a\n");
    row("Windows line ends", "lora:\r\n  r: 8 # small\r\n", "lora.r=4", "lora:\r\n  r: 4 # small\r\n");
    row("other letters before", "name: Äpfel # ö\nlora: {r: 8}\n", "lora.r=4", "name: Äpfel # ö\nlora: {r: 4}\n");
    row("other letters before, on the line", "prompt: {labels: {ü: ö}, template: \"a {text}{label}\"}\n",
        "prompt.template=b {text}{label}", "prompt: {labels: {ü: ö}, template: \"b {text}{label}\"}\n");
    row("comment among the lines", "train:\n  # one\n  seed: 1\n\n  # two\n  epochs: 2\n", "train.seed=5",
        "train:\n  # one\n  seed: 5\n\n  # two\n  epochs: 2\n");
}

void TestYamlEdit::keepsWhatIsNotChanged() {
    QFETCH(QString, before);
    QFETCH(QString, setting);
    QFETCH(QString, after);
    QCOMPARE(QString::fromStdString(edited(before.toStdString(), {setting.toStdString()})), after);
}

void TestYamlEdit::refusesWhatItDoesNotUnderstand() {
    QVERIFY(!withYamlValue("[a]", {"lora", "r"}, "4"));
    QVERIFY(!withYamlValue("a: [", {"lora", "r"}, "4"));
    QVERIFY(!withYamlValue("", {"lora", "r"}, "4"));
    const std::string flat = "lora:\n  targets:\n  - q_proj\n  r: 8 # mine\n"; // read again, whatever it was
    edited(flat, {"lora.targets=k_proj"});
    QVERIFY(edited(flat, {"lora.r=4"}).find("r: 4 # mine") != std::string::npos);
}

void TestYamlEdit::everySettingOfEveryExperiment() {
    const std::vector<std::string> settings{"name=other",
                                            "model.path=/a/b c",
                                            "data.csv=x/y.csv",
                                            "data.labels=a, b",
                                            "data.split.seed=7",
                                            "prompt.template=A \"q\"\n{text}{label}",
                                            "prompt.labels={a: \" b\"}",
                                            "lora.r=3",
                                            "lora.targets=q_proj",
                                            "train.epochs=0.5",
                                            "train.loss_on=all",
                                            "evaluate.method=generate",
                                            "train.eval_every=9"};
    for (const auto& entry : std::filesystem::directory_iterator(PHIBENCH_SOURCE_DIR "/experiments")) {
        if (entry.path().extension() != ".yaml") continue;
        const std::string yaml = readAll(entry.path());
        QCOMPARE(edited(yaml, {}), yaml);
        const auto comments = std::count(yaml.begin(), yaml.end(), '#');
        for (const std::string& setting : settings) {
            const std::string text = edited(yaml, {setting});
            QVERIFY2(std::count(text.begin(), text.end(), '#') == comments, setting.c_str());
        }
        const std::string all = edited(yaml, settings);
        QVERIFY2(std::count(all.begin(), all.end(), '#') == comments, entry.path().c_str());
    }
}

void TestYamlEdit::fuzz() {
    std::mt19937 random(7);
    const std::string pieces[]{
        "lora",    ":",    " ", "\n", "  ", "r: 8", "{", "}", "[", "]", ",", "#", "\"", "'", "|", "-", "train: {seed: 1}",
        "name: a", "\r\n", "ä"};
    for (int i = 0; i < 5000; ++i) {
        std::string yaml;
        for (unsigned n = random() % 14; n > 0; --n) yaml += pieces[random() % std::size(pieces)];
        if (const auto text = withYamlValue(yaml, {"lora", "r"}, "4")) QVERIFY(text->size() < yaml.size() + 40);
        Experiment experiment;
        experiment.lora.r = 4;
        QVERIFY(diff(parseExperiment(editedYaml(yaml, experiment), "edited", {}), experiment).empty());
    }
}

QTEST_APPLESS_MAIN(TestYamlEdit)
#include "tst_yaml_edit.moc"
