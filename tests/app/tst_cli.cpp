// links: engine engine_core test_support
// SPDX-License-Identifier: GPL-3.0-or-later
// phibench-cli's commands on a tiny real model: what they print, leave and return.
#include "cli_process.h"
#include "engine/experiment.h"
#include "engine/exports.h"
#include "engine/store/runs.h"
#include "engine/weights/safetensors.h"
#include "tests/support/tiny_data.h"
#include "tests/support/tiny_model.h"

#include <QDir>
#include <QFile>
#include <QTemporaryDir>
#include <QtTest>
#include <csignal>
#include <memory>
#include <set>

using namespace testing_support;

class TestCli : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void initTestCase();
    void helpAndVersion();
    void tokenizesAndBack();
    void tokenizesJsonStrings();
    void splits();
    void checksWhatThingsAre();
    void evaluatesThenTrains();
    void trainsForPeople();
    void evaluatesTheAdapter();
    void listsAndShows();
    void compares();
    void tagsNotesAndDeletes();
    void exports();
    void exportsMerged();
    void generates();
    void writesLogits();
    void stopsWithACheckpointAndResumes();
    void listsModels();

private:
    CliResult run(const QStringList& arguments, const QByteArray& input = {}) const {
        return runCli(m_home->path(), arguments, input);
    }
    QString path(const char* name) const { return m_home->filePath(QString::fromLatin1(name)); }
    engine::Runs store() const { return engine::Runs(path("phibench/runs.db").toStdString()); }

    std::unique_ptr<QTemporaryDir> m_home;
    QString m_model, m_csv, m_experiment, m_db;
    qint64 m_baseline = 0, m_train = 0;
};

void TestCli::initTestCase() {
    m_home = std::make_unique<QTemporaryDir>();
    m_model = path("model");
    m_csv = path("data.csv");
    m_experiment = path("tiny.yaml");
    m_db = path("phibench/runs.db");
    writeTinyModel(m_model.toStdString());
    writeTinyCsv(m_csv.toStdString());
    engine::saveExperiment(tinyExperiment(m_model.toStdString(), m_csv.toStdString()), m_experiment.toStdString());
}

void TestCli::helpAndVersion() {
    const CliResult help = run({QStringLiteral("--help")});
    QCOMPARE(help.code, 0);
    for (const char* command :
         {"train", "evaluate", "generate", "logits", "tokenize", "split", "check", "runs", "export", "models"})
        QVERIFY2(help.out.contains(command), command);
    for (const char* command : {"train", "runs", "export"}) {
        const CliResult of = run({QString::fromLatin1(command), QStringLiteral("--help")});
        QVERIFY2(of.code == 0 && of.out.contains("--db") && of.out.contains("--json"), of.out);
    }
    const CliResult version = run({QStringLiteral("--version")});
    QCOMPARE(version.code, 0);
    QVERIFY(version.out.startsWith("phibench-cli "));
}

void TestCli::tokenizesAndBack() {
    const QByteArray texts = "profits rose\n\n  naïve €5 \t end\n";
    const CliResult ids = run({QStringLiteral("tokenize"), QStringLiteral("--model"), m_model}, texts);
    QCOMPARE(ids.code, 0);
    const QList<QJsonValue> lines = ids.lines();
    QCOMPARE(lines.size(), 3);
    for (const QJsonValue& line : lines) QVERIFY(line.isArray());
    QVERIFY(!lines[0].toArray().isEmpty());
    QVERIFY(lines[1].toArray().isEmpty());
    const CliResult back =
        run({QStringLiteral("tokenize"), QStringLiteral("--model"), m_model, QStringLiteral("--decode")}, ids.out);
    QCOMPARE(back.code, 0);
    QCOMPARE(back.out, texts);
}

