// links: engine_core nlohmann_json::nlohmann_json
// SPDX-License-Identifier: GPL-3.0-or-later
// Splits row for row against scikit-learn and pandas (data/make_split_golden.py).
#include "engine/data/split.h"
#include "engine/files/sha256.h"

#include <QTest>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>

using engine::Dataset;
using engine::Splits;
using engine::SplitSpec;

using Rows = std::vector<std::size_t>;

class TestSplit : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void agreesWithScikitLearnAndPandas_data();
    void agreesWithScikitLearnAndPandas();
    void partsShareNoRow();
    void refuses_data();
    void refuses();
    void suggestsSizesThatFit();
};

namespace {

nlohmann::json golden() {
    const char* fresh = std::getenv("PHIBENCH_SPLIT_GOLDEN"); // made afresh by tests/parity/run
    std::ifstream file(fresh ? fresh : PHIBENCH_SOURCE_DIR "/tests/engine/data/split_golden.json");
    return nlohmann::json::parse(file).at("cases");
}

// The formula of make_split_golden.py.
Dataset formula(const std::vector<std::string>& labels, const std::vector<std::uint64_t>& weights, std::size_t rows,
                std::uint64_t offset) {
    Dataset dataset;
    dataset.labels = labels;
    const std::uint64_t sum = std::accumulate(weights.begin(), weights.end(), std::uint64_t{0});
    for (std::uint64_t i = 0; i < rows; ++i) {
        std::uint64_t place = (((i * 2654435761u + offset) & 0xFFFFFFFFu) >> 16) % sum;
        int label = 0;
        for (; place >= weights[static_cast<std::size_t>(label)]; ++label) place -= weights[static_cast<std::size_t>(label)];
        dataset.examples.push_back({static_cast<std::int64_t>(i), "text", label});
    }
    return dataset;
}

Dataset withCounts(const std::vector<std::pair<std::string, int>>& counts) {
    Dataset dataset;
    for (const auto& [label, count] : counts) {
        dataset.labels.push_back(label);
        for (int i = 0; i < count; ++i) dataset.examples.push_back({0, "text", static_cast<int>(dataset.labels.size()) - 1});
    }
    return dataset;
}

std::string digest(const Rows& rows) {
    std::string text;
    for (std::size_t row : rows) text += (text.empty() ? "" : ",") + std::to_string(row);
    return engine::sha256(text);
}

} // namespace

void TestSplit::agreesWithScikitLearnAndPandas_data() {
    QTest::addColumn<int>("index");
    const auto cases = golden();
    QVERIFY(cases.size() >= 60);
    for (std::size_t i = 0; i < cases.size(); ++i) {
        const std::string name = std::to_string(i) + ": seed " + cases[i]["seed"].dump() + ", rows " + cases[i]["rows"].dump();
        QTest::newRow(name.c_str()) << static_cast<int>(i);
    }
}

void TestSplit::agreesWithScikitLearnAndPandas() {
    QFETCH(int, index);
    const auto expected = golden().at(static_cast<std::size_t>(index));
    const Dataset dataset = formula(expected["labels"], expected["weights"], expected["rows"], expected["offset"]);
    const Splits splits = engine::split(dataset, {.train_per_label = expected["train"],
                                                  .test_per_label = expected["test"],
                                                  .eval_per_label = expected["eval"],
                                                  .seed = expected["seed"],
                                                  .shuffle_seed = expected["shuffle_seed"]});
    if (expected.contains("splits")) {
        QCOMPARE(splits.train, expected["splits"]["train"].get<Rows>());
        QCOMPARE(splits.eval, expected["splits"]["eval"].get<Rows>());
        QCOMPARE(splits.test, expected["splits"]["test"].get<Rows>());
    } else {
        QCOMPARE(digest(splits.train), expected["sha256"]["train"].get<std::string>());
        QCOMPARE(digest(splits.eval), expected["sha256"]["eval"].get<std::string>());
        QCOMPARE(digest(splits.test), expected["sha256"]["test"].get<std::string>());
    }
}

void TestSplit::partsShareNoRow() {
    const Dataset dataset = formula({"a", "b", "c"}, {3, 1, 2}, 400, 9);
    const Splits splits =
        engine::split(dataset, {.train_per_label = 20, .test_per_label = 30, .eval_per_label = 40, .seed = 1, .shuffle_seed = 2});
    QCOMPARE(splits.train.size(), 60u);
    QCOMPARE(splits.test.size(), 90u);
    QCOMPARE(splits.eval.size(), 120u);
    const std::set<std::size_t> train(splits.train.begin(), splits.train.end()), test(splits.test.begin(), splits.test.end());
    QCOMPARE(train.size(), 60u);
    QCOMPARE(test.size(), 90u);
    for (std::size_t row : splits.test) QVERIFY(!train.contains(row));
    for (std::size_t row : splits.eval) QVERIFY(!train.contains(row) && !test.contains(row));
}

