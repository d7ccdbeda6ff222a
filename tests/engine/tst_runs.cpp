// links: engine_core SQLiteCpp sqlite3
// SPDX-License-Identifier: GPL-3.0-or-later
// The runs file: what goes in comes out.
#include "engine/store/runs.h"
#include "tests/support/some_runs.h"

#include <QDir>
#include <QTemporaryDir>
#include <QTest>

#include <cmath>
#include <functional>
#include <thread>

using namespace engine;
using namespace testing_support;
namespace fs = std::filesystem;

class TestRuns : public QObject {
    Q_OBJECT

    QTemporaryDir m_folder;
    fs::path m_file;

private Q_SLOTS:
    void init();

    void aRunComesBack();
    void lifeOfARun();
    void listsNewestFirst();
    void paramsAreNumbersInSql();
    void unknownRun_data();
    void unknownRun();
    void refused();
    void tagsAndNotes();
    void matchingBaseline_data();
    void matchingBaseline();
    void artifacts();
    void filesMoveWithTheFolder();
    void removing();
    void removingFollowsNoLink();
    void numbersAreNotGivenTwice();
    void threadsShareOne();
    void manyRunsListQuickly();
    void defaultFile();
};

void TestRuns::init() {
    QDir(m_folder.path()).removeRecursively();
    QVERIFY(QDir().mkpath(m_folder.path()));
    m_file = fs::path(m_folder.path().toStdString()) / "Läufe 1.db";
}

void TestRuns::aRunComesBack() {
    const NewRun given = newRun("ein Name, \"süß\"");
    RunId id = 0;
    {
        Runs runs(m_file);
        id = runs.begin(given);
        QCOMPARE(runs.file().string(), m_file.string());
    }
    Runs runs(m_file);
    const RunDetail run = runs.detail(id);
    QCOMPARE(run.summary.id, id);
    QCOMPARE(run.summary.name, given.name);
    QCOMPARE(wordOf(run.summary.kind), std::string("train"));
    QCOMPARE(wordOf(run.summary.state), std::string("running")); // this process lives
    QVERIFY(run.summary.started > 1.7e9);
    QCOMPARE(run.summary.finished, 0.0);
    QCOMPARE(run.summary.params, given.params); // in their order
    QCOMPARE(run.experimentYaml, given.experimentYaml);
    QCOMPARE(run.datasetSha256, given.datasetSha256);
    QCOMPARE(run.modelSha256, given.modelSha256);
    QCOMPARE(run.versions, given.versions);
    QVERIFY(!run.parent && !run.report && run.summary.measured == Measured{});
    QVERIFY(run.metrics.empty() && run.artifacts.empty());
    QVERIFY(runs.predictions(id).empty());
    NewRun child = newRun("child", RunKind::Evaluate);
    child.parent = id;
    QCOMPARE(*runs.detail(runs.begin(child)).parent, id);
}

void TestRuns::lifeOfARun() {
    Runs runs(m_file);
    const RunId id = runs.begin(newRun());
    runs.setSteps(id, 3, 10);
    QCOMPARE(runs.list().front().step, std::int64_t(3));
    QCOMPARE(runs.list().front().steps, std::int64_t(10));
    const Problem running = problemOf([&] { runs.reopen(id); });
    QVERIFY(running.code == ErrorCode::Busy &&
            running.message.starts_with("Run 1 is still running in process " + std::to_string(::getpid())));
    for (const RunState state : {RunState::Stopped, RunState::Failed, RunState::Interrupted}) {
        runs.finish(id, state, "because");
        RunSummary run = runs.list().front();
        QVERIFY(run.state == state && run.finished >= run.started && run.exitReason == "because");
        runs.reopen(id);
        run = runs.list().front();
        QVERIFY(run.state == RunState::Running && run.finished == 0 && run.exitReason.empty());
    }
    runs.finish(id, RunState::Done, "");
    QCOMPARE(problemOf([&] { runs.reopen(id); }).message, std::string("Run 1 is finished, so there is nothing to go on with."));
    QVERIFY(problemOf([&] { runs.finish(id, RunState::Running, ""); }).code == ErrorCode::Internal);
}

