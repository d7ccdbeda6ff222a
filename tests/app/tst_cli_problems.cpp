// links: engine_core test_support
// SPDX-License-Identifier: GPL-3.0-or-later
// What phibench-cli says of bad input and a hostile system: one clear sentence, the right exit code, nothing half-written.
#include "cli_process.h"
#include "engine/experiment.h"
#include "engine/store/runs.h"
#include "tests/support/tiny_data.h"
#include "tests/support/tiny_model.h"

#include <QDir>
#include <QDirIterator>
#include <QFile>
#include <QTemporaryDir>
#include <QtTest>
#include <memory>
#include <sys/mount.h>

using namespace testing_support;

class TestCliProblems : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void initTestCase();
    void badExperiments_data();
    void badExperiments();
    void badModels_data();
    void badModels();
    void badArguments_data();
    void badArguments();
    void emptyNames();
    void doubtfulPrompts();
    void problemsOfSeveralSettingsAtOnce();
    void badTokenLines();
    void unwritableOutput();
    void unwritableRunsFile();
    void lockedRunsFile();
    void fullDisk();

private:
    CliResult run(const QStringList& arguments, const QByteArray& input = {}) const {
        return runCli(m_home->path(), arguments, input);
    }
    QString path(const char* name) const { return m_home->filePath(QString::fromLatin1(name)); }
    void write(const QString& file, const QByteArray& bytes) const {
        QFile out(file);
        QVERIFY(out.open(QIODevice::WriteOnly) && out.write(bytes) == bytes.size());
    }
    /// Fails unless there is one sentence for people and, with --json, an error event; no run may be left `running`.
    void verifyProblem(const CliResult& result, int code, const QString& says) const;

    std::unique_ptr<QTemporaryDir> m_home;
    QString m_model, m_csv, m_experiment;
};

void TestCliProblems::verifyProblem(const CliResult& result, int code, const QString& says) const {
    QVERIFY2(result.code == code, QByteArray::number(result.code) + ": " + result.out + result.err);
    QVERIFY2(result.err.contains(says.toUtf8()), result.err);
    QVERIFY2(result.err.contains("phibench-cli: ") || result.err.contains("--help") || says.isEmpty(), result.err);
    for (const char* raw :
         {"terminate called", "what():", "Exception raised from", "c10::Error", "YAML::", "nlohmann", "SQLite::"})
        QVERIFY2(!result.err.contains(raw), result.err);
    const QString db = path("phibench/runs.db");
    if (!QFile::exists(db)) return;
    for (const engine::RunSummary& run : engine::Runs(db.toStdString()).list())
        QVERIFY2(run.state != engine::RunState::Running, run.name.c_str());
}

void TestCliProblems::initTestCase() {
    m_home = std::make_unique<QTemporaryDir>();
    m_model = path("model");
    m_csv = path("data.csv");
    m_experiment = path("tiny.yaml");
    writeTinyModel(m_model.toStdString());
    writeTinyCsv(m_csv.toStdString(), 30);
    engine::saveExperiment(tinyExperiment(m_model.toStdString(), m_csv.toStdString()), m_experiment.toStdString());
    write(path("empty.csv"), {});
    QByteArray rows = "label,text\n";
    for (int i = 0; i < 60; ++i) rows += "good,sentence number " + QByteArray::number(i) + " of them all\n";
    write(path("one_label.csv"), rows);
    write(path("binary.csv"), QByteArray("\0\1\2\3", 4).repeated(1000));
}

