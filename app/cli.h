// SPDX-License-Identifier: GPL-3.0-or-later
// phibench-cli: what its commands share. Each add… function registers one area's commands (DESIGN §5).
#pragma once
#include "engine/events.h"
#include "engine/experiment.h"
#include "engine/store/runs.h"

#include <CLI/CLI.hpp>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace app {

inline constexpr int kDone = 0, kFailed = 1, kBadInput = 2, kStopped = 130; // exit codes

/// The command that was chosen and the options that every command knows.
struct Session {
    bool json = false;
    std::string db;               // empty: the default runs file
    std::function<int()> command; // gives the exit code; may throw engine::Error
    std::filesystem::path runsFile() const { return db.empty() ? engine::defaultRunsFile() : std::filesystem::path(db); }
    /// The same for who only looks: throws Error(NotFound) where there is none, so that none is made.
    std::filesystem::path existingRunsFile() const;
};

/// Refuses what is no whole number from `least` on (CLI11's own bounds tell the largest double, in 309 digits).
CLI::Validator atLeast(std::int64_t least);

/// An experiment argument and its --set options.
struct ExperimentArguments {
    std::string file;
    std::vector<std::string> settings;
    void add(CLI::App& command);
    /// Reads the file and applies the settings; data.csv of --set starts at the current directory.
    engine::Experiment load() const;
    /// The same for a run that goes on: what neither the file, if any, nor the settings name stays as it was recorded.
    engine::Experiment loadOver(engine::Experiment recorded) const;

private:
    void apply(engine::Experiment& experiment) const;
};

#define VERBS(name) void add##name(CLI::App& root, Session& session);
#include "app/cli_verbs.h"
#undef VERBS

} // namespace app
