// links: engine_core SQLiteCpp sqlite3
// SPDX-License-Identifier: GPL-3.0-or-later
// The runs file as a file: its journal, files that are none or damaged, older and newer ones.
#include "engine/store/schema.h"
#include "tests/support/child_process.h"
#include "tests/support/some_runs.h"

#include <QDir>
#include <QTemporaryDir>
#include <QTest>

#include <algorithm>

using namespace engine;
using namespace testing_support;
namespace fs = std::filesystem;

class TestRunsFile : public QObject {
    Q_OBJECT

    QTemporaryDir m_folder;
    fs::path m_file;

private Q_SLOTS:
    void init();

    void journalAndPragmas();
    void walIsLeft();
    void notOurs_data();
    void notOurs();
    void damagedTables();
    void truncated();
    void readOnly();
    void migratesWithACopy();
    void failedMigrationChangesNothing();
    void lossesOfVersion1();
    void unknownWords();
};

void TestRunsFile::init() {
    QDir(m_folder.path()).removeRecursively();
    QVERIFY(QDir().mkpath(m_folder.path()));
    m_file = fs::path(m_folder.path().toStdString()) / "Läufe 1.db";
}

void TestRunsFile::journalAndPragmas() {
    Connection connection(m_file);
    prepare(connection);
    connection.use([](SQLite::Database& database) {
        QCOMPARE(database.execAndGet("PRAGMA journal_mode").getString(), std::string("truncate"));
        QCOMPARE(database.execAndGet("PRAGMA synchronous").getInt(), 2); // FULL
        QCOMPARE(database.execAndGet("PRAGMA foreign_keys").getInt(), 1);
        QCOMPARE(database.execAndGet("PRAGMA busy_timeout").getInt(), 5000);
        QCOMPARE(database.execAndGet("PRAGMA user_version").getInt(), static_cast<int>(schemaSteps().size()));
        QCOMPARE(database.execAndGet("PRAGMA application_id").getInt(), kApplicationId);
        // A curve is read from its key alone.
        QVERIFY(database
                    .execAndGet(
                        "SELECT sql LIKE '%PRIMARY KEY(run, name, step)%WITHOUT ROWID' FROM sqlite_schema WHERE name = 'metrics'")
                    .getInt() == 1);
    });
}

void TestRunsFile::walIsLeft() {
    { Runs(m_file).begin(newRun()); }
    { SQLite::Database(m_file.string(), SQLite::OPEN_READWRITE).exec("PRAGMA journal_mode = WAL"); }
    Runs runs(m_file);
    QCOMPARE(runs.list().size(), std::size_t(1));
    QCOMPARE(SQLite::Database(m_file.string(), SQLite::OPEN_READONLY).execAndGet("PRAGMA journal_mode").getString(),
             std::string("delete")); // no longer WAL
}

void TestRunsFile::notOurs_data() {
    QTest::addColumn<int>("kind");
    QTest::addColumn<QString>("problem");
    QTest::newRow("text") << 0
                          << "is no SQLite database, so it is no runs file. It was left as it is; choose another file with --db.";
    QTest::newRow("short text") << 1 << "is no SQLite database, so it is no runs file.";
    QTest::newRow("another program's")
        << 2 << "is a database of another program. It was left as it is; choose another file with --db.";
    QTest::newRow("another program's, WAL") << 3 << "is a database of another program.";
    QTest::newRow("another program's, no tables") << 4 << "is a database of another program.";
    QTest::newRow("newer") << 5 << "was written by a newer Phibench (version 99 of the file;";
    QTest::newRow("no version") << 6 << "is damaged (it has no version).";
    QTest::newRow("folder") << 7 << "is a folder, not a runs file.";
    QTest::newRow("header only") << 8 << "is damaged";
    QTest::newRow("garbled schema") << 9 << "is damaged";
}

