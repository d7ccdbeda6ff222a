// links: engine_core SQLiteCpp
// SPDX-License-Identifier: GPL-3.0-or-later
// Runs side by side as values: rows and their fates, settings that differ, what chance could have done.
#include "engine/compare.h"
#include "tests/support/some_runs.h"

#include <QTemporaryDir>
#include <QTest>
#include <cmath>

using namespace engine;

namespace {

Prediction says(std::int64_t record, int truth, std::optional<int> guess) {
    Prediction p;
    p.record = record;
    p.truth = truth;
    p.guess = guess;
    return p;
}

} // namespace

class TestComparison : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void init() { m_runs.emplace(std::filesystem::path(m_folder.filePath(QString::number(++m_count)).toStdString())); }

    void chanceOfMcNemar_data();
    void chanceOfMcNemar();
    void intervalOfWilson();
    void newestPairs();
    void newestPairWithoutBaseline();
    void measuresAndLabels();
    void settingsThatDiffer();
    void settingsOfAnotherVersion();
    void rowsByFate();
    void whyThereAreNoRows();
    void missingRuns();

private:
    RunId addRun(RunKind kind, const std::vector<Prediction>& predictions, const std::string& data = "data",
                 const std::vector<std::string>& labels = {"a", "b"}, const std::vector<std::string>& settings = {});

    QTemporaryDir m_folder;
    int m_count = 0;
    std::optional<Runs> m_runs;
};

RunId TestComparison::addRun(RunKind kind, const std::vector<Prediction>& predictions, const std::string& data,
                             const std::vector<std::string>& labels, const std::vector<std::string>& settings) {
    Experiment experiment;
    experiment.name = "run " + std::to_string(m_runs->list().size());
    for (const std::string& setting : settings) applySetting(experiment, setting);
    NewRun run;
    run.name = experiment.name;
    run.kind = kind;
    run.experimentYaml = toYaml(experiment);
    for (const Field& field : experimentFields()) run.params.emplace_back(field.key, field.get(experiment));
    run.datasetSha256 = data;
    run.modelSha256 = "model";
    const RunId id = m_runs->begin(run);
    if (!predictions.empty()) m_runs->setReport(id, score(predictions, labels), predictions);
    m_runs->finish(id, RunState::Done, {});
    return id;
}

void TestComparison::chanceOfMcNemar_data() {
    QTest::addColumn<int>("fixed");
    QTest::addColumn<int>("broken");
    QTest::addColumn<double>("p"); // scipy.stats.binomtest(fixed, fixed + broken).pvalue, scipy 1.14
    QTest::newRow("nothing changed") << 0 << 0 << 1.0;
    QTest::newRow("even") << 5 << 5 << 1.0;
    QTest::newRow("one") << 1 << 0 << 1.0;
    QTest::newRow("six to none") << 6 << 0 << 0.03125;
    QTest::newRow("eight to two") << 8 << 2 << 0.109375;
    QTest::newRow("two to eight") << 2 << 8 << 0.109375;
    QTest::newRow("thirteen to seven") << 13 << 7 << 0.26317596435546875;
}

void TestComparison::chanceOfMcNemar() {
    QFETCH(const int, fixed);
    QFETCH(const int, broken);
    QFETCH(const double, p);
    QVERIFY(std::abs(mcnemar(fixed, broken) - p) < 1e-12);
    QVERIFY(mcnemar(471, 12) < 1e-100);
}

void TestComparison::intervalOfWilson() {
    // statsmodels.stats.proportion.proportion_confint(count, n, method="wilson"), statsmodels 0.14
    const auto [low, high] = wilson(9.0 / 10, 10);
    QVERIFY(std::abs(low - 0.5958500) < 1e-6 && std::abs(high - 0.9821238) < 1e-6);
    const auto [none, some] = wilson(0, 0);
    QVERIFY(none >= -1e-12 && some <= 1);
}

void TestComparison::newestPairs() {
    const std::vector<Prediction> answers{says(1, 0, 0)};
    const RunId base = addRun(RunKind::Baseline, answers);
    addRun(RunKind::Train, answers);
    addRun(RunKind::Baseline, answers, "data", {"a", "b"}, {"evaluate.method=generate"}); // newer, but another evaluation
    const RunId newest = addRun(RunKind::Train, answers, "data", {"a", "b"}, {"lora.r=64"});
    QCOMPARE(newestPair(*m_runs), (std::vector<RunId>{base, newest}));
}

void TestComparison::newestPairWithoutBaseline() {
    QVERIFY(newestPair(*m_runs).empty());
    const RunId base = addRun(RunKind::Baseline, {says(1, 0, 0)});
    QCOMPARE(newestPair(*m_runs), std::vector<RunId>{base});
    const RunId elsewhere = addRun(RunKind::Train, {says(1, 0, 0)}, "other data");
    QCOMPARE(newestPair(*m_runs), std::vector<RunId>{elsewhere});
}

