// links: engine_core nlohmann_json::nlohmann_json
// SPDX-License-Identifier: GPL-3.0-or-later
// The report's figures and text against scikit-learn's (data/make_report_golden.py).
#include "engine/error.h"
#include "engine/measures.h"

#include <QTest>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

using engine::Prediction;
using engine::Report;

class TestReport : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void agreesWithScikitLearn_data();
    void agreesWithScikitLearn();
    void nothingPredicted();
    void ofAMatrix();
    void refusesLabelsOutsideTheList();
};

static nlohmann::json golden() {
    const char* fresh = std::getenv("PHIBENCH_REPORT_GOLDEN"); // made by tests/parity/run
    std::ifstream file(fresh ? fresh : PHIBENCH_SOURCE_DIR "/tests/engine/data/report_golden.json");
    return nlohmann::json::parse(file).at("cases");
}

void TestReport::agreesWithScikitLearn_data() {
    QTest::addColumn<int>("index");
    const auto cases = golden();
    QVERIFY(cases.size() > 10);
    for (std::size_t i = 0; i < cases.size(); ++i)
        QTest::newRow(cases[i].at("name").get<std::string>().c_str()) << static_cast<int>(i);
}

void TestReport::agreesWithScikitLearn() {
    QFETCH(int, index);
    const auto expected = golden().at(static_cast<std::size_t>(index));
    std::vector<Prediction> predictions;
    for (std::size_t i = 0; i < expected["truth"].size(); ++i) {
        Prediction prediction;
        prediction.truth = expected["truth"][i];
        if (!expected["guess"][i].is_null()) prediction.guess = expected["guess"][i].get<int>();
        predictions.push_back(prediction);
    }
    const auto labels = expected["labels"].get<std::vector<std::string>>();
    const Report report = engine::score(predictions, labels);

    QCOMPARE(QString::fromStdString(engine::classificationReport(report)),
             QString::fromStdString(expected["text"].get<std::string>()));
    QCOMPARE(report.examples, static_cast<std::int64_t>(predictions.size()));
    QCOMPARE(report.accuracy, expected["accuracy"].get<double>());
    QVERIFY(std::abs(*engine::measured(report)["macro_f1"] - expected["macro_f1"].get<double>()) < 1e-15);
    QVERIFY(report.confusion.labels == labels);
    QVERIFY(report.confusion.counts == expected["counts"].get<std::vector<std::vector<std::int64_t>>>());
    for (std::size_t label = 0; label < labels.size(); ++label) {
        QCOMPARE(report.per_label[label].precision, expected["precision"][label].get<double>());
        QCOMPARE(report.per_label[label].recall, expected["recall"][label].get<double>());
        QCOMPARE(report.per_label[label].f1, expected["f1"][label].get<double>());
        QCOMPARE(report.per_label[label].accuracy, expected["recall"][label].get<double>());
        QCOMPARE(report.per_label[label].support, expected["support"][label].get<std::int64_t>());
    }
}

void TestReport::nothingPredicted() {
    const Report report = engine::score({}, {"no", "yes"});
    QCOMPARE(report.accuracy, 0.0);
    QVERIFY(!engine::measured(report)["macro_f1"]);
    QVERIFY(engine::classificationReport(report).find("nan") == std::string::npos);
}

void TestReport::ofAMatrix() {
    const Report report = engine::score({{"no", "yes"}, {{2, 0, 1}, {1, 1, 0}}});
    QCOMPARE(report.examples, 5);
    QCOMPARE(report.accuracy, 0.6);
    QCOMPARE(report.per_label[0].precision, 2.0 / 3);
    QCOMPARE(report.per_label[0].recall, 2.0 / 3); // no answer is wrong
    QCOMPARE(report.per_label[1].support, 2);
    QCOMPARE(engine::score({{"no", "yes"}, {{0, 0, 0}, {0, 0, 0}}}).accuracy, 0.0);
}

void TestReport::refusesLabelsOutsideTheList() {
    Prediction truth;
    truth.record = 41;
    truth.truth = 2;
    QVERIFY_THROWS_EXCEPTION(engine::Error, (void)engine::score({truth}, {"no", "yes"}));
    Prediction guess;
    guess.guess = -1;
    QVERIFY_THROWS_EXCEPTION(engine::Error, (void)engine::score({guess}, {"no", "yes"}));
    try {
        (void)engine::score({truth}, {"no", "yes"});
    } catch (const engine::Error& error) { QVERIFY(error.message().find("record 41") != std::string::npos); }
}

QTEST_APPLESS_MAIN(TestReport)
#include "tst_report.moc"