void TestCli::tokenizesJsonStrings() {
    const CliResult ids =
        run({QStringLiteral("tokenize"), QStringLiteral("--model"), m_model, QStringLiteral("--json")}, "\"a\\nb\"\n");
    QCOMPARE(ids.code, 0);
    QCOMPARE(ids.lines().size(), 1);
    const CliResult back = run(
        {QStringLiteral("--json"), QStringLiteral("tokenize"), QStringLiteral("--decode"), QStringLiteral("--model"), m_model},
        ids.out);
    QCOMPARE(back.out, QByteArray("\"a\\nb\"\n"));
}

void TestCli::splits() {
    const CliResult result = run({QStringLiteral("split"), m_experiment});
    QCOMPARE(result.code, 0);
    const QJsonObject splits = result.last();
    QCOMPARE(splits.keys(), (QStringList{QStringLiteral("eval"), QStringLiteral("test"), QStringLiteral("train")}));
    const QJsonArray train = splits[QLatin1String("train")].toArray(), test = splits[QLatin1String("test")].toArray(),
                     eval = splits[QLatin1String("eval")].toArray();
    QCOMPARE(train.size(), 36);
    QCOMPARE(test.size(), 30);
    QCOMPARE(eval.size(), 12);
    std::set<int> seen;
    for (const QJsonArray& part : {train, test})
        for (const QJsonValue& record : part)
            QVERIFY(record.toInt() >= 0 && record.toInt() < 180 && seen.insert(record.toInt()).second);
    for (const QJsonValue& record : eval) QVERIFY(!seen.count(record.toInt()));
    const CliResult again =
        run({QStringLiteral("split"), m_experiment, QStringLiteral("--set"), QStringLiteral("data.split.seed=7")});
    QVERIFY(again.code == 0 && again.out != result.out);
}

void TestCli::checksWhatThingsAre() {
    const QString weights = m_model + QStringLiteral("/model.safetensors");
    const CliResult result = run({QStringLiteral("check"), QStringLiteral("--json"), m_csv, m_experiment, m_model, weights});
    QVERIFY2(result.code == 0, result.out + result.err);
    const QList<QJsonValue> lines = result.lines();
    QCOMPARE(lines.size(), 4);
    QStringList kinds;
    for (const QJsonValue& line : lines) kinds.append(line.toObject()[QLatin1String("kind")].toString());
    QCOMPARE(kinds, (QStringList{QStringLiteral("csv"), QStringLiteral("experiment"), QStringLiteral("model"),
                                 QStringLiteral("safetensors")}));
    const QJsonObject csv = lines[0].toObject();
    QCOMPARE(csv[QLatin1String("records")].toInt(), 180);
    QCOMPARE(csv[QLatin1String("encoding")].toString(), QStringLiteral("UTF-8"));
    QCOMPARE(csv[QLatin1String("delimiter")].toString(), QStringLiteral(","));
    QCOMPARE(csv[QLatin1String("line_ending")].toString(), QStringLiteral("LF"));
    QCOMPARE(csv[QLatin1String("header")].toBool(), true);
    QCOMPARE(csv[QLatin1String("columns")].toArray(), (QJsonArray{QStringLiteral("label"), QStringLiteral("text")}));
    QCOMPARE(csv[QLatin1String("label_counts")].toObject()[QLatin1String("neutral")].toInt(), 60);
    QVERIFY(csv[QLatin1String("issues")].isArray());
    QCOMPARE(lines[1].toObject()[QLatin1String("train")].toInt(), 36);
    QCOMPARE(lines[2].toObject()[QLatin1String("family")].toString(), QStringLiteral("llama"));
    const CliResult text = run({QStringLiteral("check"), m_csv});
    QCOMPARE(text.code, 0);
    QVERIFY2(text.out.contains("180") && text.out.contains("neutral 60"), text.out);
    const CliResult json = run({QStringLiteral("check"), m_model + QStringLiteral("/config.json")});
    QVERIFY2(json.code == 2 && json.out.contains("unknown") && json.out.contains("JSON"), json.out);
    QCOMPARE(json.out.count("config.json"), 2); // as heading, and in the message
}

