// links: engine_core
// SPDX-License-Identifier: GPL-3.0-or-later
// Runs as CSV and JSON.
#include "engine/exports/tables.h"

#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QTemporaryDir>
#include <QTest>

#include <cmath>
#include <limits>

using namespace engine;

namespace {

RunDetail someRun() {
    RunDetail run;
    run.summary.id = 3;
    run.summary.name = "=1+1";
    run.summary.kind = RunKind::Train;
    run.summary.state = RunState::Done;
    run.summary.started = 1000.5;
    run.summary.measured.set("accuracy", 0.5);
    run.summary.measured.set("seconds_train", 1.5);
    run.summary.tags = {"a", "b"};
    run.summary.note = "two\nlines";
    run.summary.params = {{"lora.r", "8"}, {"train.resid_dropout", "-1"}, {"prompt.template", "-{text}, {label}"}};
    run.experimentYaml = "name: x\n";
    run.versions = R"({"libtorch":"2.13.0"})";
    run.parent = 2;
    run.report = score({{"bad", "-good"}, {{1, 0, 0}, {0, 0, 1}}});
    run.metrics = {{"loss", {{1, 0.1 + 0.2, 5.5}, {2, std::nan(""), 6}, {3, std::numeric_limits<double>::infinity(), 7}}},
                   {"lr", {{1, 2e-4, 5.5}}}};
    run.artifacts = {{"adapter", "/a/b", "ff"}};
    return run;
}

} // namespace

class TestTables : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void fields_data();
    void fields();
    void metrics();
    void predictions();
    void unknownLabel();
    void runsTable();
    void json();
    void badVersions();
    void files();
};

void TestTables::fields_data() {
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<QByteArray>("field");
    const auto row = [](const char* name, const QByteArray& text, const QByteArray& field) {
        QTest::newRow(name) << text << field;
    };
    row("plain", "plain", "plain");
    row("empty", "", "");
    row("comma", "a,b", "\"a,b\"");
    row("semicolon", "a;b", "\"a;b\"");
    row("quote", "a\"b", "\"a\"\"b\"");
    row("newline", "a\nb", "\"a\nb\"");
    row("blanks", " a ", "\" a \"");
    row("formula", "=HYPERLINK(\"x\")", "\"'=HYPERLINK(\"\"x\"\")\"");
    row("plus", "+1", "\"'+1\"");
    row("minus", "-1+cmd", "\"'-1+cmd\"");
    row("at", "@SUM(A1)", "\"'@SUM(A1)\"");
    row("tab", "\t=1", "\"'\t=1\"");
    row("return", "\r=1", "\"'\r=1\"");
    row("newline first", "\n=1", "\"'\n=1\"");
    row("inside", "a=1", "a=1");
    row("unicode", "größer", "größer");
}

void TestTables::fields() {
    QFETCH(QByteArray, text);
    QFETCH(QByteArray, field);
    QCOMPARE(csvText(text.toStdString()), field.toStdString());
}

void TestTables::metrics() {
    QCOMPARE(metricsCsv(someRun()), std::string("name,step,value,wall\n"
                                                "loss,1,0.30000000000000004,5.5\n"
                                                "loss,2,,6\n"
                                                "loss,3,inf,7\n"
                                                "lr,1,2e-4,5.5\n"));
    QCOMPARE(metricsCsv(RunDetail{}), std::string("name,step,value,wall\n"));
}

void TestTables::predictions() {
    QCOMPARE(predictionsCsv(someRun(), {{7, 0, 0, {0.75, 0.25}, ""}, {5, 1, {}, {}, "=boo, \"x\""}}),
             std::string("record,truth,guess,correct,p(bad),p(-good),raw_text\n"
                         "7,bad,bad,1,0.75,0.25,\n"
                         "5,\"'-good\",,0,,,\"'=boo, \"\"x\"\"\"\n"));
    QCOMPARE(predictionsCsv(someRun(), {{7, 0, 1, {}, "x"}}),
             std::string("record,truth,guess,correct,raw_text\n7,bad,\"'-good\",0,x\n"));
    QCOMPARE(predictionsCsv(RunDetail{}, {}), std::string("record,truth,guess,correct,raw_text\n"));
}

void TestTables::unknownLabel() {
    QVERIFY_EXCEPTION_THROWN(predictionsCsv(someRun(), {{7, 2, {}, {}, ""}}), Error);
    QVERIFY_EXCEPTION_THROWN(predictionsCsv(someRun(), {{7, -1, {}, {}, ""}}), Error);
    QVERIFY_EXCEPTION_THROWN(predictionsCsv(RunDetail{}, {{7, 0, {}, {}, ""}}), Error);
}

void TestTables::runsTable() {
    RunSummary other;
    other.id = 4;
    other.name = "other";
    other.params = {{"lora.alpha", "16"}, {"lora.r", "4"}};
    std::string header, figures, none;
    for (const Measure& measure : measures()) {
        header += "," + measure.key;
        figures += measure.key == "accuracy" ? ",0.5" : measure.key == "seconds_train" ? ",1.5" : ",";
        none += ",";
    }
    QCOMPARE(runsCsv({someRun().summary, other}),
             "id,run,kind,state,started,finished,exit_reason" + header +
                 ",step,steps,tags,note,lora.r,train.resid_dropout,prompt.template,lora.alpha\n"
                 "3,\"'=1+1\",train,done,1000.5,0," +
                 figures + ",0,0,a b,\"two\nlines\",8,-1,\"'-{text}, {label}\",\n4,other,train,running,0,0," + none +
                 ",0,0,,,4,,,16\n");
    QVERIFY(header.starts_with(",accuracy,macro_f1,eval_loss,test_loss,last_loss,"));
}

