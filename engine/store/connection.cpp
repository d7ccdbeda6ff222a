// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/store/connection.h"

#include <sqlite3.h>

namespace engine {

namespace {

bool isBusy(const SQLite::Exception& problem) {
    const int code = problem.getErrorCode() & 0xFF;
    return code == SQLITE_BUSY || code == SQLITE_LOCKED;
}

SQLite::Database opened(const std::filesystem::path& file, std::chrono::milliseconds patience) {
    std::error_code problem;
    if (std::filesystem::is_directory(file, problem))
        throw Error(ErrorCode::BadInput, file.string() + " is a folder, not a runs file.");
    if (file.empty() || !file.has_filename()) throw Error(ErrorCode::BadInput, "No runs file is named.");
    if (file.has_parent_path()) {
        std::filesystem::create_directories(file.parent_path(), problem);
        if (problem) throw Error(ErrorCode::Io, "Cannot make the folder of " + file.string() + ": " + problem.message() + ".");
    }
    try {
        SQLite::Database database(file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE,
                                  static_cast<int>(patience.count()));
        if (sqlite3_db_readonly(database.getHandle(), "main") == 1)
            throw Error(ErrorCode::Io, file.string() + " may only be read, and runs are recorded in it.",
                        "Make it writable, or choose another file with --db.");
        return database;
    } catch (const SQLite::Exception& error) { throw storeError(error, file); }
}

} // namespace

Error storeError(const SQLite::Exception& problem, const std::filesystem::path& file) {
    const std::string name = file.string(), said = problem.what();
    switch (problem.getErrorCode() & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return {ErrorCode::Busy, name + " is held by another process.", "Close the other program that uses it, then try again."};
    case SQLITE_NOTADB:
        return {ErrorCode::BadInput, name + " is no SQLite database, so it is no runs file.",
                "It was left as it is; choose another file with --db."};
    case SQLITE_CORRUPT:
        return {ErrorCode::Io, name + " is damaged (" + said + ").",
                "Keep a copy; \"sqlite3 FILE .recover\" may save what is in it. Choose another file with --db meanwhile."};
    case SQLITE_READONLY:
        return {ErrorCode::Io, name + " cannot be written (" + said + ").",
                "Make the file and its folder writable, or choose another file with --db."};
    case SQLITE_FULL:
        return {ErrorCode::Io, "The disk of " + name + " is full, so nothing was recorded.", "Make space, then try again."};
    case SQLITE_CANTOPEN:
        return {ErrorCode::Io, name + " cannot be opened (" + said + ").", "Check that its folder exists and may be written."};
    case SQLITE_IOERR:
        return {ErrorCode::Io, name + " cannot be read or written (" + said + ").",
                "Check its disk, and that it, its journal and its folder may be written."};
    case SQLITE_NOMEM: return {ErrorCode::OutOfMemory, "Not enough memory to read " + name + "."};
    default: return {ErrorCode::Io, name + ": " + said + "."};
    }
}

Connection::Connection(const std::filesystem::path& file, std::chrono::milliseconds patience)
    : m_file(file), m_patience(patience), m_database(opened(file, patience)) {}

/// How long the connection waits while this lives.
class Connection::Patience {
public:
    Patience(SQLite::Database& file, std::chrono::milliseconds now, std::chrono::milliseconds later)
        : m_file(file), m_later(later) {
        m_file.setBusyTimeout(static_cast<int>(now.count()));
    }
    ~Patience() { sqlite3_busy_timeout(m_file.getHandle(), static_cast<int>(m_later.count())); }
    Patience(const Patience&) = delete;
    Patience& operator=(const Patience&) = delete;

private:
    SQLite::Database& m_file;
    std::chrono::milliseconds m_later;
};

bool Connection::isFree(std::chrono::milliseconds patience) {
    return use([&](SQLite::Database& database) {
        const Patience waits(database, patience, m_patience);
        try {
            const SQLite::Transaction alone(database, SQLite::TransactionBehavior::EXCLUSIVE); // rolled back
            return true;
        } catch (const SQLite::Exception& problem) {
            if (!isBusy(problem)) throw;
            return false;
        }
    });
}

std::optional<std::int64_t> Connection::version() {
    const std::unique_lock lock(m_mutex, std::try_to_lock);
    if (!lock) return {};
    try {
        const Patience none(m_database, std::chrono::milliseconds{0}, m_patience);
        return m_database.execAndGet("PRAGMA data_version").getInt64();
    } catch (const SQLite::Exception&) { return {}; }
}

} // namespace engine