void TestComparison::measuresAndLabels() {
    const RunId one = addRun(RunKind::Baseline, {says(1, 0, 1), says(2, 1, 1)});
    const RunId two = addRun(RunKind::Train, {says(1, 0, 0), says(2, 1, 1)});
    Measured loss;
    loss.set("test_loss", 0.5);
    m_runs->setMeasured(two, loss);
    const Comparison comparison = compare(*m_runs, {one, two});
    const auto row = [&](const char* key) {
        for (const MeasureRow& measure : comparison.measures)
            if (measure.measure->key == key) return measure.values;
        return std::vector<std::optional<double>>();
    };
    QCOMPARE(row("accuracy"), (std::vector<std::optional<double>>{0.5, 1.0}));
    QCOMPARE(row("test_loss"), (std::vector<std::optional<double>>{std::nullopt, 0.5}));
    QVERIFY(row("seconds_train").empty()); // none has it
    QCOMPARE(comparison.perLabel.size(), std::size_t(2));
    QCOMPARE(comparison.perLabel[0].label, std::string("a"));
    QCOMPARE(comparison.perLabel[0].scores[0].recall, 0.0);
    QCOMPARE(comparison.perLabel[0].scores[1].recall, 1.0);
}

void TestComparison::settingsThatDiffer() {
    const RunId base = addRun(RunKind::Baseline, {says(1, 0, 0)});
    const RunId one = addRun(RunKind::Train, {says(1, 0, 0)});
    const RunId two = addRun(RunKind::Train, {says(1, 0, 0)}, "data", {"a", "b"}, {"lora.r=64", "train.learning_rate=1e-4"});
    const auto settings = compare(*m_runs, {one, two}).settings;
    QCOMPARE(settings.size(), std::size_t(2)); // the name is no setting
    QCOMPARE(settings[0].key, std::string("lora.r"));
    QCOMPARE(settings[0].values, (std::vector<std::optional<std::string>>{"16", "64"}));
    QCOMPARE(settings[1].key, std::string("train.learning_rate"));
    QVERIFY(!compare(*m_runs, {base, two}).settings[0].values[0]); // a baseline has no rank
    QVERIFY(compare(*m_runs, {one}).settings.empty());
}

void TestComparison::settingsOfAnotherVersion() {
    std::vector<RunId> ids;
    for (const char* value : {"x", "y"}) {
        NewRun run;
        run.name = "old";
        run.experimentYaml = "gone: {key: 1}";
        run.params = {{"lora.r", "8"}, {"gone.key", value}};
        ids.push_back(m_runs->begin(run));
    }
    const auto settings = compare(*m_runs, ids).settings;
    QCOMPARE(settings.size(), std::size_t(1));
    QCOMPARE(settings[0].key, std::string("gone.key"));
    QCOMPARE(settings[0].values, (std::vector<std::optional<std::string>>{"x", "y"}));
}

void TestComparison::rowsByFate() {
    const RunId one =
        addRun(RunKind::Baseline, {says(9, 0, 1), says(4, 0, 0), says(5, 1, std::nullopt), says(6, 1, 1), says(7, 1, 0)});
    const RunId two = addRun(RunKind::Train, {says(4, 0, 1), says(9, 0, 0), says(5, 1, 0), says(6, 1, 1), says(8, 1, 1)});
    const Comparison comparison = compare(*m_runs, {one, two});
    QVERIFY(!comparison.noRows);
    QCOMPARE(comparison.rows.size(), std::size_t(4)); // 7 and 8 were tested by one run only
    for (const RowFate fate : {RowFate::Fixed, RowFate::Broken, RowFate::BothWrong, RowFate::BothRight})
        QCOMPARE(comparison.rowsOf(fate), std::int64_t(1));
    QCOMPARE(comparison.rows[0].record, std::int64_t(9));
    QVERIFY(comparison.rows[0].fate == RowFate::Fixed);
    QCOMPARE(comparison.chance(), std::optional(mcnemar(1, 1)));
    const Comparison alone = compare(*m_runs, {one});
    QCOMPARE(alone.rowsOf(RowFate::BothRight), std::int64_t(2));
    QCOMPARE(alone.rowsOf(RowFate::BothWrong), std::int64_t(3));
    QVERIFY(!alone.chance());
}

void TestComparison::whyThereAreNoRows() {
    const RunId run = addRun(RunKind::Train, {says(1, 0, 0)});
    const auto against = [&](RunId other) { return compare(*m_runs, {run, other}); };
    const Comparison data = against(addRun(RunKind::Train, {says(1, 0, 0)}, "other"));
    QVERIFY(data.noRows == NoRows::OtherData && data.rows.empty() && !data.chance());
    QCOMPARE(data.labels.size(), std::size_t(2)); // the figures can still be compared
    const Comparison labels = against(addRun(RunKind::Train, {says(1, 0, 0)}, "data", {"a", "c"}));
    QVERIFY(labels.noRows == NoRows::OtherLabels && labels.labels.empty() && labels.perLabel.empty());
    QVERIFY(against(addRun(RunKind::Train, {says(2, 0, 0)})).noRows == NoRows::OtherRows);
    const Comparison unfinished = against(addRun(RunKind::Train, {}));
    QVERIFY(unfinished.noRows == NoRows::NotEvaluated && unfinished.unevaluated == std::size_t(1));
}

void TestComparison::missingRuns() {
    const RunId run = addRun(RunKind::Train, {says(1, 0, 0)});
    QVERIFY_EXCEPTION_THROWN(compare(*m_runs, {run, 99}), Error);
    QCOMPARE(compare(*m_runs, {99, run}, true).runs.size(), std::size_t(1));
    QVERIFY(compare(*m_runs, {99}, true).runs.empty());
}

QTEST_APPLESS_MAIN(TestComparison)
#include "tst_comparison.moc"