void TestRuns::listsNewestFirst() {
    Runs runs(m_file);
    QVERIFY(runs.list().empty());
    NewRun bare = newRun("bare");
    bare.params.clear();
    const RunId a = runs.begin(newRun("a")), b = runs.begin(bare), c = runs.begin(newRun("c", RunKind::Baseline));
    runs.addTag(a, "x");
    runs.addTag(a, "b");
    runs.addTag(c, "y");
    const auto list = runs.list();
    QCOMPARE(list.size(), std::size_t(3));
    QVERIFY(list[0].id == c && list[1].id == b && list[2].id == a);
    QCOMPARE(list[2].tags, (std::vector<std::string>{"b", "x"}));
    QVERIFY(list[1].tags.empty() && list[1].params.empty());
    QCOMPARE(list[0].tags, std::vector<std::string>{"y"});
    QCOMPARE(list[0].params, newRun().params);
    QCOMPARE(list[2].params, newRun().params);
    QVERIFY(list[0].kind == RunKind::Baseline);
}

void TestRuns::paramsAreNumbersInSql() {
    Runs runs(m_file);
    for (const char* r : {"4", "16", "64"}) {
        NewRun run = newRun(r);
        setParam(run, "lora.r", r);
        runs.begin(run);
    }
    SQLite::Database database(m_file.string(), SQLite::OPEN_READONLY);
    SQLite::Statement query(
        database,
        "SELECT group_concat(r.name) FROM runs r JOIN params p ON p.run = r.id WHERE p.key = 'lora.r' AND p.number >= 16");
    QVERIFY(query.executeStep());
    QCOMPARE(query.getColumn(0).getString(), std::string("16,64"));
    QVERIFY(database.execAndGet("SELECT number IS NULL FROM params WHERE key = 'lora.bias' LIMIT 1").getInt() == 1);
}

void TestRuns::unknownRun_data() {
    QTest::addColumn<int>("call");
    for (int call = 0; call < 16; ++call) QTest::addRow("call %d", call) << call;
}

void TestRuns::unknownRun() {
    QFETCH(int, call);
    Runs runs(m_file);
    runs.begin(newRun());
    NewRun orphan = newRun();
    orphan.parent = 99;
    const std::vector<std::function<void()>> calls{[&] { runs.artifactDirectory(99); },
                                                   [&] { runs.reopen(99); },
                                                   [&] {
                                                       runs.addMetrics(99, {{"loss", {1, 1, 1}}});
                                                   },
                                                   [&] { runs.truncateMetrics(99, 0); },
                                                   [&] { runs.setSteps(99, 1, 1); },
                                                   [&] { runs.setReport(99, someReport(), {}); },
                                                   [&] { runs.setMeasured(99, measured(someReport())); },
                                                   [&] {
                                                       runs.addArtifact(99, {"adapter", "a", ""});
                                                   },
                                                   [&] { runs.finish(99, RunState::Done, ""); },
                                                   [&] { runs.detail(99); },
                                                   [&] { runs.predictions(99); },
                                                   [&] { runs.rename(99, "x"); },
                                                   [&] { runs.addTag(99, "x"); },
                                                   [&] { runs.setNote(99, "x"); },
                                                   [&] { runs.remove(99); },
                                                   [&] { runs.begin(orphan); }};
    QCOMPARE(calls.size(), std::size_t(16));
    const Problem problem = problemOf(calls[static_cast<std::size_t>(call)]);
    QVERIFY(problem.code == ErrorCode::NotFound);
    QCOMPARE(problem.message, "There is no run 99 in " + m_file.string() + ". \"phibench-cli runs list\" shows those there are.");
    QCOMPARE(runs.list().size(), std::size_t(1));
}

void TestRuns::refused() {
    Runs runs(m_file);
    const RunId id = runs.begin(newRun());
    QCOMPARE(problemOf([&] { runs.rename(id, " \n"); }).message, std::string("The name is empty."));
    QCOMPARE(problemOf([&] { runs.addTag(id, ""); }).message, std::string("The tag is empty."));
    QCOMPARE(problemOf([&] { runs.addTag(id, std::string(201, 'x')); }).message,
             std::string("The tag is longer than 200 bytes."));
    QCOMPARE(problemOf([&] { runs.setNote(id, std::string((1 << 20) + 1, 'x')); }).message,
             std::string("The note is longer than 1 MiB."));
    for (const char* text : {"a\nb", "a\tb", "a\x1b[31mb", "a\x7f", "a\xC2\x85", "a\xE2\x80\xA8"}) {
        QVERIFY2(problemOf([&] { runs.addTag(id, text); }).message.starts_with("The tag has a line end, a tab or another"), text);
        QVERIFY2(problemOf([&] { runs.rename(id, text); }).message.starts_with("The name has a line end, a tab or another"),
                 text);
    }
    const std::vector<std::function<void()>> writes{[&] { runs.addTag(id, "a\xff"); }, [&] { runs.rename(id, "a\xff"); },
                                                    [&] { runs.setNote(id, "a\xff"); }};
    for (const auto& write : writes) {
        const Problem problem = problemOf(write);
        QVERIFY(problem.code == ErrorCode::BadInput);
        QVERIFY2(problem.message.find("is no UTF-8 from its byte 2 on.") != std::string::npos, problem.message.c_str());
    }
    QVERIFY(runs.summary(id).tags.empty() && runs.summary(id).note.empty());
    NewRun doubled = newRun();
    doubled.params.push_back(doubled.params.front());
    QVERIFY(!problemOf([&] { runs.begin(doubled); }).message.empty());
    QCOMPARE(runs.list().size(), std::size_t(1)); // and nothing of it stayed
    QCOMPARE(runs.begin(newRun()), id + 1);
}