void TestCliProblems::badExperiments_data() {
    QTest::addColumn<QStringList>("settings");
    QTest::addColumn<QString>("says");
    const auto row = [](const char* name, const QStringList& settings, const char* says) {
        QTest::newRow(name) << settings << QString::fromUtf8(says);
    };
    row("missing csv", {QStringLiteral("data.csv=nowhere.csv")}, "nowhere.csv");
    row("empty csv", {QStringLiteral("data.csv=") + path("empty.csv")}, "empty.csv");
    row("one label only", {QStringLiteral("data.csv=") + path("one_label.csv"), QStringLiteral("data.labels=[]")}, "label");
    row("too few rows", {QStringLiteral("data.split.train_per_label=900")}, "900");
    row("no {text}", {QStringLiteral("prompt.template=\"What is it? {label}\"")}, "{text}");
    row("no {label}", {QStringLiteral("prompt.template=\"{text} is\"")}, "{label}");
    row("{label} not last", {QStringLiteral("prompt.template=\"{label} is {text}\"")}, "{label}");
    row("unknown key", {QStringLiteral("lora.rank=8")}, "lora.rank");
    row("r = 0", {QStringLiteral("lora.r=0")}, "lora.r");
    row("r no number", {QStringLiteral("lora.r=many")}, "lora.r");
    row("no such column", {QStringLiteral("data.label=sentiment")}, "sentiment");
    row("unknown target", {QStringLiteral("lora.targets=[fc9]")}, "fc9");
    row("no such model", {QStringLiteral("model.path=") + path("nowhere")}, "nowhere");
    row("no such hub model", {QStringLiteral("model.path=nobody/nothing")}, "nobody/nothing");
    row("folder without a model", {QStringLiteral("model.path=") + m_home->path()}, "config.json");
    row("unknown label", {QStringLiteral("data.labels=[up, down]")}, "data.labels");
    row("no assignment", {QStringLiteral("lora.r")}, "lora.r");
    row("negative learning rate", {QStringLiteral("train.learning_rate=-1")}, "train.learning_rate");
    row("max_tokens beyond the model", {QStringLiteral("train.max_tokens=4")}, "max_tokens");
}

void TestCliProblems::badExperiments() {
    QFETCH(QStringList, settings);
    QFETCH(QString, says);
    QStringList arguments{QStringLiteral("train"), m_experiment};
    for (const QString& setting : settings) arguments << QStringLiteral("--set") << setting;
    verifyProblem(run(arguments), 2, says);
    const CliResult json = run(arguments + QStringList{QStringLiteral("--json")});
    verifyProblem(json, 2, says);
    QCOMPARE(json.last()[QLatin1String("event")].toString(), QStringLiteral("error"));
    arguments[0] = QStringLiteral("evaluate");
    if (!settings[0].startsWith(QLatin1String("lora.targets")))
        verifyProblem(run(arguments), 2, says); // the model as it is needs none
}

void TestCliProblems::badModels_data() {
    QTest::addColumn<QString>("model");
    QTest::addColumn<QString>("says");
    const auto copy = [&](const char* name) {
        const QString folder = path(name);
        QDir().mkpath(folder);
        const QDir from(m_model);
        for (const QString& file : from.entryList(QDir::Files))
            QFile::copy(from.filePath(file), folder + QLatin1Char('/') + file);
        return folder;
    };
    const auto row = [](const char* name, const QString& model, const char* says) {
        QTest::newRow(name) << model << QString::fromUtf8(says);
    };

    const QString cut = copy("cut");
    QFile weights(cut + QStringLiteral("/model.safetensors"));
    QVERIFY(weights.resize(weights.size() - 100));
    row("truncated safetensors", cut, "model.safetensors");
    const QString header = copy("header");
    QVERIFY(QFile(header + QStringLiteral("/model.safetensors")).resize(5));
    row("safetensors of 5 bytes", header, "model.safetensors");
    const QString none = copy("none");
    QVERIFY(QFile::remove(none + QStringLiteral("/model.safetensors")));
    row("no weights", none, "safetensors");
    const QString untold = copy("untold");
    QVERIFY(QFile::remove(untold + QStringLiteral("/tokenizer.json")));
    row("no tokenizer", untold, "tokenizer");
    const QString json = copy("json");
    write(json + QStringLiteral("/config.json"), "{\"model_type\": ");
    row("broken config.json", json, "config.json");
    const QString family = copy("family");
    write(family + QStringLiteral("/config.json"), "{\"model_type\": \"mamba\"}");
    row("unknown family", family, "mamba");

    // A tokenizer with a token that the model has no row for, in every prompt.
    const QString other = copy("other");
    QFile tokenizer(other + QStringLiteral("/tokenizer.json"));
    QVERIFY(tokenizer.open(QIODevice::ReadOnly));
    QJsonObject object = QJsonDocument::fromJson(tokenizer.readAll()).object();
    tokenizer.close();
    QJsonArray added = object[QLatin1String("added_tokens")].toArray();
    added.append(QJsonObject{{QStringLiteral("id"), int(tinyVocabulary())},
                             {QStringLiteral("content"), QStringLiteral("Answer")},
                             {QStringLiteral("special"), true},
                             {QStringLiteral("single_word"), false},
                             {QStringLiteral("lstrip"), false},
                             {QStringLiteral("rstrip"), false},
                             {QStringLiteral("normalized"), false}});
    object[QLatin1String("added_tokens")] = added;
    write(other + QStringLiteral("/tokenizer.json"), QJsonDocument(object).toJson());
    row("tokenizer of another model", other, "tokenizer");

    write(path("cut.gguf"), QByteArray("GGUF\3\0\0\0\5\0\0\0\0\0\0\0\7\0\0\0\0\0\0\0", 24));
    row("truncated GGUF", path("cut.gguf"), "cut.gguf");
    write(path("lies.gguf"), QByteArray("GGUF\3\0\0\0", 8) + QByteArray(16, '\x7f'));
    row("GGUF with absurd counts", path("lies.gguf"), "lies.gguf");
    write(path("noise.gguf"), QByteArray(4096, 'x'));
    row("no GGUF at all", path("noise.gguf"), "noise.gguf");
}

