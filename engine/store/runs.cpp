// SPDX-License-Identifier: GPL-3.0-or-later
// Opening a runs file and all that changes in it.
#include "engine/store/runs.h"
#include "engine/store/runs_impl.h"
#include "engine/store/schema.h"
#include "engine/words/utf8.h"

#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <set>

namespace engine {

namespace {

constexpr std::size_t kTagBytes = 200, kNameBytes = 1000, kNoteBytes = 1 << 20;

double now() {
    return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::optional<double> numberOf(const std::string& text) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return {};
    return value;
}

std::string trimmed(const std::string& text) {
    const auto from = text.find_first_not_of(" \t\n\r");
    return from == std::string::npos ? std::string() : text.substr(from, text.find_last_not_of(" \t\n\r") - from + 1);
}

void requireUtf8(const std::string& text, const char* what) {
    const Malformed bad = findMalformed(text);
    if (bad.offset != std::string_view::npos)
        throw Error(ErrorCode::BadInput,
                    std::string(what) + " is no UTF-8 from its byte " + std::to_string(bad.offset + 1) + " on.",
                    "Write it in UTF-8.");
}

/// Whether a line with this character in it would be no line, or have a column more.
bool isControl(char32_t code) {
    return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0x2028 || code == 0x2029;
}

std::string checkedWord(const std::string& text, std::size_t most, const char* what) {
    requireUtf8(text, what);
    const std::string word = trimmed(text);
    if (word.empty()) throw Error(ErrorCode::BadInput, std::string(what) + " is empty.");
    if (word.size() > most)
        throw Error(ErrorCode::BadInput, std::string(what) + " is longer than " + std::to_string(most) + " bytes.");
    for (std::size_t at = 0; at < word.size();) {
        const Utf8Step step = utf8Step(word, at);
        if (isControl(step.code))
            throw Error(ErrorCode::BadInput,
                        std::string(what) + " has a line end, a tab or another control character at its byte " +
                            std::to_string(at + 1) + ".",
                        "Write it in one line, with blanks.");
        at += step.bytes;
    }
    return word;
}

void checkTables(SQLite::Database& database, const std::filesystem::path& file) {
    for (const char* table : {"runs", "params", "metrics", "predictions", "reports", "figures", "artifacts", "tags"})
        if (!database.tableExists(table))
            throw Error(ErrorCode::Io, file.string() + " is damaged (the table " + table + " is missing).",
                        "Choose another file with --db.");
}

// Measures that are a metric's latest value are kept, so that listing reads no curve.
void refreshLatest(SQLite::Database& database, RunId run, const Measure& measure) {
    SQLite::Statement latest(database, "SELECT value FROM metrics WHERE run = ? AND name = ? ORDER BY step DESC LIMIT 1");
    latest.bind(1, run);
    latest.bind(2, measure.metric);
    const auto value = latest.executeStep() ? readOptional(latest.getColumn(0)) : std::nullopt;
    writeMeasured(database, run, measure, value);
}

void setText(SQLite::Database& database, RunId run, const char* column, const std::string& text) {
    SQLite::Statement update(database, std::string("UPDATE runs SET ") + column + " = ? WHERE id = ?");
    update.bind(1, text);
    update.bind(2, run);
    update.exec();
}

void bindOwner(SQLite::Statement& statement, int first, const ProcessId& owner) {
    statement.bind(first, owner.pid);
    statement.bind(first + 1, owner.start);
    statement.bind(first + 2, owner.boot);
    statement.bind(first + 3, owner.host);
}

} // namespace

ProcessId readOwner(const SQLite::Statement& row, int first) {
    return {row.getColumn(first).getInt64(), row.getColumn(first + 1).getString(), row.getColumn(first + 2).getString(),
            row.getColumn(first + 3).getString()};
}

Runs::Runs(const std::filesystem::path& file) : Runs(file, kPatience) {}

Runs::Runs(const std::filesystem::path& file, std::chrono::milliseconds patience)
    : m_impl(std::make_unique<Impl>(file, patience)) {
    prepare(m_impl->connection);
    m_impl->connection.use([&](SQLite::Database& database) { checkTables(database, m_impl->connection.file()); });
    recoverInterrupted();
}

Runs::~Runs() = default;

const std::filesystem::path& Runs::file() const {
    return m_impl->connection.file();
}

bool Runs::writable(std::chrono::milliseconds patience) {
    return m_impl->connection.isFree(patience);
}

std::chrono::milliseconds Runs::patience() const {
    return m_impl->connection.patience();
}

std::optional<std::int64_t> Runs::version() {
    return m_impl->connection.version();
}

void Runs::finishLater(RunId run, RunState state, const std::string& exitReason) {
    const std::lock_guard lock(m_impl->endsMutex);
    m_impl->ends.push_back({run, state, exitReason});
}

void Runs::Impl::end(const End& end) {
    if (end.state == RunState::Running) throw Error(ErrorCode::Internal, "A run cannot finish as running.");
    change(end.run, [&](SQLite::Database& database) {
        SQLite::Statement update(database, "UPDATE runs SET state = ?, finished = ?, exit_reason = ? WHERE id = ?");
        update.bind(1, wordOf(end.state));
        update.bind(2, now());
        update.bind(3, end.reason);
        update.bind(4, end.run);
        update.exec();
    });
}

void Runs::Impl::endWhatEnded() {
    const std::lock_guard lock(endsMutex);
    if (ends.empty() || !connection.isFree(std::chrono::milliseconds(100))) return;
    for (; !ends.empty(); ends.erase(ends.begin())) {
        try {
            end(ends.front());
        } catch (const Error& error) {
            if (error.code() == ErrorCode::Busy) return;
        } // a run that was deleted meanwhile needs no end
    }
}

int Runs::recoverInterrupted() {
    m_impl->endWhatEnded();
    const auto orphans = [](SQLite::Database& database) {
        std::vector<std::pair<RunId, std::int64_t>> gone;
        SQLite::Statement query(database, "SELECT id, pid, process_start, boot, host FROM runs WHERE state = 'running'");
        while (query.executeStep())
            if (const ProcessId owner = readOwner(query, 1); liveness(owner) == Liveness::Gone)
                gone.emplace_back(query.getColumn(0).getInt64(), owner.pid);
        return gone;
    };
    if (m_impl->connection.read(orphans).empty()) return 0; // no need to lock
    return m_impl->connection.write([&](SQLite::Database& database) {
        const auto gone = orphans(database);
        for (const auto& [run, pid] : gone) {
            SQLite::Statement update(database, "UPDATE runs SET state = 'interrupted', exit_reason = ?2, finished = max(started, "
                                               "coalesce((SELECT max(wall) FROM metrics WHERE run = ?1), 0)) WHERE id = ?1");
            update.bind(1, run);
            update.bind(2, "The program (process " + std::to_string(pid) + ") ended before this run did.");
            update.exec();
        }
        return static_cast<int>(gone.size());
    });
}

std::filesystem::path Runs::artifactDirectory(RunId run) {
    m_impl->look(run, [](SQLite::Database&) {});
    const std::filesystem::path folder = m_impl->runFolder(run);
    std::error_code problem;
    std::filesystem::create_directories(folder, problem);
    if (problem) throw Error(ErrorCode::Io, "Cannot make the folder " + folder.string() + ": " + problem.message() + ".");
    return folder;
}

RunId Runs::begin(const NewRun& run) {
    return m_impl->connection.write([&](SQLite::Database& database) {
        if (run.parent) requireRun(database, *run.parent, file());
        // Numbers are never given twice, and never one whose folder another, lost runs file of this name left behind.
        RunId id =
            database.execAndGet("SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'runs'), 0)").getInt64() + 1;
        std::error_code ignored;
        while (std::filesystem::symlink_status(m_impl->runFolder(id), ignored).type() != std::filesystem::file_type::not_found &&
               !ignored)
            ++id;
        SQLite::Statement insert(database, "INSERT INTO runs(id, name, kind, state, started, parent, dataset_sha256, "
                                           "model_sha256, versions, experiment, pid, process_start, boot, host) "
                                           "VALUES(?,?,?,'running',?,?,?,?,?,?,?,?,?,?)");
        insert.bind(1, id);
        insert.bind(2, run.name);
        insert.bind(3, wordOf(run.kind));
        insert.bind(4, now());
        if (run.parent) insert.bind(5, *run.parent);
        insert.bind(6, run.datasetSha256);
        insert.bind(7, run.modelSha256);
        insert.bind(8, run.versions);
        insert.bind(9, run.experimentYaml);
        bindOwner(insert, 10, m_impl->me);
        insert.exec();
        SQLite::Statement param(database, "INSERT INTO params(run, position, key, value, number) VALUES(?,?,?,?,?)");
        int position = 0;
        for (const auto& [key, value] : run.params) {
            param.reset();
            param.bind(1, id);
            param.bind(2, position++);
            param.bind(3, key);
            param.bind(4, value);
            bindReal(param, 5, numberOf(value));
            param.exec();
        }
        return id;
    });
}

void Runs::reopen(RunId run) {
    m_impl->endWhatEnded();
    m_impl->change(run, [&](SQLite::Database& database) {
        SQLite::Statement query(database, "SELECT state, pid, process_start, boot, host FROM runs WHERE id = ?");
        query.bind(1, run);
        query.executeStep();
        const RunState state = readState(query.getColumn(0).getString());
        if (state == RunState::Done)
            throw Error(ErrorCode::BadInput, "Run " + std::to_string(run) + " is finished, so there is nothing to go on with.");
        if (state == RunState::Running && liveness(readOwner(query, 1)) == Liveness::Alive)
            throw Error(ErrorCode::Busy,
                        "Run " + std::to_string(run) + " is still running in process " + query.getColumn(1).getString() + ".",
                        "Stop it there first.");
        SQLite::Statement update(database, "UPDATE runs SET state = 'running', finished = 0, exit_reason = '', pid = ?, "
                                           "process_start = ?, boot = ?, host = ? WHERE id = ?");
        bindOwner(update, 1, m_impl->me);
        update.bind(5, run);
        update.exec();
    });
}

void Runs::addMetrics(RunId run, const std::vector<Metric>& metrics) {
    if (metrics.empty()) return;
    m_impl->change(run, [&](SQLite::Database& database) {
        std::set<std::string> written;
        SQLite::Statement insert(database, "INSERT OR REPLACE INTO metrics(run, name, step, value, wall) VALUES(?,?,?,?,?)");
        for (const Metric& metric : metrics) {
            insert.reset();
            insert.bind(1, run);
            insert.bindNoCopy(2, metric.name);
            insert.bind(3, metric.point.step);
            bindReal(insert, 4, metric.point.value);
            insert.bind(5, std::isnan(metric.point.wall) ? 0.0 : metric.point.wall);
            insert.exec();
            written.insert(metric.name);
        }
        for (const Measure& measure : measures())
            if (written.contains(measure.metric)) refreshLatest(database, run, measure);
    });
}

void Runs::truncateMetrics(RunId run, std::int64_t step) {
    m_impl->change(run, [&](SQLite::Database& database) {
        SQLite::Statement forget(database, "DELETE FROM metrics WHERE run = ? AND step > ?");
        forget.bind(1, run);
        forget.bind(2, step);
        forget.exec();
        for (const Measure& measure : measures())
            if (!measure.metric.empty()) refreshLatest(database, run, measure);
    });
}

void Runs::setSteps(RunId run, std::int64_t step, std::int64_t steps) {
    m_impl->change(run, [&](SQLite::Database& database) {
        SQLite::Statement update(database, "UPDATE runs SET step = ?, steps = ? WHERE id = ?");
        update.bind(1, step);
        update.bind(2, steps);
        update.bind(3, run);
        update.exec();
    });
}

void Runs::setReport(RunId run, const Report& report, const std::vector<Prediction>& predictions) {
    m_impl->change(run, [&](SQLite::Database& database) {
        insertReport(database, run, report);
        writeMeasured(database, run, measured(report));
        SQLite::Statement forget(database, "DELETE FROM predictions WHERE run = ?");
        forget.bind(1, run);
        forget.exec();
        SQLite::Statement insert(
            database,
            "INSERT INTO predictions(run, position, record, truth, guess, probabilities, raw_text) VALUES(?,?,?,?,?,?,?)");
        std::int64_t position = 0;
        for (const Prediction& prediction : predictions) {
            insert.reset();
            insert.bind(1, run);
            insert.bind(2, position++);
            insert.bind(3, prediction.record);
            insert.bind(4, prediction.truth);
            if (prediction.guess)
                insert.bind(5, *prediction.guess);
            else
                insert.bind(5);
            insert.bind(6, probabilitiesJson(prediction.probabilities));
            insert.bindNoCopy(7, prediction.rawText);
            insert.exec();
        }
    });
}

void Runs::setMeasured(RunId run, const Measured& measured) {
    m_impl->change(run, [&](SQLite::Database& database) { writeMeasured(database, run, measured); });
}

void Runs::addArtifact(RunId run, const Artifact& artifact) {
    m_impl->change(run, [&](SQLite::Database& database) {
        const std::filesystem::path full = std::filesystem::absolute(artifact.path).lexically_normal();
        const std::filesystem::path below = full.lexically_relative(file().parent_path());
        const bool outside = below.empty() || *below.begin() == "..";
        SQLite::Statement insert(database, "INSERT OR REPLACE INTO artifacts(run, kind, path, sha256) VALUES(?,?,?,?)");
        insert.bind(1, run);
        insert.bind(2, artifact.kind);
        insert.bind(3, (outside ? full : below).string());
        insert.bind(4, artifact.sha256);
        insert.exec();
    });
}

void Runs::finish(RunId run, RunState state, const std::string& exitReason) {
    m_impl->end({run, state, exitReason});
}

void Runs::rename(RunId run, const std::string& name) {
    const std::string word = checkedWord(name, kNameBytes, "The name");
    m_impl->change(run, [&](SQLite::Database& database) { setText(database, run, "name", word); });
}

void Runs::addTag(RunId run, const std::string& tag) {
    const std::string word = checkedWord(tag, kTagBytes, "The tag");
    m_impl->change(run, [&](SQLite::Database& database) {
        SQLite::Statement insert(database, "INSERT OR IGNORE INTO tags(run, tag) VALUES(?,?)");
        insert.bind(1, run);
        insert.bind(2, word);
        insert.exec();
    });
}

void Runs::removeTag(RunId run, const std::string& tag) {
    m_impl->change(run, [&](SQLite::Database& database) {
        SQLite::Statement forget(database, "DELETE FROM tags WHERE run = ? AND tag = ?");
        forget.bind(1, run);
        forget.bind(2, trimmed(tag));
        forget.exec();
    });
}

void Runs::setNote(RunId run, const std::string& note) {
    if (note.size() > kNoteBytes) throw Error(ErrorCode::BadInput, "The note is longer than 1 MiB.");
    requireUtf8(note, "The note");
    m_impl->change(run, [&](SQLite::Database& database) { setText(database, run, "note", note); });
}

void Runs::remove(RunId run) {
    m_impl->change(run, [&](SQLite::Database& database) {
        SQLite::Statement query(database, "SELECT pid, process_start, boot, host FROM runs WHERE id = ? AND state = 'running'");
        query.bind(1, run);
        if (query.executeStep() && liveness(readOwner(query, 0)) == Liveness::Alive)
            throw Error(ErrorCode::BadInput, "Run " + std::to_string(run) + " is still running, so it was not deleted.",
                        "Stop it first.");
        SQLite::Statement forget(database, "DELETE FROM runs WHERE id = ?");
        forget.bind(1, run);
        forget.exec();
    });
    std::error_code problem;
    std::filesystem::remove_all(m_impl->runFolder(run), problem); // a link goes, what it points to stays
    if (problem)
        throw Error(ErrorCode::Io,
                    "Run " + std::to_string(run) + " is deleted, but its folder " + m_impl->runFolder(run).string() +
                        " could not be (" + problem.message() + ").",
                    "Delete it by hand.");
}

std::filesystem::path defaultRunsFile() {
    const auto variable = [](const char* name) {
        const char* value = std::getenv(name);
        return std::filesystem::path(value ? value : "");
    };
    if (const auto file = variable("PHIBENCH_DB"); !file.empty()) return file;
    const auto data = variable("XDG_DATA_HOME"); // the specification: a relative one is ignored
    if (data.is_absolute()) return data / "phibench" / "runs.db";
    const auto home = variable("HOME");
    return (home.empty() ? std::filesystem::temp_directory_path() : home / ".local" / "share") / "phibench" / "runs.db";
}

} // namespace engine