void TestRuns::tagsAndNotes() {
    Runs runs(m_file);
    const RunId id = runs.begin(newRun());
    runs.addTag(id, " gut ");
    runs.addTag(id, "gut");
    runs.addTag(id, "a'); DROP TABLE runs; --");
    runs.setNote(id, "Zeile 1\nZeile 2 „ü“");
    runs.rename(id, " neuer Name ");
    RunSummary run = runs.detail(id).summary;
    QCOMPARE(run.tags, (std::vector<std::string>{"a'); DROP TABLE runs; --", "gut"}));
    QCOMPARE(run.note, std::string("Zeile 1\nZeile 2 „ü“"));
    QCOMPARE(run.name, std::string("neuer Name"));
    runs.removeTag(id, "gut");
    runs.removeTag(id, "never there");
    QCOMPARE(runs.detail(id).summary.tags.size(), std::size_t(1));
}

void TestRuns::matchingBaseline_data() {
    QTest::addColumn<QString>("key");
    QTest::addColumn<bool>("matches");
    const auto row = [](const char* key, bool matches) { QTest::newRow(key) << QString::fromUtf8(key) << matches; };
    row("name", true);
    row("lora.r", true);
    row("train.epochs", true);
    row("data.csv", true); // the data themselves are compared
    row("train.max_tokens", false);
    row("model.path", false);
    row("model.precision", false);
    row("model.device", true);
    row("data.labels", false);
    row("data.split.seed", false);
    row("prompt.template", false);
    row("prompt.labels", false);
    row("evaluate.method", false);
    row("evaluate.unanswered", false);
    row("evaluate.batch_size", true); // changes no result
}

void TestRuns::matchingBaseline() {
    QFETCH(QString, key);
    QFETCH(bool, matches);
    Runs runs(m_file);
    const NewRun baseline = newRun("baseline", RunKind::Baseline);
    QVERIFY(!runs.matchingBaseline(newRun()));
    const RunId older = runs.begin(baseline), newer = runs.begin(baseline), unfinished = runs.begin(baseline),
                trained = runs.begin(newRun());
    runs.finish(older, RunState::Done, "");
    runs.finish(newer, RunState::Done, "");
    runs.finish(unfinished, RunState::Failed, "");
    runs.finish(trained, RunState::Done, "");
    NewRun other = baseline; // another one that agrees in less
    setParam(other, "model.path", "else");
    runs.finish(runs.begin(other), RunState::Done, "");

    NewRun like = newRun();
    setParam(like, key.toStdString(), "changed");
    const auto found = runs.matchingBaseline(like);
    QCOMPARE(found.has_value(), matches);
    if (matches) QCOMPARE(*found, newer);
    like = newRun();
    QCOMPARE(*runs.matchingBaseline(like), newer);
    runs.remove(newer);
    QCOMPARE(*runs.matchingBaseline(like), older);
    like.datasetSha256 = "other data";
    QVERIFY(!runs.matchingBaseline(like));
    like.datasetSha256 = "data";
    like.modelSha256 = "other model";
    QVERIFY(!runs.matchingBaseline(like));
    like = newRun();
    std::erase_if(like.params, [](const auto& param) { return param.first == "evaluate.method"; });
    QVERIFY(!runs.matchingBaseline(like));
    like = newRun();
    like.datasetSha256.clear();
    QVERIFY(!runs.matchingBaseline(like));
}

void TestRuns::artifacts() {
    Runs runs(m_file);
    const RunId id = runs.begin(newRun());
    const fs::path folder = runs.artifactDirectory(id);
    QCOMPARE(folder.string(), m_file.string() + "-files/run-1");
    QVERIFY(fs::is_directory(folder));
    QCOMPARE(runs.artifactDirectory(id).string(), folder.string());
    runs.addArtifact(id, {"checkpoint", folder / "old", "aa"});
    runs.addArtifact(id, {"checkpoint", folder / "new", "bb"});
    runs.addArtifact(id, {"adapter", "/elsewhere/adapter", "cc"});
    const auto artifacts = runs.detail(id).artifacts;
    QCOMPARE(artifacts.size(), std::size_t(2));
    QCOMPARE(artifacts[0].path.string(), std::string("/elsewhere/adapter"));
    QCOMPARE(artifacts[1].path.string(), (folder / "new").string());
    QCOMPARE(artifacts[1].sha256, std::string("bb"));
}