void TestSplit::refuses_data() {
    QTest::addColumn<int>("negatives");
    QTest::addColumn<qint64>("train");
    QTest::addColumn<qint64>("test");
    QTest::addColumn<qint64>("eval");
    QTest::addColumn<qint64>("seed");
    QTest::addColumn<QString>("says");
    QTest::newRow("too few rows")
        << 604 << qint64{400} << qint64{300} << qint64{50} << qint64{42}
        << "The label 'negative' has 604 rows, but the split wants 400 for training and 300 for the test. "
           "data.split.train_per_label 344 with test_per_label 259 would fit.";
    QTest::newRow("nothing left for eval")
        << 600 << qint64{300} << qint64{300} << qint64{50} << qint64{42}
        << "The label 'negative' has 600 rows, and training (300) and test (300) take them all: none is left for the 50 of "
           "data.split.eval_per_label. Set data.split.eval_per_label to 0, or take fewer rows. data.split.train_per_label 299 "
           "with "
           "test_per_label 300 would fit.";
    QTest::newRow("one row") << 1 << qint64{1} << qint64{1} << qint64{0} << qint64{42}
                             << "The label 'negative' has 1 row, but the split wants 1 for training and 1 for the test. "
                                "data.split.train_per_label 0 with test_per_label 1 would fit.";
    QTest::newRow("no row") << 0 << qint64{1} << qint64{1} << qint64{0} << qint64{42}
                            << "The label 'negative' has 0 rows, but the split wants 1 for training and 1 for the test. "
                               "Leave labels without rows out of data.labels, or add rows that have them.";
    QTest::newRow("no row, nothing wanted")
        << 0 << qint64{0} << qint64{0} << qint64{5} << qint64{42}
        << "The label 'negative' has 0 rows, and training (0) and test (0) take them all: none is left for the 5 of "
           "data.split.eval_per_label. Set data.split.eval_per_label to 0, or take fewer rows. Leave labels without rows out of "
           "data.labels, or add rows that have them.";
    QTest::newRow("negative size") << 600 << qint64{-1} << qint64{1} << qint64{0} << qint64{42}
                                   << "data.split.train_per_label must be 0 to 10000000, got -1.";
    QTest::newRow("huge test") << 600 << qint64{1} << std::numeric_limits<qint64>::max() << qint64{0} << qint64{42}
                               << "data.split.test_per_label must be 0 to 10000000, got 9223372036854775807.";
    QTest::newRow("huge eval") << 600 << qint64{1} << qint64{1} << qint64{10'000'001} << qint64{42}
                               << "data.split.eval_per_label must be 0 to 10000000, got 10000001.";
    QTest::newRow("seed that numpy refuses") << 600 << qint64{1} << qint64{1} << qint64{0} << qint64{4294967296}
                                             << "data.split.seed must be 0 to 4294967295, got 4294967296.";
}

void TestSplit::refuses() {
    QFETCH(int, negatives);
    QFETCH(qint64, train);
    QFETCH(qint64, test);
    QFETCH(qint64, eval);
    QFETCH(qint64, seed);
    QFETCH(QString, says);
    const Dataset dataset = withCounts({{"negative", negatives}, {"neutral", 2879}, {"positive", 1363}});
    try {
        (void)engine::split(
            dataset,
            {.train_per_label = train, .test_per_label = test, .eval_per_label = eval, .seed = seed, .shuffle_seed = 10});
        QFAIL("not refused");
    } catch (const engine::Error& error) {
        QCOMPARE(QString::fromUtf8(error.what()), says);
        QVERIFY(error.code() == engine::ErrorCode::BadInput);
    }
}

void TestSplit::suggestsSizesThatFit() {
    for (int rows = 3; rows < 40; ++rows) {
        const Dataset dataset = withCounts({{"a", 100}, {"b", rows}});
        for (std::int64_t eval : {0, 7}) {
            try {
                (void)engine::split(
                    dataset, {.train_per_label = 31, .test_per_label = 11, .eval_per_label = eval, .seed = 1, .shuffle_seed = 1});
                QFAIL("not refused");
            } catch (const engine::Error& error) {
                long train = -1, test = -1;
                QCOMPARE(
                    std::sscanf(error.hint().c_str(), "data.split.train_per_label %ld with test_per_label %ld", &train, &test),
                    2);
                const Splits splits = engine::split(
                    dataset,
                    {.train_per_label = train, .test_per_label = test, .eval_per_label = eval, .seed = 1, .shuffle_seed = 1});
                QCOMPARE(splits.train.size() + splits.test.size(), 2 * static_cast<std::size_t>(rows - (eval > 0 ? 1 : 0)));
            }
        }
    }
}

QTEST_APPLESS_MAIN(TestSplit)
#include "tst_split.moc"
