// links: engine_core
// SPDX-License-Identifier: GPL-3.0-or-later
// The list of measures: what each is called, computed from and written as.
#include "engine/error.h"
#include "engine/measures.h"

#include <QTest>
#include <set>

using namespace engine;

class TestMeasures : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void namesAreOneEach();
    void computedFromAReport();
    void knownAndUnknown();
    void written();
};

void TestMeasures::namesAreOneEach() {
    std::set<std::string> names, places;
    for (const Measure& measure : measures()) {
        QVERIFY2(names.insert(measure.key).second, measure.key.c_str());
        QVERIFY2(measure.alias.empty() || names.insert(measure.alias).second, measure.key.c_str());
        QVERIFY2(places.insert(measure.place).second, measure.key.c_str());
        QVERIFY2(measure.place.starts_with("/") && !measure.title.empty() && !measure.help.empty(), measure.key.c_str());
        QVERIFY2(!measure.compute || measure.metric.empty(), measure.key.c_str());
        QCOMPARE(&engine::measure(measure.key), &measure);
    }
    QVERIFY_EXCEPTION_THROWN(measure("macro_f2"), Error);
}

void TestMeasures::computedFromAReport() {
    const Report report = score({{"a", "b"}, {{2, 0, 1}, {1, 1, 0}}});
    const Measured values = measured(report);
    QCOMPARE(values["accuracy"], std::optional(0.6));
    QVERIFY(qAbs(*values["macro_f1"] - 2.0 / 3) < 1e-15); // F1 of a: 4/6, of b: 2/3
    QVERIFY(!values["eval_loss"] && !values["seconds_train"]);
    QVERIFY(measured(Report{}) == Measured{});
}

void TestMeasures::knownAndUnknown() {
    Measured values;
    QVERIFY(!values["accuracy"]);
    values.set("test_loss", 0.5);
    QCOMPARE(values["test_loss"], std::optional(0.5));
    QVERIFY(!values["accuracy"]);
    values.set("test_loss", {});
    QVERIFY(!values["test_loss"]);
    QVERIFY_EXCEPTION_THROWN(values.set("none", 1), Error);
}

void TestMeasures::written() {
    QCOMPARE(inSentence(measure("macro_f1")), std::string("macro F1"));
    QCOMPARE(valueText(Unit::Share, 0.84501), std::string("0.8450"));
    QCOMPARE(valueText(Unit::Seconds, 125), std::string("2 min 5 s"));
    QCOMPARE(valueText(Unit::Bytes, 612e6), std::string("612 MB"));
    QCOMPARE(differenceText(Unit::Share, -0.1234), std::string("-12.3 points"));
    QCOMPARE(differenceText(Unit::Loss, 0.021), std::string("+0.0210"));
    QCOMPARE(differenceText(Unit::Seconds, -3), std::string("-3.0 s"));
}

QTEST_APPLESS_MAIN(TestMeasures)
#include "tst_measures.moc"
