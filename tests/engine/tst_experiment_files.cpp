// SPDX-License-Identifier: GPL-3.0-or-later
// Every experiment that comes with the program is one.
#include "engine/experiment.h"
#include "engine/prompt/template.h"

#include <QtTest>
#include <filesystem>

using namespace engine;

class TestExperimentFiles : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void reads_data();
    void reads();
    void articleIsExact();
};

void TestExperimentFiles::reads_data() {
    QTest::addColumn<QString>("file");
    for (const auto& entry : std::filesystem::directory_iterator(PHIBENCH_SOURCE_DIR "/experiments"))
        if (entry.path().extension() == ".yaml")
            QTest::newRow(entry.path().stem().c_str()) << QString::fromStdString(entry.path().string());
}

void TestExperimentFiles::reads() {
    QFETCH(QString, file);
    const Experiment experiment = loadExperiment(file.toStdString());
    for (const Issue& issue : validate(experiment)) QFAIL(toString(issue).c_str());
    QCOMPARE(QString::fromStdString(experiment.name),
             QString::fromStdString(std::filesystem::path(file.toStdString()).stem().string()));
    const Experiment again = parseExperiment(toYaml(experiment), "again", experiment.directory);
    QVERIFY(diff(experiment, again).empty());
    const PromptTemplate prompt(experiment.prompt, experiment.data.labels);
    for (std::size_t i = 0; i < experiment.data.labels.size(); ++i)
        QCOMPARE(prompt.answer(int(i)), " " + experiment.data.labels[i]);
    QVERIFY(!prompt.question("x").ends_with(" "));
}

void TestExperimentFiles::articleIsExact() {
    const Experiment e = loadExperiment(PHIBENCH_SOURCE_DIR "/experiments/phi2-article.yaml");
    const std::string indent(12, ' ');
    QCOMPARE(e.prompt.text_template, "The sentiment of the following phrase: '{text}' is \n" + indent + "\n\n Positive\n" +
                                         indent + "\n Negative\n" + indent + "\n Neutral\n" + indent +
                                         "\n Cannot be determined\n" + indent + "\n\nSolution: The correct option is {label}");
    QCOMPARE(e.model.path, std::string("microsoft/phi-2"));
    QCOMPARE(e.model.precision, std::string("nf4"));
    QVERIFY(!e.model.double_quant);
    QCOMPARE(e.data.labels, (std::vector<std::string>{"negative", "neutral", "positive"}));
    QCOMPARE(e.data.split.train_per_label, std::int64_t(300));
    QCOMPARE(e.data.split.seed, std::int64_t(42));
    QCOMPARE(e.data.split.shuffle_seed, std::int64_t(10));
    QCOMPARE(e.lora.targets, (std::vector<std::string>{"q_proj", "k_proj", "v_proj", "dense"}));
    QCOMPARE(e.train.epochs, 4.0);
    QCOMPARE(e.train.learning_rate, 2e-4);
    QVERIFY(e.train.loss_on == LossOn::All);
    QVERIFY(e.evaluate.method == EvaluationMethod::Generate);
}

QTEST_APPLESS_MAIN(TestExperimentFiles)
#include "tst_experiment_files.moc"