void TestCli::evaluatesThenTrains() {
    const CliResult before = run({QStringLiteral("evaluate"), m_experiment, QStringLiteral("--json")});
    QVERIFY2(before.code == 0, before.out + before.err);
    const QJsonObject base = before.last();
    QCOMPARE(base[QLatin1String("event")].toString(), QStringLiteral("result"));
    QVERIFY(base[QLatin1String("adapter")].isNull());
    m_baseline = base[QLatin1String("run")].toInteger();
    QVERIFY(m_baseline > 0);

    const CliResult after = run({QStringLiteral("train"), m_experiment, QStringLiteral("--json")});
    QVERIFY2(after.code == 0, after.out + after.err);
    int steps = 0, evals = 0;
    double evalLoss = 0;
    const QList<QJsonValue> lines = after.lines();
    for (const QJsonValue& value : lines) {
        QVERIFY2(value.isObject(), after.out);
        const QJsonObject line = value.toObject();
        const QString event = line[QLatin1String("event")].toString();
        if (event == QLatin1String("step")) {
            ++steps;
            for (const char* key :
                 {"run", "step", "loss", "lr", "grad_norm", "tokens_per_second", "examples_per_second", "eta_seconds"})
                QVERIFY2(line[QLatin1String(key)].isDouble(), key);
            QCOMPARE(line[QLatin1String("step")].toInt(), steps);
        } else if (event == QLatin1String("eval")) {
            ++evals;
            for (const char* key : {"run", "step", "loss", "accuracy", "macro_f1"})
                QVERIFY2(line[QLatin1String(key)].isDouble(), key);
            evalLoss = line[QLatin1String("loss")].toDouble();
        } else {
            QCOMPARE(event, QStringLiteral("result"));
            QVERIFY(&value == &lines.last());
        }
    }
    QCOMPARE(steps, 12); // 36 examples, 6 a batch, 2 epochs
    QCOMPARE(evals, 2);
    const QJsonObject result = after.last();
    for (const char* key : {"event", "run", "labels", "confusion", "per_label", "adapter"})
        QVERIFY2(result.contains(QLatin1String(key)), key);
    for (const char* key : {"accuracy", "macro_f1", "eval_loss", "test_loss", "last_loss", "peak_rss_bytes"})
        QVERIFY2(result[QLatin1String(key)].isDouble(), key);
    for (const auto& [key, stages] : {std::pair("seconds", QStringLiteral("load train evaluate")),
                                      std::pair("examples_per_second", QStringLiteral("train evaluate"))})
        for (const QString& stage : stages.split(QLatin1Char(' ')))
            QVERIFY2(result[QLatin1String(key)].toObject()[stage].toDouble() > 0, key);
    m_train = result[QLatin1String("run")].toInteger();
    QVERIFY(m_train != m_baseline);
    QCOMPARE(result[QLatin1String("labels")].toArray(),
             (QJsonArray{QStringLiteral("negative"), QStringLiteral("neutral"), QStringLiteral("positive")}));
    int total = 0, right = 0;
    const QJsonArray rows = result[QLatin1String("confusion")].toArray();
    for (int i = 0; i < rows.size(); ++i) {
        QCOMPARE(rows[i].toArray().size(), 4);
        for (const QJsonValue& count : rows[i].toArray()) total += count.toInt();
        right += rows[i].toArray()[i].toInt();
    }
    QCOMPARE(total, 30);
    QVERIFY(qAbs(result[QLatin1String("accuracy")].toDouble() - right / 30.0) < 1e-9);
    const QJsonObject label = result[QLatin1String("per_label")].toObject()[QLatin1String("neutral")].toObject();
    QCOMPARE(label[QLatin1String("support")].toInt(), 10);
    for (const char* key : {"precision", "recall", "f1", "accuracy"}) QVERIFY(label[QLatin1String(key)].isDouble());
    QCOMPARE(result[QLatin1String("eval_loss")].toDouble(), evalLoss); // of the eval rows, not of the test rows
    QVERIFY(result[QLatin1String("test_loss")].toDouble() > 0 && result[QLatin1String("test_loss")].toDouble() != evalLoss);
    QVERIFY(result[QLatin1String("peak_rss_bytes")].toInteger() > 1'000'000);
    QVERIFY(QFile::exists(result[QLatin1String("adapter")].toString() + QStringLiteral("/adapter_model.safetensors")));
    const CliResult adapter =
        run({QStringLiteral("check"), QStringLiteral("--json"), result[QLatin1String("adapter")].toString()});
    QVERIFY2(adapter.code == 0 && adapter.last()[QLatin1String("kind")] == QLatin1String("adapter"), adapter.out);
}