void TestCliProblems::badModels() {
    QFETCH(QString, model);
    QFETCH(QString, says);
    verifyProblem(run({QStringLiteral("train"), m_experiment, QStringLiteral("--set"), QStringLiteral("model.path=") + model}), 2,
                  says);
    verifyProblem(
        run({QStringLiteral("generate"), QStringLiteral("--model"), model, QStringLiteral("--prompt"), QStringLiteral("Answer")}),
        2, says);
    const CliResult check = run({QStringLiteral("check"), QStringLiteral("--json"), model});
    QCOMPARE(check.code, 2);
    QVERIFY2(!check.last()[QLatin1String("issues")].toArray().isEmpty() && check.out.contains(says.toUtf8()), check.out);
}

void TestCliProblems::badArguments_data() {
    QTest::addColumn<QStringList>("arguments");
    QTest::addColumn<int>("code");
    QTest::addColumn<QString>("says");
    const auto row = [](const char* name, const QString& arguments, int code, const char* says) {
        QTest::newRow(name) << arguments.split(QLatin1Char('|'), Qt::SkipEmptyParts) << code << QString::fromUtf8(says);
    };
    row("no command", QString(), 2, "");
    row("unknown command", QStringLiteral("zzz"), 2, "There is no command \"zzz\"");
    row("command with a slip", QStringLiteral("--db|x.db|trian|%1").arg(m_experiment), 2, "Did you mean train?");
    row("train without experiment", QStringLiteral("train"), 2, "experiment");
    row("missing experiment", QStringLiteral("train|nowhere.yaml"), 2, "nowhere.yaml");
    row("experiment is a folder", QStringLiteral("train|") + m_home->path(), 2, "");
    row("resume of an unknown run", QStringLiteral("train|%1|--resume|77").arg(m_experiment), 2, "77");
    row("adapter that is not there", QStringLiteral("evaluate|%1|--adapter|nowhere").arg(m_experiment), 2, "nowhere");
    row("run that is not there", QStringLiteral("evaluate|%1|--run|77").arg(m_experiment), 2, "77");
    row("both adapter and run", QStringLiteral("evaluate|%1|--run|1|--adapter|x").arg(m_experiment), 2, "");
    row("no prompt", QStringLiteral("generate|--model|%1").arg(m_model), 2, "");
    row("prompt file that is not there", QStringLiteral("generate|--model|%1|--prompt-file|nowhere.txt").arg(m_model), 2,
        "nowhere.txt");
    row("unknown precision", QStringLiteral("generate|--model|%1|--prompt|x|--precision|int3").arg(m_model), 2, "");
    row("top-p over 1", QStringLiteral("generate|--model|%1|--prompt|x|--top-p|2").arg(m_model), 2, "");
    row("ids no numbers", QStringLiteral("logits|--model|%1|--ids|a,b|--out|x").arg(m_model), 2, "");
    row("logits into a folder that is not there",
        QStringLiteral("logits|--model|%1|--ids|1|--out|%2").arg(m_model, path("no/where/x")), 1, "where");
    row("logits over a file", QStringLiteral("logits|--model|%1|--ids|1|--out|%2").arg(m_model, m_csv), 2,
        "data.csv is there already. Give a new name.");
    row("logits over a folder", QStringLiteral("logits|--model|%1|--ids|1|--out|%2").arg(m_model, m_home->path()), 2,
        "is a folder, but a file is to be written");
    row("tokenize without the model", QStringLiteral("tokenize|--model|nowhere/model"), 2, "nowhere/model");
    row("check of nothing", QStringLiteral("check|nowhere.csv"), 2, "");
    row("runs of no file", QStringLiteral("runs|show|1|--db|%1").arg(path("none.db")), 2, "none.db");
    row("runs file that is none", QStringLiteral("runs|list|--db|%1").arg(m_csv), 2, "data.csv");
    row("run number zero", QStringLiteral("runs|show|0"), 2, "\"0\" is no whole number from 1 on");
    row("run number below", QStringLiteral("runs|delete|-1"), 2, "\"-1\" is no whole number from 1 on");
    row("run number beyond", QStringLiteral("runs|show|99999999999999999999"), 2, "is no whole number");
    row("token below zero", QStringLiteral("logits|--model|%1|--ids|1,-2|--out|x").arg(m_model), 2,
        "\"-2\" is no whole number from 0 on");
    row("token beyond the vocabulary", QStringLiteral("logits|--model|%1|--ids|1,281|--out|x").arg(m_model), 2,
        "Its tokens go from 0 to 280");
}

