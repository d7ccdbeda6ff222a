// SPDX-License-Identifier: GPL-3.0-or-later
// One connection to a runs file, its lock, its transactions, and SQLite's errors in words.
#pragma once
#include "engine/error.h"

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Exception.h>
#include <SQLiteCpp/Transaction.h>
#include <chrono>
#include <filesystem>
#include <mutex>
#include <optional>

namespace engine {

/// What SQLite said, as an Error: Busy, BadInput for a file that is no database, Io else.
Error storeError(const SQLite::Exception& problem, const std::filesystem::path& file);
/// How long a call waits for other processes.
inline constexpr std::chrono::milliseconds kPatience{5000};

class Connection {
public:
    /// Opens or creates the file; nothing is read or written yet. Calls wait for other processes up to `patience`. Throws Error.
    explicit Connection(const std::filesystem::path& file, std::chrono::milliseconds patience = kPatience);

    const std::filesystem::path& file() const { return m_file; }
    std::chrono::milliseconds patience() const { return m_patience; }

    /// `work(SQLite::Database&)` in a transaction that sees one state of the file.
    template <typename Work> auto read(Work work) { return transact(SQLite::TransactionBehavior::DEFERRED, work); }
    /// The same for changes: all of them or none.
    template <typename Work> auto write(Work work) { return transact(SQLite::TransactionBehavior::IMMEDIATE, work); }
    /// Whether nobody else reads or writes the file, waiting up to `patience` for it. Throws Error.
    bool isFree(std::chrono::milliseconds patience);
    /// Another number whenever another connection has changed the file (PRAGMA data_version). None while somebody holds the file
    /// or this connection: nothing is waited for.
    std::optional<std::int64_t> version();
    /// Without a transaction.
    template <typename Work> auto use(Work work) {
        const std::lock_guard lock(m_mutex);
        try {
            return work(m_database);
        } catch (const SQLite::Exception& problem) { throw storeError(problem, m_file); }
    }

private:
    class Patience;
    template <typename Work> auto transact(SQLite::TransactionBehavior behavior, Work work) {
        return use([&](SQLite::Database& database) {
            SQLite::Transaction transaction(database, behavior); // rolls back unless committed
            if constexpr (std::is_void_v<decltype(work(database))>) {
                work(database);
                transaction.commit();
            } else {
                auto result = work(database);
                transaction.commit();
                return result;
            }
        });
    }

    std::filesystem::path m_file;
    std::chrono::milliseconds m_patience;
    std::mutex m_mutex;
    SQLite::Database m_database;
};

} // namespace engine