void TestCli::trainsForPeople() {
    const CliResult result = run({QStringLiteral("train"), m_experiment, QStringLiteral("--set"),
                                  QStringLiteral("train.epochs=1"), QStringLiteral("--set"), QStringLiteral("lora.r=2")});
    QVERIFY2(result.code == 0, result.err);
    for (const char* piece : {"accuracy", "macro F1", "truth \\ guess", "no answer", "before (run ", "points"})
        QVERIFY2(result.out.contains(piece), piece + result.out);
    QVERIFY(!result.out.contains('{'));
    QVERIFY(!result.err.contains('\r')); // no terminal, no progress line
    QVERIFY2(result.err.contains(" parameters in fp32, ") && result.err.contains("of memory: layers "),
             result.err); // before it begins
    QVERIFY(result.err.indexOf(" parameters in ") < result.err.indexOf("load model"));
}

void TestCli::evaluatesTheAdapter() {
    const QByteArray id = QByteArray::number(m_train);
    const QJsonObject trained =
        run({QStringLiteral("runs"), QStringLiteral("show"), QString::fromLatin1(id), QStringLiteral("--json")}).last();
    const CliResult byRun = run(
        {QStringLiteral("evaluate"), m_experiment, QStringLiteral("--run"), QString::fromLatin1(id), QStringLiteral("--json")});
    QVERIFY2(byRun.code == 0, byRun.err);
    QCOMPARE(byRun.last()[QLatin1String("confusion")], trained[QLatin1String("confusion")]);
    QString folder;
    for (const QJsonValue& artifact : trained[QLatin1String("artifacts")].toArray())
        if (artifact.toObject()[QLatin1String("kind")] == QLatin1String("adapter"))
            folder = artifact.toObject()[QLatin1String("path")].toString();
    const CliResult byFolder =
        run({QStringLiteral("evaluate"), m_experiment, QStringLiteral("--adapter"), folder, QStringLiteral("--json")});
    QVERIFY2(byFolder.code == 0, byFolder.err);
    QCOMPARE(byFolder.last()[QLatin1String("confusion")], trained[QLatin1String("confusion")]);
}

void TestCli::listsAndShows() {
    const QJsonArray runs =
        run({QStringLiteral("runs"), QStringLiteral("list"), QStringLiteral("--json")}).last()[QLatin1String("runs")].toArray();
    QVERIFY(runs.size() >= 3);
    QVERIFY(runs[0].toObject()[QLatin1String("run")].toInteger() > runs[1].toObject()[QLatin1String("run")].toInteger());
    const CliResult text = run({QStringLiteral("runs"), QStringLiteral("list")});
    QVERIFY2(text.code == 0 && text.out.contains("baseline") && text.out.contains("train"), text.out);
    const CliResult show = run({QStringLiteral("runs"), QStringLiteral("show"), QString::number(m_train)});
    QVERIFY2(show.code == 0 && show.out.contains("template:") && show.out.contains("accuracy"), show.out);
    const CliResult predictions =
        run({QStringLiteral("runs"), QStringLiteral("predictions"), QString::number(m_train), QStringLiteral("--json")});
    QCOMPARE(predictions.lines().size(), 31);
    const QJsonObject first = predictions.lines()[0].toObject();
    QVERIFY(first[QLatin1String("record")].isDouble() && first[QLatin1String("truth")].isString());
    QCOMPARE(first[QLatin1String("probabilities")].toObject().size(), 3);
    const CliResult none = runCli(path("empty"), {QStringLiteral("runs"), QStringLiteral("list")});
    QVERIFY(none.code == 0 && none.out.contains("no runs"));
    QVERIFY(!QFile::exists(path("empty/phibench/runs.db")));
}