void TestCliProblems::badArguments() {
    QFETCH(QStringList, arguments);
    QFETCH(int, code);
    QFETCH(QString, says);
    verifyProblem(run(arguments), code, says);
    QVERIFY(!QFile::exists(path("none.db")));
}

void TestCliProblems::emptyNames() {
    verifyProblem(run({QStringLiteral("logits"), QStringLiteral("--model"), m_model, QStringLiteral("--ids"), QStringLiteral("1"),
                       QStringLiteral("--out"), QString()}),
                  2, QStringLiteral("phibench-cli: --out is empty."));
}

void TestCliProblems::doubtfulPrompts() {
    const QByteArray says = "prompt.template: {nope} is sent as it stands; only {text} and {label} are filled in.";
    const QString prompt = QStringLiteral("[{text}] {nope} ={label}");
    const CliResult evaluated =
        run({QStringLiteral("evaluate"), m_experiment, QStringLiteral("--set"), QStringLiteral("prompt.template=") + prompt});
    QVERIFY2(evaluated.code == 0 && evaluated.err.contains("warning: " + says), evaluated.err);
    QVERIFY2(evaluated.err.contains("warning: prompt.template: puts no blank between \"=\""), evaluated.err);
    engine::Experiment doubtful = engine::loadExperiment(m_experiment.toStdString());
    doubtful.prompt.text_template = prompt.toStdString();
    engine::saveExperiment(doubtful, path("doubtful.yaml").toStdString());
    const CliResult check = run({QStringLiteral("check"), path("doubtful.yaml")});
    QVERIFY2(check.code == 0 && check.out.contains(says), check.out);
}

