// SPDX-License-Identifier: GPL-3.0-or-later
// What runs.cpp (writing) and runs_read.cpp (reading) share.
#pragma once
#include "engine/store/process.h"
#include "engine/store/rows.h"

#include <map>
#include <mutex>

namespace engine {

struct Runs::Impl {
    Impl(const std::filesystem::path& file, std::chrono::milliseconds patience)
        : connection(std::filesystem::absolute(file).lexically_normal(), patience), me(currentProcess()) {}

    /// `work(SQLite::Database&)` on a run that is there, all or nothing.
    template <typename Work> auto change(RunId run, Work work) {
        return connection.write([&](SQLite::Database& database) {
            requireRun(database, run, connection.file());
            return work(database);
        });
    }
    template <typename Work> auto look(RunId run, Work work) {
        return connection.read([&](SQLite::Database& database) {
            requireRun(database, run, connection.file());
            return work(database);
        });
    }

    std::filesystem::path filesFolder() const { return connection.file().string() + "-files"; }
    std::filesystem::path runFolder(RunId run) const { return filesFolder() / ("run-" + std::to_string(run)); }

    Connection connection;
    ProcessId me;
    /// Ends that the file could not take yet.
    struct End {
        RunId run = 0;
        RunState state = RunState::Stopped;
        std::string reason;
    };
    void end(const End& end);
    /// What finishLater() was told, where the file is free by now.
    void endWhatEnded();
    std::mutex endsMutex;
    std::vector<End> ends;
    /// Settings of runs seen by list(), by number: they never change, and numbers are given once.
    std::map<RunId, std::vector<std::pair<std::string, std::string>>> params;
    /// What was computed anew of runs seen by list() whose version did not know a measure.
    std::map<RunId, Measured> computed;
};

/// The process that a row's last four of the selected columns name: pid, process_start, boot, host.
ProcessId readOwner(const SQLite::Statement& row, int first);

} // namespace engine