void TestCli::compares() {
    const QStringList ids{QString::number(m_baseline), QString::number(m_train)};
    const CliResult json =
        run(QStringList{QStringLiteral("runs"), QStringLiteral("compare")} + ids + QStringList{QStringLiteral("--json")});
    QVERIFY2(json.code == 0, json.err);
    const QJsonArray runs = json.last()[QLatin1String("runs")].toArray();
    QCOMPARE(runs.size(), 2);
    const double difference =
        runs[1].toObject()[QLatin1String("accuracy")].toDouble() - runs[0].toObject()[QLatin1String("accuracy")].toDouble();
    QVERIFY(qAbs(runs[1].toObject()[QLatin1String("accuracy_difference")].toDouble() - difference) < 1e-9);
    const QJsonObject verdict = json.last()[QLatin1String("verdict")].toObject();
    QVERIFY(qAbs(verdict[QLatin1String("accuracy_difference")].toDouble() - difference) < 1e-9);
    int rows = 0;
    for (const char* fate : {"fixed", "broken", "both_right", "both_wrong"}) rows += verdict[QLatin1String(fate)].toInt();
    QCOMPARE(rows, 30);
    QCOMPARE(qRound(30 * difference), verdict[QLatin1String("fixed")].toInt() - verdict[QLatin1String("broken")].toInt());
    QVERIFY(verdict[QLatin1String("mcnemar_p")].isDouble());
    const CliResult text = run(QStringList{QStringLiteral("runs"), QStringLiteral("compare")} + ids);
    QCOMPARE(text.out.count("truth \\ guess"), 2);
    for (const char* piece : {"difference of accuracy", "rows fixed", "McNemar p"}) QVERIFY2(text.out.contains(piece), text.out);
    const CliResult one = run({QStringLiteral("runs"), QStringLiteral("compare"), ids[0]});
    QVERIFY2(one.code == 2 && one.err.contains("two runs or more"), one.err);
    QVERIFY(run({QStringLiteral("runs"), QStringLiteral("compare"), QStringLiteral("--help")}).out.contains("RUN..."));
}

void TestCli::tagsNotesAndDeletes() {
    const QString id = QString::number(m_train);
    QCOMPARE(run({QStringLiteral("runs"), QStringLiteral("tag"), id, QStringLiteral("best")}).code, 0);
    QCOMPARE(run({QStringLiteral("runs"), QStringLiteral("note"), id, QStringLiteral("the one to keep")}).code, 0);
    QJsonObject run1 = run({QStringLiteral("runs"), QStringLiteral("show"), id, QStringLiteral("--json")}).last();
    QCOMPARE(run1[QLatin1String("tags")].toArray(), QJsonArray{QStringLiteral("best")});
    QCOMPARE(run1[QLatin1String("note")].toString(), QStringLiteral("the one to keep"));
    QCOMPARE(run({QStringLiteral("runs"), QStringLiteral("tag"), id, QStringLiteral("best"), QStringLiteral("--remove")}).code,
             0);
    run1 = run({QStringLiteral("runs"), QStringLiteral("show"), id, QStringLiteral("--json")}).last();
    QVERIFY(run1[QLatin1String("tags")].toArray().isEmpty());
    const QJsonArray all =
        run({QStringLiteral("runs"), QStringLiteral("list"), QStringLiteral("--json")}).last()[QLatin1String("runs")].toArray();
    const QString newest = QString::number(all[0].toObject()[QLatin1String("run")].toInteger());
    QCOMPARE(run({QStringLiteral("runs"), QStringLiteral("delete"), newest}).code, 0);
    const CliResult gone = run({QStringLiteral("runs"), QStringLiteral("show"), newest});
    QCOMPARE(gone.code, 2);
    QVERIFY(gone.err.contains(newest.toLatin1()));
}