void TestRuns::filesMoveWithTheFolder() {
    const fs::path root = m_file.parent_path(), one = root / "one", two = root / "two";
    {
        Runs runs(one / "deep" / "runs.db"); // its folder is made
        const RunId id = runs.begin(newRun());
        runs.addArtifact(id, {"adapter", runs.artifactDirectory(id) / "adapter", ""});
    }
    fs::rename(one, two);
    Runs runs(two / "deep" / "runs.db");
    QCOMPARE(runs.detail(1).artifacts[0].path.string(), (two / "deep" / "runs.db-files" / "run-1" / "adapter").string());
    QVERIFY(fs::exists(runs.artifactDirectory(1)));
}

void TestRuns::removing() {
    Runs runs(m_file);
    const RunId a = runs.begin(newRun("a")), b = runs.begin(newRun("b"));
    NewRun child = newRun("child", RunKind::Evaluate);
    child.parent = a;
    const RunId c = runs.begin(child);
    for (const RunId id : {a, b}) {
        writeBytes(runs.artifactDirectory(id) / "weights", "w");
        runs.addMetrics(id, {{"loss", {1, 1, 1}}});
        runs.setReport(id, someReport(), somePredictions());
        runs.addTag(id, "t");
        Measured time;
        time.set("seconds_load", 1);
        runs.setMeasured(id, time);
        runs.addArtifact(id, {"adapter", runs.artifactDirectory(id), ""});
    }
    const Problem running = problemOf([&] { runs.remove(a); });
    QVERIFY(running.code == ErrorCode::BadInput);
    QCOMPARE(running.message, std::string("Run 1 is still running, so it was not deleted. Stop it first."));
    QVERIFY(fs::exists(runs.artifactDirectory(a) / "weights"));
    const fs::path gone = runs.artifactDirectory(a);
    runs.finish(a, RunState::Done, "");
    runs.remove(a);
    QVERIFY(!fs::exists(gone));
    QVERIFY(fs::exists(runs.artifactDirectory(b) / "weights"));
    QCOMPARE(runs.list().size(), std::size_t(2));
    QVERIFY(!runs.detail(c).parent);
    for (const char* table : {"metrics", "reports", "tags", "figures", "artifacts"})
        QCOMPARE(rows(m_file, table), std::int64_t(1));
    QCOMPARE(rows(m_file, "predictions"), std::int64_t(5));
    QCOMPARE(integrity(m_file), std::string("ok"));
    runs.finish(c, RunState::Failed, "");
    runs.remove(c); // has no folder
    QCOMPARE(runs.list().size(), std::size_t(1));
}

void TestRuns::removingFollowsNoLink() {
    Runs runs(m_file);
    const fs::path outside = m_file.parent_path() / "outside";
    fs::create_directories(outside);
    writeBytes(outside / "precious", "p");
    const RunId a = runs.begin(newRun()), b = runs.begin(newRun());
    fs::create_directory_symlink(outside, runs.artifactDirectory(a) / "link");
    runs.addArtifact(a, {"adapter", outside, ""});
    fs::create_directory_symlink(outside, m_file.string() + "-files/run-2"); // the folder itself is a link
    for (const RunId id : {a, b}) {
        runs.finish(id, RunState::Failed, "");
        runs.remove(id);
    }
    QVERIFY(!fs::exists(m_file.string() + "-files/run-1"));
    QVERIFY(!fs::exists(fs::symlink_status(m_file.string() + "-files/run-2")));
    QCOMPARE(bytesOf(outside / "precious"), std::string("p"));
}

void TestRuns::numbersAreNotGivenTwice() {
    {
        Runs runs(m_file);
        const RunId id = runs.begin(newRun());
        writeBytes(runs.artifactDirectory(id) / "weights", "w");
        const RunId last = runs.begin(newRun());
        runs.finish(last, RunState::Failed, "");
        runs.remove(last);
        QCOMPARE(runs.begin(newRun()), last + 1);
        runs.artifactDirectory(last + 1);
    }
    fs::remove(m_file); // the folder outlives its runs file
    Runs runs(m_file);
    QCOMPARE(runs.begin(newRun()), RunId(2));
    QCOMPARE(runs.begin(newRun()), RunId(4));
    QVERIFY(fs::is_empty(runs.artifactDirectory(2)));
}

