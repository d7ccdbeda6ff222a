// SPDX-License-Identifier: GPL-3.0-or-later
// An experiment's inputs, read and checked: all that can be known wrong before weights are loaded or a run begins.
#pragma once
#include "engine/architecture/config.h"
#include "engine/data/split.h"
#include "engine/model/decoder.h"
#include "engine/prompt/sample.h"
#include "engine/store/runs.h"

#include <filesystem>
#include <stop_token>
#include <string>
#include <vector>

namespace engine {

struct Setup {
    Experiment experiment;       // paths absolute
    std::filesystem::path model; // folder or .gguf
    DecoderConfig config;
    Precision precision = Precision::Fp32;
    at::Device device = at::kCPU;
    Tokenizer tokenizer;
    Answers answers;
    std::vector<Sample> train, eval, test;
    std::string datasetSha256, modelSha256;
};

/// Reads data, splits, tokenizer and model configuration; warnings go to the sink.
/// Throws Error(BadInput) with everything wrong with the settings at once; StopRequested.
Setup prepare(const Experiment& experiment, bool training, const Sink& sink, std::stop_token stop);

/// The experiment as it is recorded: readable from anywhere. Model folders are looked for beside the experiment first.
Experiment recorded(const Experiment& experiment);
/// What the store keeps of a run as it begins.
NewRun newRunOf(const Setup& setup, RunKind kind);

/// The tokenizer that belongs to a model's files.
Tokenizer tokenizerOf(const std::filesystem::path& model);
/// Throws Error(BadInput) when the tokenizer has ids that the model has no rows for.
void checkTokenizer(const Tokenizer& tokenizer, const DecoderConfig& config, const std::filesystem::path& model);

/// Reports as Runs and events want them.
void warn(const Sink& sink, const std::string& message);
/// A warning when the adapter names another base model than this.
void warnOfOtherBase(const std::filesystem::path& adapter, const std::filesystem::path& model, const Sink& sink);
void tellStage(const Sink& sink, Stage stage);

} // namespace engine