void TestCli::exports() {
    const QString id = QString::number(m_train);
    const auto exported = [&](const char* format, const QString& out) {
        return run({QStringLiteral("export"), id, QStringLiteral("--format"), QString::fromLatin1(format),
                    QStringLiteral("--out"), out});
    };
    QCOMPARE(exported("peft", path("peft")).code, 0);
    QVERIFY(QFile::exists(path("peft/adapter_config.json")) && QFile::exists(path("peft/adapter_model.safetensors")));
    const CliResult again = exported("peft", path("peft"));
    QVERIFY(again.code == 2 && again.err.contains("already"));
    QCOMPARE(exported("csv", path("predictions.csv")).code, 0);
    QFile csv(path("predictions.csv"));
    QVERIFY(csv.open(QIODevice::ReadOnly));
    QCOMPARE(csv.readAll().count('\n'), 31);
    QCOMPARE(exported("csv", path("tables")).code, 0);
    QVERIFY(QFile::exists(path("tables/metrics.csv")));
    QCOMPARE(exported("html", path("report.html")).code, 0);
    QFile html(path("report.html"));
    QVERIFY(html.open(QIODevice::ReadOnly));
    const QByteArray page = html.readAll();
    for (const char* part : {"<table>", "<figcaption>before: accuracy", "<th>difference</th>", "Of 30 test rows"})
        QVERIFY2(page.contains(part), part);
    // The list is what works: help names it, and each of it writes something.
    const CliResult help = run({QStringLiteral("export"), QStringLiteral("--help")});
    for (const engine::Exporter& format : engine::exporters()) {
        QVERIFY2(help.out.contains(QByteArray::fromStdString(format.key + ": " + format.help)), format.key.c_str());
        const QString out = path("list") + QString::fromStdString(format.suffix);
        const CliResult done = exported(format.key.c_str(), out);
        QVERIFY2(done.code == 0 && QFileInfo::exists(out), done.err);
        QVERIFY(!QFileInfo::exists(out + QStringLiteral(".unverified")));
        if (!format.model) continue;
        QVERIFY2(done.err.contains("Scored again on 30 test rows: 30 labels are the same"), done.err);
        QCOMPARE(run({QStringLiteral("check"), out}).code, 0);
    }
    QCOMPARE(exported("docx", path("x")).code, 2);
    const CliResult baseline = run({QStringLiteral("export"), QString::number(m_baseline), QStringLiteral("--format"),
                                    QStringLiteral("peft"), QStringLiteral("--out"), path("x")});
    QVERIFY(baseline.code == 2 && baseline.err.contains("no adapter"));
}

