// SPDX-License-Identifier: GPL-3.0-or-later
// What the runner calls: the engine, or in a test a fake of it.
#pragma once
#include "engine/data/table.h"
#include "engine/exports.h"
#include "engine/jobs.h"

#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

namespace app {

/// A loaded model's answer to a prompt; made, called and destroyed on one thread. Throws engine::Error.
using Generate = std::function<engine::Generated(const std::string& prompt, const engine::GenerateOptions& options,
                                                 bool useAdapter, int column, const engine::Sink& sink, std::stop_token stop)>;

/// Synchronous calls. train, evaluate and trainAndCompare never throw; the others throw engine::Error or engine::StopRequested.
struct Jobs {
    std::function<engine::Outcome(const engine::TrainJob&, engine::Runs&, const engine::Sink&, std::stop_token)> train;
    std::function<engine::Outcome(const engine::EvaluateJob&, engine::Runs&, const engine::Sink&, std::stop_token)> evaluate;
    std::function<engine::Compared(const engine::Experiment&, engine::Runs&, const engine::Sink&, std::stop_token,
                                   const engine::Stages&)>
        trainAndCompare;
    std::function<engine::Table(const std::filesystem::path&, const engine::TableOptions&, std::stop_token)> openTable;
    std::function<engine::ModelFacts(const std::string& model)> modelFacts;
    std::function<std::int64_t(const std::string& model, const engine::LoraSpec&)> trainableParameters;
    std::function<Generate(const std::string& model, const std::string& precision, const std::filesystem::path& adapter,
                           const engine::Sink&, std::stop_token)>
        openPlayground;
    std::vector<engine::Exporter> exporters;
};

/// The engine itself.
Jobs engineJobs();

} // namespace app