void TestTables::json() {
    QJsonParseError error;
    const QJsonObject run = QJsonDocument::fromJson(QByteArray::fromStdString(runJson(someRun())), &error).object();
    QCOMPARE(error.error, QJsonParseError::NoError);
    const auto at = [&](const char* key) { return run[QLatin1String(key)]; };
    QCOMPARE(at("run").toInt(), 3);
    QCOMPARE(at("name").toString(), QStringLiteral("=1+1"));
    QCOMPARE(at("kind").toString(), QStringLiteral("train"));
    QCOMPARE(at("parent").toInt(), 2);
    QVERIFY(at("macro_f1").isNull());
    QCOMPARE(at("versions").toObject()[QStringLiteral("libtorch")].toString(), QStringLiteral("2.13.0"));
    QCOMPARE(at("params").toObject()[QStringLiteral("lora.r")].toString(), QStringLiteral("8"));
    const QJsonArray loss = at("metrics").toObject()[QStringLiteral("loss")].toArray();
    QCOMPARE(loss.size(), 3);
    QVERIFY(loss[0].toObject()[QStringLiteral("value")].toDouble() == 0.1 + 0.2);
    QVERIFY(loss[1].toObject()[QStringLiteral("value")].isNull());
    const QJsonObject report = at("report").toObject();
    QCOMPARE(report[QStringLiteral("confusion")].toArray()[1].toArray()[2].toInt(), 1);
    QCOMPARE(
        report[QStringLiteral("per_label")].toObject()[QStringLiteral("-good")].toObject()[QStringLiteral("support")].toInt(), 1);
    QCOMPARE(report[QStringLiteral("accuracy")].toDouble(), 0.5);
    QCOMPARE(at("seconds").toObject()[QStringLiteral("train")].toDouble(), 1.5);
    QVERIFY(at("seconds").toObject()[QStringLiteral("load")].isNull());
    QCOMPARE(at("figures").toObject()[QStringLiteral("seconds_train")].toDouble(), 1.5);
    QCOMPARE(at("artifacts").toArray()[0].toObject()[QStringLiteral("path")].toString(), QStringLiteral("/a/b"));
    QCOMPARE(at("experiment").toString(), QStringLiteral("name: x\n"));
}

void TestTables::badVersions() {
    RunDetail run = someRun();
    run.versions = "not JSON \xFF";
    const QJsonObject json = QJsonDocument::fromJson(QByteArray::fromStdString(runJson(run))).object();
    QCOMPARE(json[QStringLiteral("versions")].toString(), QStringLiteral("not JSON \uFFFD"));
}

void TestTables::files() {
    QTemporaryDir folder;
    const std::filesystem::path root = folder.path().toStdString();
    Runs runs(root / "runs.db");
    NewRun begun;
    begun.name = "x";
    const RunId id = runs.begin(begun);
    runs.addMetrics(id, {{"loss", {1, 2, 3}}});
    runs.setReport(id, *someRun().report, {{7, 0, 0, {}, "bad"}});
    exportTables(runs, id, root / "out" / "run");
    const auto read = [&](const char* name) {
        QFile file(folder.filePath(QStringLiteral("out/run/") + QLatin1String(name)));
        return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
    };
    QCOMPARE(read("metrics.csv"), QByteArray("name,step,value,wall\nloss,1,2,3\n"));
    QCOMPARE(read("predictions.csv"), QByteArray("record,truth,guess,correct,raw_text\n7,bad,bad,1,bad\n"));
    QVERIFY(QJsonDocument::fromJson(read("run.json")).isObject());
    QCOMPARE(std::distance(std::filesystem::directory_iterator(root / "out" / "run"), {}), 3);
    // The folder is made whole or not at all; one that holds something stays as it is.
    const RunId unnamed = runs.begin(begun);
    runs.setReport(unnamed, *someRun().report, {{7, 0, 99, {}, "bad"}});
    QVERIFY_EXCEPTION_THROWN(exportTables(runs, unnamed, root / "half"), Error);
    QVERIFY(!std::filesystem::exists(root / "half"));
    std::filesystem::create_directory(root / "kept");
    std::filesystem::copy_file(root / "runs.db", root / "kept" / "mine");
    QVERIFY_EXCEPTION_THROWN(exportTables(runs, id, root / "kept/"), Error);
    QCOMPARE(std::distance(std::filesystem::directory_iterator(root / "kept"), {}), 1);
    std::filesystem::create_directory(root / "empty");
    exportTables(runs, id, root / "empty/");
    QCOMPARE(std::distance(std::filesystem::directory_iterator(root / "empty"), {}), 3);
    QVERIFY_EXCEPTION_THROWN(exportTables(runs, 99, root / "none"), Error);
    QVERIFY(!std::filesystem::exists(root / "none"));
    QVERIFY_EXCEPTION_THROWN(exportTables(runs, id, root / "runs.db" / "x"), Error);
}

QTEST_APPLESS_MAIN(TestTables)
#include "tst_tables.moc"
