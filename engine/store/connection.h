// SPDX-License-Identifier: GPL-3.0-or-later
// One connection to a runs file, its lock, its transactions, and SQLite's errors in words.
#pragma once
#include "engine/error.h"

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Exception.h>
#include <SQLiteCpp/Transaction.h>
#include <filesystem>
#include <mutex>

namespace engine {

/// What SQLite said, as an Error: Busy, BadInput for a file that is no database, Io else.
Error storeError(const SQLite::Exception& problem, const std::filesystem::path& file);

class Connection {
public:
    /// Opens or creates the file; nothing is read or written yet. Throws Error.
    explicit Connection(const std::filesystem::path& file);

    const std::filesystem::path& file() const { return m_file; }

    /// `work(SQLite::Database&)` in a transaction that sees one state of the file.
    template <typename Work> auto read(Work work) { return transact(SQLite::TransactionBehavior::DEFERRED, work); }
    /// The same for changes: all of them or none.
    template <typename Work> auto write(Work work) { return transact(SQLite::TransactionBehavior::IMMEDIATE, work); }
    /// Without a transaction.
    template <typename Work> auto use(Work work) {
        const std::lock_guard lock(m_mutex);
        try {
            return work(m_database);
        } catch (const SQLite::Exception& problem) { throw storeError(problem, m_file); }
    }

private:
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
    std::mutex m_mutex;
    SQLite::Database m_database;
};

} // namespace engine
