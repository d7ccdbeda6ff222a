// SPDX-License-Identifier: GPL-3.0-or-later
// The engine's long calls. Each is synchronous, tells `sink` how it goes, stops within one micro-batch (one token,
// one tensor) of `stop`, records itself in the store, and never throws: whatever happens is an Outcome.
#pragma once
#include "engine/architecture/architecture.h"
#include "engine/events.h"
#include "engine/experiment.h"
#include "engine/store/runs.h"

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <variant>
#include <vector>

namespace engine {

struct Done {
    RunId run = 0;
    Report report;
    Measured measured;             // as recorded
    std::filesystem::path adapter; // empty for a baseline
};
struct Stopped {
    RunId run = 0;
    std::filesystem::path checkpoint;
    std::int64_t step = 0;
};
struct Failed {
    RunId run = 0;
    ErrorCode code = ErrorCode::Internal;
    std::string message, hint;
};
using Outcome = std::variant<Done, Stopped, Failed>;

struct TrainJob {
    Experiment experiment;
    std::optional<RunId> resume; // go on from this run's checkpoint
};
struct EvaluateJob {
    Experiment experiment;
    std::filesystem::path adapter; // empty and no run: the baseline
    std::optional<RunId> run;      // evaluate this run's adapter
};

/// Reads, splits, trains, evaluates on the test split and saves the adapter.
[[nodiscard]] Outcome train(const TrainJob& job, Runs& runs, const Sink& sink, std::stop_token stop);
/// Evaluates base or adapter on the test split.
[[nodiscard]] Outcome evaluate(const EvaluateJob& job, Runs& runs, const Sink& sink, std::stop_token stop);

/// What came of an experiment beside the model as it was.
struct Compared {
    std::optional<RunId> baseline; // made, or found in the runs file
    Outcome outcome;               // of the training; where the baseline was not done, of that
};
/// Told by a job of several runs, on its thread: what it goes on with, and what came of it. Either may be empty.
struct Stages {
    std::function<void(RunKind)> begins;
    std::function<void(const Outcome&)> ends;
};
/// Evaluates the model as it is, unless the runs file has a finished baseline that this one would repeat, then trains and
/// evaluates the adapter on the same rows. Data are read once and weights loaded once; both runs are recorded and told as
/// evaluate and train do.
[[nodiscard]] Compared trainAndCompare(const Experiment& experiment, Runs& runs, const Sink& sink, std::stop_token stop,
                                       const Stages& stages);

struct GenerateOptions {
    std::int64_t maxNewTokens = 64;
    double temperature = 0; // 0: greedy
    std::int64_t topK = 0;  // 0: all
    double topP = 1;
    std::uint64_t seed = 0;
};
struct Generated {
    std::vector<std::int32_t> ids; // new tokens only
    std::string text;
    double prefillTokensPerSecond = 0, decodeTokensPerSecond = 0;
    bool stopped = false;
};

/// A model held in memory for prompting: load once, generate often, with and without its adapter.
/// Not thread-safe: made, used and destroyed on one thread. All members throw Error.
class Playground {
public:
    /// `adapter` may be empty.
    Playground(const std::string& model, const std::string& precision, const std::filesystem::path& adapter, const Sink& sink,
               std::stop_token stop);
    ~Playground();
    Playground(Playground&&) noexcept;
    Playground& operator=(Playground&&) noexcept;
    bool hasAdapter() const;
    /// Streams TokenEvents with `column` while it generates.
    Generated generate(const std::string& prompt, const GenerateOptions& options, bool useAdapter, int column, const Sink& sink,
                       std::stop_token stop);

private:
    struct Impl;
    std::unique_ptr<Impl> m_impl;
};

struct Logits {
    std::vector<float> values; // [T, V], row-major
    std::int64_t vocabulary = 0;
};
/// Of these ids, by a model that need have no tokenizer. `adapter` may be empty. Throws Error.
Logits logits(const std::string& model, const std::string& precision, const std::filesystem::path& adapter,
              const std::vector<std::int32_t>& ids, const Sink& sink, std::stop_token stop);

/// What a model is, read from its files without loading its weights.
struct ModelFacts {
    std::string name, family, format, path; // "SmolLM2 135M Instruct", "llama", "GGUF Q4_1", …
    std::int64_t parameters = 0;
    DecoderConfig config;
};
/// Throws Error. Named models and hub ids are resolved.
ModelFacts modelFacts(const std::string& model);
/// Parameters that this LoRA would train on this model.
std::int64_t trainableParameters(const std::string& model, const LoraSpec& lora);

/// "libtorch 2.13.0, AVX2, 2 threads" for the record and the About box.
std::string engineDescription();

} // namespace engine