void TestCli::exportsMerged() {
    const auto exported = [&](const QString& out) {
        return run({QStringLiteral("export"), QString::number(m_train), QStringLiteral("--format"), QStringLiteral("safetensors"),
                    QStringLiteral("--out"), out, QStringLiteral("--json")});
    };
    const CliResult merged = exported(path("merged"));
    QVERIFY2(merged.code == 0, merged.err);
    QCOMPARE(merged.last()[QLatin1String("dtype")].toString(), QStringLiteral("float32"));
    QVERIFY(exported(path("merged")).code == 2);
    QCOMPARE(run({QStringLiteral("check"), path("merged")}).code, 0);
    // As base and adapter together.
    const auto logits = [&](const QString& model, const QStringList& more) {
        const QString out = path("merged.logits");
        QFile::remove(out);
        [&] {
            QCOMPARE(run(QStringList{QStringLiteral("logits"), QStringLiteral("--model"), model, QStringLiteral("--precision"),
                                     QStringLiteral("fp32"), QStringLiteral("--ids"), QStringLiteral("3,1,4,1,5"),
                                     QStringLiteral("--out"), out} +
                         more)
                         .code,
                     0);
        }();
        const engine::SafetensorsFile file(out.toStdString());
        std::vector<float> values(static_cast<std::size_t>(file.find("logits")->count()));
        engine::toFloat(*file.find("logits"), values.data());
        return values;
    };
    const std::vector<float> base = logits(m_model, {}), adapted = logits(m_model, {QStringLiteral("--adapter"), path("peft")}),
                             whole = logits(path("merged"), {});
    const auto apart = [](const std::vector<float>& a, const std::vector<float>& b) {
        float most = 0;
        for (std::size_t i = 0; i < a.size(); ++i) most = std::max(most, std::abs(a[i] - b[i]));
        return most;
    };
    QVERIFY(apart(base, adapted) > 1e-3f);
    QVERIFY(apart(whole, adapted) <= 1e-5f);
    // A base that has changed since is not the one.
    QFile config(m_model + QStringLiteral("/config.json"));
    QVERIFY(config.open(QIODevice::ReadOnly));
    const QByteArray was = config.readAll();
    config.close();
    QVERIFY(config.open(QIODevice::WriteOnly) && config.write(was + "\n") > 0);
    config.close();
    const CliResult changed = exported(path("changed"));
    QVERIFY(config.open(QIODevice::WriteOnly) && config.write(was) == was.size());
    QVERIFY2(changed.code == 2 && changed.err.contains("changed since") && !QFile::exists(path("changed")), changed.err);
}

void TestCli::generates() {
    const QStringList arguments{QStringLiteral("generate"), QStringLiteral("--model"),     m_model,
                                QStringLiteral("--prompt"), QStringLiteral("profits"),     QStringLiteral("--max-new-tokens"),
                                QStringLiteral("8"),        QStringLiteral("--precision"), QStringLiteral("fp32")};
    const CliResult json = run(arguments + QStringList{QStringLiteral("--json")});
    QVERIFY2(json.code == 0, json.err);
    const QJsonObject result = json.last();
    QVERIFY(result[QLatin1String("ids")].toArray().size() <= 8);
    QVERIFY(result[QLatin1String("tokens_per_second")].toObject()[QLatin1String("prefill")].isDouble());
    QCOMPARE(run(arguments + QStringList{QStringLiteral("--json")}).last()[QLatin1String("ids")], result[QLatin1String("ids")]);
    QFile prompt(path("prompt.txt"));
    QVERIFY(prompt.open(QIODevice::WriteOnly) && prompt.write("profits") == 7);
    prompt.close();
    QStringList fromFile = arguments;
    fromFile[3] = QStringLiteral("--prompt-file");
    fromFile[4] = path("prompt.txt");
    QCOMPARE(run(fromFile + QStringList{QStringLiteral("--json")}).last()[QLatin1String("ids")], result[QLatin1String("ids")]);
    const CliResult text = run(arguments);
    QVERIFY(text.code == 0 && text.out.startsWith(result[QLatin1String("text")].toString().toUtf8()));
    QCOMPARE(run(arguments + QStringList{QStringLiteral("--prompt-file"), path("prompt.txt")}).code, 2);
}

