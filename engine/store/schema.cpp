// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/store/schema.h"

#include <SQLiteCpp/Statement.h>
#include <unistd.h>

namespace engine {

namespace {

// A value that is not a number (a loss that diverged) is NULL: SQLite knows none. `experiment` is last, so that listing runs
// reads past it.
constexpr const char* kVersion1 = R"(
CREATE TABLE runs(
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    kind TEXT NOT NULL CHECK(kind IN ('baseline', 'train', 'evaluate')),
    state TEXT NOT NULL CHECK(state IN ('running', 'done', 'stopped', 'failed', 'interrupted')),
    started REAL NOT NULL,
    finished REAL NOT NULL DEFAULT 0,
    exit_reason TEXT NOT NULL DEFAULT '',
    step INTEGER NOT NULL DEFAULT 0,
    steps INTEGER NOT NULL DEFAULT 0,
    accuracy REAL,
    macro_f1 REAL,
    eval_loss REAL,
    last_loss REAL,
    note TEXT NOT NULL DEFAULT '',
    parent INTEGER REFERENCES runs(id) ON DELETE SET NULL,
    pid INTEGER NOT NULL,
    process_start TEXT NOT NULL,
    boot TEXT NOT NULL,
    host TEXT NOT NULL,
    dataset_sha256 TEXT NOT NULL,
    model_sha256 TEXT NOT NULL,
    versions TEXT NOT NULL,
    experiment TEXT NOT NULL
) STRICT;
CREATE INDEX runs_by_state ON runs(state, kind, dataset_sha256);
CREATE INDEX runs_by_parent ON runs(parent);

CREATE TABLE params(
    run INTEGER NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    number REAL, -- the value where it is one
    PRIMARY KEY(run, position)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX params_by_key ON params(key, run);

CREATE TABLE metrics(
    run INTEGER NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    step INTEGER NOT NULL,
    value REAL,
    wall REAL NOT NULL,
    PRIMARY KEY(run, name, step)
) STRICT, WITHOUT ROWID;

CREATE TABLE predictions(
    run INTEGER NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    record INTEGER NOT NULL,
    truth INTEGER NOT NULL,
    guess INTEGER,
    probabilities TEXT NOT NULL, -- a JSON array, one number a label, or none
    raw_text TEXT NOT NULL,
    PRIMARY KEY(run, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE reports(
    run INTEGER PRIMARY KEY REFERENCES runs(id) ON DELETE CASCADE,
    examples INTEGER NOT NULL,
    accuracy REAL,
    macro_f1 REAL,
    eval_loss REAL,
    labels TEXT NOT NULL,    -- JSON, as are the next two
    confusion TEXT NOT NULL, -- rows truth, columns labels, then no answer
    per_label TEXT NOT NULL
) STRICT;

CREATE TABLE figures(
    run INTEGER NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    value REAL,
    UNIQUE(run, name)
) STRICT;

CREATE TABLE artifacts(
    run INTEGER NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    path TEXT NOT NULL,      -- relative to this file's folder where it lies below it
    sha256 TEXT NOT NULL,
    PRIMARY KEY(run, kind)
) STRICT, WITHOUT ROWID;

CREATE TABLE tags(
    run INTEGER NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
    tag TEXT NOT NULL,
    PRIMARY KEY(run, tag)
) STRICT, WITHOUT ROWID;
)";

// A run's eval_loss is that of its eval rows; what a report called so was the loss on the test rows. A report is its matrix: the
// rest is computed from it.
constexpr const char* kVersion2 = R"(
INSERT OR REPLACE INTO figures(run, name, value) SELECT run, 'test_loss', eval_loss FROM reports WHERE eval_loss IS NOT NULL;
UPDATE runs SET eval_loss = (SELECT value FROM metrics WHERE run = runs.id AND name = 'eval_loss' ORDER BY step DESC LIMIT 1)
    WHERE id IN (SELECT run FROM reports);
CREATE TABLE matrices(
    run INTEGER PRIMARY KEY REFERENCES runs(id) ON DELETE CASCADE,
    labels TEXT NOT NULL,   -- JSON, as is the next
    confusion TEXT NOT NULL -- rows truth, columns labels, then no answer
) STRICT;
INSERT INTO matrices(run, labels, confusion) SELECT run, labels, confusion FROM reports;
DROP TABLE reports;
ALTER TABLE matrices RENAME TO reports;
)";

int pragma(SQLite::Database& database, const std::string& name) {
    return database.execAndGet("PRAGMA " + name).getInt();
}

void checkOurs(SQLite::Database& database, const std::filesystem::path& file, std::size_t newest) {
    const SQLite::Transaction oneState(database);
    const int version = pragma(database, "user_version"), application = pragma(database, "application_id");
    const bool empty =
        version == 0 && application == 0 && database.execAndGet("SELECT count(*) FROM sqlite_schema").getInt() == 0;
    if (!empty && application != kApplicationId)
        throw Error(ErrorCode::BadInput, file.string() + " is a database of another program.",
                    "It was left as it is; choose another file with --db.");
    if (version > static_cast<int>(newest))
        throw Error(ErrorCode::BadInput,
                    file.string() + " was written by a newer Phibench (version " + std::to_string(version) +
                        " of the file; this one knows " + std::to_string(newest) + ").",
                    "Use that Phibench, or choose another file with --db.");
    if (version < 0 || (version == 0 && !empty))
        throw Error(ErrorCode::Io, file.string() + " is damaged (it has no version).", "Choose another file with --db.");
}

// A second connection reads while ours, which has written nothing yet, keeps others from writing.
void keepCopy(const std::filesystem::path& file, int version) {
    const std::string base = file.string() + ".version-" + std::to_string(version);
    std::string kept = base + ".bak";
    for (int n = 2; std::filesystem::exists(kept); ++n) kept = base + "-" + std::to_string(n) + ".bak";
    const std::string fresh = kept + "." + std::to_string(::getpid()) + ".new";
    std::error_code problem;
    std::filesystem::remove(fresh, problem);
    try {
        SQLite::Database(file.string(), SQLite::OPEN_READONLY, 5000).backup(fresh.c_str(), SQLite::Database::Save);
        std::filesystem::rename(fresh, kept);
    } catch (const std::exception& error) {
        std::filesystem::remove(fresh, problem);
        throw Error(ErrorCode::Io,
                    "Cannot keep a copy of " + file.string() + " before it is brought up to date (" + error.what() +
                        "), so it was left as it is.",
                    "Make space beside it, then try again.");
    }
}

void upgrade(SQLite::Database& database, const std::filesystem::path& file, const SchemaSteps& steps) {
    SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
    const auto version = static_cast<std::size_t>(pragma(database, "user_version")); // another process may have been faster
    if (version >= steps.size()) return;
    if (version > 0) keepCopy(file, static_cast<int>(version));
    for (std::size_t at = version; at < steps.size(); ++at) steps[at](database);
    if (SQLite::Statement(database, "PRAGMA foreign_key_check").executeStep())
        throw Error(ErrorCode::Internal,
                    file.string() + " would lose its order when brought up to date, so it was left as it is.");
    database.exec("PRAGMA application_id = " + std::to_string(kApplicationId));
    database.exec("PRAGMA user_version = " + std::to_string(steps.size()));
    transaction.commit();
}

} // namespace

const SchemaSteps& schemaSteps() {
    static const SchemaSteps steps{[](SQLite::Database& database) { database.exec(kVersion1); },
                                   [](SQLite::Database& database) { database.exec(kVersion2); }};
    return steps;
}

void prepare(Connection& connection, const SchemaSteps& steps) {
    connection.use([&](SQLite::Database& database) {
        checkOurs(database, connection.file(), steps.size());
        // A rollback journal: see DESIGN §7 for why no WAL. Of a file that somebody made WAL, the last one to have it open
        // changes it back.
        const std::string mode = database.execAndGet("PRAGMA journal_mode = TRUNCATE").getString();
        if (mode != "truncate")
            throw Error(ErrorCode::Busy, connection.file().string() + " is in use in another journal mode (" + mode + ").",
                        "Close the other program that uses it, then try again.");
        database.exec(
            "PRAGMA synchronous = FULL; PRAGMA foreign_keys = OFF; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON");
        if (static_cast<std::size_t>(pragma(database, "user_version")) < steps.size())
            upgrade(database, connection.file(), steps);
        database.exec("PRAGMA foreign_keys = ON");
    });
}

} // namespace engine