void TestRuns::threadsShareOne() {
    Runs runs(m_file);
    const RunId id = runs.begin(newRun());
    {
        std::vector<std::jthread> threads;
        for (int t = 0; t < 4; ++t)
            threads.emplace_back([&runs, id, t] {
                for (int i = 0; i < 25; ++i) {
                    runs.addMetrics(id, {{"m" + std::to_string(t), {i, 1.0 * i, 0}}});
                    runs.list();
                }
            });
    }
    const auto metrics = runs.detail(id).metrics;
    QCOMPARE(metrics.size(), std::size_t(4));
    for (const auto& [name, points] : metrics) QCOMPARE(points.size(), std::size_t(25));
}

void TestRuns::manyRunsListQuickly() {
    constexpr int many = 10000;
    Runs runs(m_file);
    runs.begin(newRun());
    {
        SQLite::Database database(m_file.string(), SQLite::OPEN_READWRITE, 5000);
        database.exec("PRAGMA synchronous = OFF; BEGIN");
        database.exec("WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < " + std::to_string(many) +
                      ") "
                      "INSERT INTO runs SELECT i, name, kind, 'done', started, finished, exit_reason, step, steps, accuracy, "
                      "macro_f1, eval_loss, last_loss, note, parent, pid, process_start, boot, host, "
                      "dataset_sha256, model_sha256, versions, experiment FROM runs, n WHERE id = 1");
        database.exec(
            "INSERT INTO params SELECT r.id, position, key, value, number FROM params, runs r WHERE run = 1 AND r.id > 1");
        database.exec("INSERT INTO tags SELECT id, 'even' FROM runs WHERE id % 2 = 0");
        database.exec("COMMIT");
    }
    runs.list();
    QBENCHMARK_ONCE {
        const auto list = runs.list();
        QCOMPARE(list.size(), std::size_t(many));
        QCOMPARE(list.front().id, RunId(many));
        QCOMPARE(list.front().tags.size(), std::size_t(1));
        QCOMPARE(list.back().params, newRun().params);
        QCOMPARE(list[5000].params, newRun().params);
    }
    NewRun odd = newRun();
    odd.params = {{"a", "b"}};
    runs.begin(odd);
    QCOMPARE(runs.list().front().params, odd.params); // what is kept in memory does not hide what is new
    // No statement sorts.
    SQLite::Database database(m_file.string(), SQLite::OPEN_READONLY);
    for (const char* sql : {"SELECT run, key, value FROM params WHERE run > 5 ORDER BY run, position",
                            "SELECT run, tag FROM tags ORDER BY run DESC, tag DESC", "SELECT id FROM runs ORDER BY id DESC",
                            "SELECT name, step, value, wall FROM metrics WHERE run = 1 ORDER BY name, step",
                            "SELECT value FROM metrics WHERE run = 1 AND name = 'loss' ORDER BY step DESC LIMIT 1"}) {
        SQLite::Statement plan(database, std::string("EXPLAIN QUERY PLAN ") + sql);
        while (plan.executeStep()) QVERIFY2(plan.getColumn(3).getString().find("TEMP B-TREE") == std::string::npos, sql);
    }
}

void TestRuns::defaultFile() {
    const QByteArray db = qgetenv("PHIBENCH_DB"), data = qgetenv("XDG_DATA_HOME"), home = qgetenv("HOME");
    qputenv("HOME", "/home/somebody");
    qunsetenv("PHIBENCH_DB");
    qunsetenv("XDG_DATA_HOME");
    QCOMPARE(defaultRunsFile().string(), std::string("/home/somebody/.local/share/phibench/runs.db"));
    qputenv("XDG_DATA_HOME", "relative");
    QCOMPARE(defaultRunsFile().string(), std::string("/home/somebody/.local/share/phibench/runs.db"));
    qputenv("XDG_DATA_HOME", "/data");
    QCOMPARE(defaultRunsFile().string(), std::string("/data/phibench/runs.db"));
    qputenv("PHIBENCH_DB", "mine.db");
    QCOMPARE(defaultRunsFile().string(), std::string("mine.db"));
    db.isNull() ? qunsetenv("PHIBENCH_DB") : qputenv("PHIBENCH_DB", db);
    data.isNull() ? qunsetenv("XDG_DATA_HOME") : qputenv("XDG_DATA_HOME", data);
    qputenv("HOME", home);
}

QTEST_APPLESS_MAIN(TestRuns)
#include "tst_runs.moc"