void TestCli::writesLogits() {
    const QString out = path("logits.safetensors");
    const CliResult result =
        run({QStringLiteral("logits"), QStringLiteral("--model"), m_model, QStringLiteral("--precision"), QStringLiteral("fp32"),
             QStringLiteral("--ids"), QStringLiteral("1,2,3"), QStringLiteral("--out"), out});
    QVERIFY2(result.code == 0, result.err);
    const engine::SafetensorsFile file(out.toStdString());
    const engine::TensorView* logits = file.find("logits");
    QVERIFY(logits);
    QCOMPARE(logits->shape, (std::vector<std::int64_t>{3, tinyVocabulary()}));
    QVERIFY(logits->type == engine::DType::F32);
    const CliResult outside = run({QStringLiteral("logits"), QStringLiteral("--model"), m_model, QStringLiteral("--ids"),
                                   QStringLiteral("1,99999"), QStringLiteral("--out"), path("no.safetensors")});
    QVERIFY(outside.code == 2 && !QFile::exists(path("no.safetensors")));
}

void TestCli::stopsWithACheckpointAndResumes() {
    QProcess process;
    prepareCli(process, m_home->path(),
               {QStringLiteral("train"), m_experiment, QStringLiteral("--json"), QStringLiteral("--set"),
                QStringLiteral("train.epochs=50")});
    process.start();
    QByteArray out;
    while (!out.contains("\"step\":3,") && process.waitForReadyRead(kCliTimeoutMs)) out += process.readAllStandardOutput();
    QVERIFY2(out.contains("\"event\":\"step\""), out + process.readAllStandardError());
    QCOMPARE(::kill(pid_t(process.processId()), SIGINT), 0);
    const CliResult stopped = finishCli(process);
    QCOMPARE(stopped.code, 130);
    QVERIFY2(stopped.err.contains("checkpoint"), stopped.err);
    const QJsonObject newest = run({QStringLiteral("runs"), QStringLiteral("list"), QStringLiteral("--json")})
                                   .last()[QLatin1String("runs")]
                                   .toArray()[0]
                                   .toObject();
    QCOMPARE(newest[QLatin1String("state")].toString(), QStringLiteral("stopped"));
    const QString id = QString::number(newest[QLatin1String("run")].toInteger());
    const QJsonObject shown = run({QStringLiteral("runs"), QStringLiteral("show"), id, QStringLiteral("--json")}).last();
    bool checkpoint = false;
    for (const QJsonValue& artifact : shown[QLatin1String("artifacts")].toArray())
        checkpoint = checkpoint || (artifact.toObject()[QLatin1String("kind")] == QLatin1String("checkpoint") &&
                                    QFile::exists(artifact.toObject()[QLatin1String("path")].toString()));
    QVERIFY(checkpoint);

    const CliResult resumed = run({QStringLiteral("train"), QStringLiteral("--resume"), id, QStringLiteral("--json")});
    QVERIFY2(resumed.code == 0, resumed.err);
    QCOMPARE(resumed.last()[QLatin1String("run")].toInteger(), id.toLongLong());
    const int first = resumed.lines()[0].toObject()[QLatin1String("step")].toInt();
    QVERIFY2(first > 3, resumed.out.left(300));
    const QJsonArray losses = run({QStringLiteral("runs"), QStringLiteral("show"), id, QStringLiteral("--json")})
                                  .last()[QLatin1String("metrics")]
                                  .toObject()[QLatin1String("loss")]
                                  .toArray();
    QCOMPARE(losses.size(), 300); // 36 examples, 6 a batch, 50 epochs: each step once
}

void TestCli::listsModels() {
    const CliResult list = run({QStringLiteral("models"), QStringLiteral("list"), QStringLiteral("--json")});
    QVERIFY(list.code == 0 && list.last()[QLatin1String("models")].isArray());
    const CliResult get = run({QStringLiteral("models"), QStringLiteral("get"), QStringLiteral("microsoft/phi-2")});
    QVERIFY(get.code == 2 && get.err.contains("microsoft/phi-2"));
}

QTEST_GUILESS_MAIN(TestCli)
#include "tst_cli.moc"