void TestRunsFile::notOurs() {
    QFETCH(int, kind);
    QFETCH(QString, problem);
    const auto sql = [this](const char* text) {
        SQLite::Database(m_file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE).exec(text);
    };
    if (kind == 0) writeBytes(m_file, std::string(5000, 'a') + "\n");
    if (kind == 1) writeBytes(m_file, "id,text\n");
    if (kind == 2) sql("CREATE TABLE notes(x); INSERT INTO notes VALUES(1)");
    if (kind == 3) sql("PRAGMA journal_mode = WAL; CREATE TABLE notes(x)");
    if (kind == 4) sql("PRAGMA application_id = 5; PRAGMA user_version = 1");
    if (kind == 7) fs::create_directory(m_file);
    if (kind == 5 || kind == 6 || kind >= 8) {
        { Runs(m_file).begin(newRun()); }
        if (kind == 5) sql("PRAGMA user_version = 99");
        if (kind == 6) sql("PRAGMA user_version = 0");
        std::string bytes = bytesOf(m_file);
        if (kind == 8) bytes.resize(4096);
        if (kind == 9) std::fill(bytes.begin() + 100, bytes.begin() + 4096, '\x55');
        writeBytes(m_file, bytes);
    }
    const std::string before = kind == 7 ? "" : bytesOf(m_file);
    const Problem got = problemOf([&] { Runs runs(m_file); });
    QVERIFY2(QString::fromStdString(got.message).startsWith(QString::fromStdString(m_file.string() + " ") + problem),
             got.message.c_str());
    if (kind != 7) QVERIFY(bytesOf(m_file) == before);
    QVERIFY(got.code == (kind == 6 || kind >= 8 ? ErrorCode::Io : ErrorCode::BadInput));
}

void TestRunsFile::damagedTables() {
    { Runs(m_file).begin(newRun()); }
    SQLite::Database(m_file.string(), SQLite::OPEN_READWRITE).exec("DROP TABLE tags");
    const Problem problem = problemOf([&] { Runs runs(m_file); });
    QVERIFY(problem.code == ErrorCode::Io);
    QCOMPARE(problem.message, m_file.string() + " is damaged (the table tags is missing). Choose another file with --db.");
}

void TestRunsFile::truncated() {
    {
        Runs runs(m_file);
        const RunId id = runs.begin(newRun());
        std::vector<Metric> metrics;
        for (int i = 0; i < 5000; ++i) metrics.push_back({"loss", {i, 1, 1}});
        runs.addMetrics(id, metrics);
    }
    const std::string whole = bytesOf(m_file);
    // Whatever is cut off or overwritten: an answer or one clear error, and never another change of the file.
    int cut = 0, overwritten = 0;
    for (std::size_t part = 0; part < 24; ++part) {
        std::string bytes = whole;
        if (part < 12)
            bytes.resize(whole.size() * (part + 1) / 13);
        else
            std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(4096 * (part - 11) + 8), 1500, '\x7F');
        writeBytes(m_file, bytes);
        const Problem problem = problemOf([&] {
            Runs runs(m_file);
            for (const RunSummary& run : runs.list()) runs.detail(run.id);
        });
        if (problem.message.empty()) continue;
        ++(part < 12 ? cut : overwritten);
        QVERIFY2(problem.message.find("damaged") != std::string::npos, problem.message.c_str());
        QVERIFY(bytesOf(m_file) == bytes);
    }
    QCOMPARE(cut, 12);
    QVERIFY(overwritten > 0); // the others hit what is not read here
}

void TestRunsFile::readOnly() {
    { Runs(m_file).begin(newRun()); }
    fs::permissions(m_file, fs::perms::owner_read | fs::perms::group_read | fs::perms::others_read);
    const auto open = [this](int pipe) {
        if (::geteuid() == 0 && ::setuid(65534) != 0) return; // permissions do not bind root
        const Problem problem = problemOf([&] { Runs runs(m_file); });
        const bool right =
            problem.code == ErrorCode::Io &&
            problem.message ==
                m_file.string() +
                    " may only be read, and runs are recorded in it. Make it writable, or choose another file with --db.";
        if (!right) std::fprintf(stderr, "%s\n", problem.message.c_str());
        if (right) tell(pipe);
    };
    fs::permissions(m_file.parent_path(), fs::perms::others_read | fs::perms::others_exec, fs::perm_options::add);
    const std::string before = bytesOf(m_file);
    Child reader(open);
    QVERIFY(reader.told());
    QVERIFY(bytesOf(m_file) == before);
    // A file that may be written in a folder that may not: no journal can be made.
    fs::permissions(m_file, fs::perms::all);
    Child writer([this](int pipe) {
        if (::geteuid() == 0 && ::setuid(65534) != 0) return;
        if (::geteuid() != 65534) fs::permissions(m_file.parent_path(), fs::perms::owner_write, fs::perm_options::remove);
        const Problem problem = problemOf([&] { Runs(m_file).begin(newRun()); });
        if (problem.code == ErrorCode::Io && problem.message.starts_with(m_file.string() + " can"))
            tell(pipe);
        else
            std::fprintf(stderr, "%s\n", problem.message.c_str());
    });
    const bool told = writer.told();
    fs::permissions(m_file.parent_path(), fs::perms::owner_all, fs::perm_options::add);
    QVERIFY(told);
    QCOMPARE(rows(m_file, "runs"), std::int64_t(1));
}