void TestCliProblems::problemsOfSeveralSettingsAtOnce() {
    write(path("bad.yaml"), "name: x\nlora: {r: 0, beta: 3}\ntrain: {epochs: soon}\ndata: {csv: data.csv}\n");
    const CliResult result = run({QStringLiteral("train"), path("bad.yaml")});
    verifyProblem(result, 2, QStringLiteral("bad.yaml"));
    for (const char* piece : {"beta", "epochs", ":2:", ":3:"}) QVERIFY2(result.err.contains(piece), result.err);
}

void TestCliProblems::badTokenLines() {
    const QStringList decode{QStringLiteral("tokenize"), QStringLiteral("--model"), m_model, QStringLiteral("--decode")};
    for (const QByteArray& line : {QByteArray("[1, 2"), QByteArray("{}"), QByteArray("[1.5]"), QByteArray("[99999]"),
                                   QByteArray("[-1]"), QByteArray("[\"a\"]")})
        verifyProblem(run(decode, "[1]\n" + line + "\n"), 2, QStringLiteral("standard input:2"));
    verifyProblem(run({QStringLiteral("tokenize"), QStringLiteral("--model"), m_model, QStringLiteral("--json")}, "not json\n"),
                  2, QStringLiteral("standard input:1"));
}

void TestCliProblems::unwritableOutput() {
    if (!QFile::exists(QStringLiteral("/dev/full"))) QSKIP("no /dev/full here");
    QProcess process;
    prepareCli(process, m_home->path(), {QStringLiteral("split"), m_experiment});
    process.setStandardOutputFile(QStringLiteral("/dev/full"));
    process.start();
    verifyProblem(finishCli(process), 1, QStringLiteral("Standard output"));
}

void TestCliProblems::unwritableRunsFile() {
    verifyProblem(run({QStringLiteral("train"), m_experiment, QStringLiteral("--db"), QStringLiteral("/proc/phibench/runs.db")}),
                  1, QStringLiteral("/proc/phibench"));
    // A folder is no runs file.
    const CliResult folder = run({QStringLiteral("train"), m_experiment, QStringLiteral("--db"), m_model});
    QVERIFY2((folder.code == 1 || folder.code == 2) && folder.err.contains(m_model.toUtf8()), folder.err);
}

void TestCliProblems::lockedRunsFile() {
    const QString db = path("locked.db");
    { engine::Runs made(db.toStdString()); }
    QProcess holder;
    holder.start(QStringLiteral("sqlite3"), {db});
    if (!holder.waitForStarted()) QSKIP("sqlite3 is not installed");
    holder.write("BEGIN EXCLUSIVE;\nSELECT 'held';\n");
    QVERIFY(holder.waitForReadyRead(30'000));
    QVERIFY(holder.readAllStandardOutput().contains("held"));
    verifyProblem(run({QStringLiteral("train"), m_experiment, QStringLiteral("--db"), db}), 1, QStringLiteral("locked.db"));
    holder.closeWriteChannel();
    QVERIFY(holder.waitForFinished());
    QVERIFY(engine::Runs(db.toStdString()).list().empty());
}

void TestCliProblems::fullDisk() {
    const QString mount = path("small");
    QDir().mkpath(mount);
    if (::mount("tmpfs", mount.toUtf8().constData(), "tmpfs", 0, "size=160k") != 0) QSKIP("a small file system needs root");
    const CliResult result =
        run({QStringLiteral("train"), m_experiment, QStringLiteral("--db"), mount + QStringLiteral("/runs.db")});
    // Nothing but whole files, whatever the moment at which the disk was full.
    QStringList halves;
    QDirIterator files(mount, QDir::Files | QDir::Hidden, QDirIterator::Subdirectories);
    while (files.hasNext())
        if (const QString name = files.next();
            name.endsWith(QLatin1String("adapter_model.safetensors")) || name.contains(QLatin1String("/.")))
            halves.append(name);
    ::umount2(mount.toUtf8().constData(), MNT_DETACH);
    verifyProblem(result, 1, QString());
    QVERIFY2(halves.isEmpty(), qPrintable(halves.join(QLatin1Char(' '))));
}

QTEST_GUILESS_MAIN(TestCliProblems)
#include "tst_cli_problems.moc"