void TestRunsFile::migratesWithACopy() {
    const auto version1 = [](SQLite::Database& db) {
        db.exec(
            "CREATE TABLE parents(id INTEGER PRIMARY KEY, x); CREATE TABLE old(parent INTEGER REFERENCES parents(id), y TEXT)");
    };
    const auto version2 = [](SQLite::Database& db) {
        db.exec("CREATE TABLE new(parent INTEGER REFERENCES parents(id), z INTEGER NOT NULL); INSERT INTO new SELECT parent, "
                "length(y) FROM old; DROP TABLE old");
    };
    const auto version3 = [](SQLite::Database& db) { db.exec("ALTER TABLE new ADD COLUMN w INTEGER NOT NULL DEFAULT 7"); };
    {
        Connection old(m_file);
        prepare(old, {version1});
        old.write([](SQLite::Database& db) { db.exec("INSERT INTO parents VALUES(1, 'a'); INSERT INTO old VALUES(1, 'four')"); });
    }
    QVERIFY(!fs::exists(m_file.string() + ".version-0.bak")); // an empty file needs none
    const std::string before = bytesOf(m_file);
    const fs::path kept = m_file.string() + ".version-1.bak";
    {
        Connection now(m_file);
        prepare(now, {version1, version2, version3}); // two steps at once
        now.use([](SQLite::Database& db) {
            QCOMPARE(db.execAndGet("SELECT z * 10 + w FROM new").getInt(), 47);
            QCOMPARE(db.execAndGet("PRAGMA user_version").getInt(), 3);
            QCOMPARE(db.execAndGet("PRAGMA foreign_keys").getInt(), 1);
        });
    }
    QVERIFY(fs::exists(kept));
    QCOMPARE(SQLite::Database(kept.string(), SQLite::OPEN_READONLY).execAndGet("SELECT y FROM old").getString(),
             std::string("four"));
    QCOMPARE(SQLite::Database(kept.string(), SQLite::OPEN_READONLY).execAndGet("PRAGMA user_version").getInt(), 1);
    QCOMPARE(integrity(m_file), std::string("ok"));
    {
        Connection again(m_file);
        prepare(again, {version1, version2, version3});
    }
    QCOMPARE(std::distance(fs::directory_iterator(m_file.parent_path()), {}), 3); // file, copy, empty journal: no second copy

    writeBytes(m_file, before); // an earlier copy is not overwritten
    {
        Connection again(m_file);
        prepare(again, {version1, version2});
    }
    QVERIFY(fs::exists(m_file.string() + ".version-1-2.bak"));
    // And the copy opens with the program that wrote it.
    Connection older(kept);
    prepare(older, {version1});
}

void TestRunsFile::failedMigrationChangesNothing() {
    const auto version1 = [](SQLite::Database& db) { db.exec("CREATE TABLE old(y)"); };
    {
        Connection old(m_file);
        prepare(old, {version1});
    }
    const std::string before = bytesOf(m_file);
    const auto broken = [](SQLite::Database& db) {
        db.exec("CREATE TABLE half(x); INSERT INTO half VALUES(1); DROP TABLE old; SELECT nonsense");
    };
    Connection connection(m_file);
    const Problem problem = problemOf([&] { prepare(connection, {version1, broken}); });
    QVERIFY(problem.code == ErrorCode::Io);
    QVERIFY2(problem.message.find("nonsense") != std::string::npos, problem.message.c_str());
    QVERIFY(bytesOf(m_file) == before);
    const auto orphaning = [](SQLite::Database& db) {
        db.exec("CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE c(p INTEGER REFERENCES p(id)); INSERT INTO c VALUES(5)");
    };
    QVERIFY(problemOf([&] { prepare(connection, {version1, orphaning}); }).code == ErrorCode::Internal);
    QVERIFY(bytesOf(m_file) == before);
    // Killed in the middle of it: the next one starts from what was.
    Child killed([&](int pipe) {
        Connection mine(m_file);
        prepare(mine, {version1, [pipe](SQLite::Database& db) {
                           db.exec("PRAGMA cache_size = 1; CREATE TABLE half(x); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL "
                                   "SELECT i + 1 FROM n WHERE i < 20000) INSERT INTO half SELECT i FROM n");
                           tell(pipe);
                           ::pause();
                       }});
    });
    QVERIFY(killed.told());
    killed.kill();
    Connection again(m_file);
    prepare(again, {version1});
    QCOMPARE(integrity(m_file), std::string("ok"));
    QVERIFY(again.use([](SQLite::Database& db) { return db.tableExists("old") && !db.tableExists("half"); }));
}

void TestRunsFile::lossesOfVersion1() {
    { // what 0.1 left of a training: it called the loss on the test rows eval_loss
        Connection connection(m_file);
        prepare(connection, {schemaSteps().front()});
        connection.use([](SQLite::Database& database) {
            database.exec("INSERT INTO runs(id, name, kind, state, started, accuracy, macro_f1, eval_loss, last_loss, pid, "
                          "process_start, boot, host, dataset_sha256, model_sha256, versions, experiment) VALUES"
                          "(1, 'done', 'train', 'done', 1, 0.6, 0.6, 0.9, 0.3, 1, '', '', '', '', '', '', ''),"
                          "(2, 'base', 'baseline', 'done', 1, 0.6, 0.6, 0.8, NULL, 1, '', '', '', '', '', '', ''),"
                          "(3, 'stopped', 'train', 'stopped', 1, NULL, NULL, 0.7, 0.4, 1, '', '', '', '', '', '', '')");
            database.exec("INSERT INTO metrics VALUES(1, 'eval_loss', 1, 0.55, 1), (1, 'eval_loss', 2, 0.5, 1), "
                          "(3, 'eval_loss', 1, 0.7, 1)");
            for (const char* of : {"1, 5, 0.6, 0.6, 0.9", "2, 5, 0.6, 0.6, 0.8"})
                database.exec(std::string("INSERT INTO reports VALUES(") + of + ", '[\"a\",\"b\"]', '[[2,0,1],[1,1,0]]', '[]')");
        });
    }
    const Runs runs(m_file);
    QVERIFY(fs::exists(m_file.string() + ".version-1.bak"));
    for (const Measured& done : {runs.list()[2].measured, runs.detail(1).summary.measured}) {
        QCOMPARE(done["eval_loss"], std::optional(0.5));
        QCOMPARE(done["test_loss"], std::optional(0.9));
        QCOMPARE(done["accuracy"], std::optional(0.6));
        QCOMPARE(done["last_loss"], std::optional(0.3));
    }
    const Measured base = runs.detail(2).summary.measured, stopped = runs.detail(3).summary.measured;
    QVERIFY(!base["eval_loss"] && base["test_loss"] == 0.8);
    QVERIFY(stopped["eval_loss"] == 0.7 && !stopped["test_loss"]);
    QVERIFY(runs.detail(1).report->confusion == score({{"a", "b"}, {{2, 0, 1}, {1, 1, 0}}}).confusion);
    QCOMPARE(integrity(m_file), std::string("ok"));
}

void TestRunsFile::unknownWords() {
    Runs runs(m_file);
    const RunId id = runs.begin(newRun());
    runs.setReport(id, someReport(), somePredictions());
    SQLite::Database other(m_file.string(), SQLite::OPEN_READWRITE, 5000);
    other.exec("PRAGMA ignore_check_constraints = ON");
    for (const char* change :
         {"UPDATE reports SET labels = '{'", "UPDATE reports SET labels = '[1]'", "UPDATE reports SET labels = '[\"a\"]'",
          "UPDATE predictions SET probabilities = '[\"x\"]'", "UPDATE predictions SET probabilities = '['",
          "UPDATE runs SET state = 'asleep'", "UPDATE runs SET kind = 'odd'"}) {
        other.exec("BEGIN");
        other.exec(change);
        other.exec("COMMIT");
        const Problem problem = problemOf([&] { runs.detail(id), runs.predictions(id); });
        QVERIFY2(problem.code == ErrorCode::Io && problem.message.find("damaged") != std::string::npos, change);
        other.exec("UPDATE runs SET state = 'done', kind = 'train'");
        runs.setReport(id, someReport(), somePredictions());
        QVERIFY(problemOf([&] { runs.detail(id), runs.predictions(id); }).message.empty());
    }
}

QTEST_APPLESS_MAIN(TestRunsFile)
#include "tst_runs_file.moc"
