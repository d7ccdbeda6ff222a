// SPDX-License-Identifier: GPL-3.0-or-later
// What a long call tells whoever watches it. Values only; sent from the thread that runs the call.
#pragma once
#include "engine/error.h"
#include "engine/measures.h"
#include "engine/words/enum_words.h"

#include <cstdint>
#include <functional>
#include <string>
#include <variant>

namespace engine {

using RunId = std::int64_t;

/// What a long call is at; the words are those of the command line's JSON.
enum class Stage { ReadData, QuantiseModel, LoadModel, CheckModel, Baseline, Train, Evaluate, Save, Merge, ScoreAgain };
constexpr std::array<EnumWord<Stage>, 10> wordsOf(Stage) {
    return {{{Stage::ReadData, "read data"},
             {Stage::QuantiseModel, "quantise model"},
             {Stage::LoadModel, "load model"},
             {Stage::CheckModel, "check model"},
             {Stage::Baseline, "baseline"},
             {Stage::Train, "train"},
             {Stage::Evaluate, "evaluate"},
             {Stage::Save, "save"},
             {Stage::Merge, "merge"},
             {Stage::ScoreAgain, "score again"}}};
}

/// A stage began or moved on. total 0: unknown. done never decreases within a stage.
struct ProgressEvent {
    RunId run = 0;
    Stage stage = Stage::ReadData;
    std::int64_t done = 0;
    std::int64_t total = 0;
    double examples_per_second = 0;
    double eta_seconds = -1; // of this stage; -1: unknown
};

/// One optimizer step.
struct StepEvent {
    RunId run = 0;
    std::int64_t step = 0; // 1-based
    std::int64_t steps = 0;
    double epoch = 0; // epochs completed, fractional
    double loss = 0;  // mean over the batch's counted tokens
    double lr = 0;
    double grad_norm = 0;         // before clipping
    double tokens_per_second = 0; // counted as if no prefix were shared
    double examples_per_second = 0;
    double eta_seconds = -1; // to the end of training
    std::int64_t rss_bytes = 0;
};

/// An evaluation on the eval split while training.
struct EvalEvent {
    RunId run = 0;
    std::int64_t step = 0;
    double loss = 0;
    Measured measured; // of the eval rows: what a report gives
};

/// The confusion matrix so far, while the test split is evaluated.
struct MatrixEvent {
    RunId run = 0;
    ConfusionMatrix confusion;
    std::int64_t done = 0;
    std::int64_t total = 0;
};

/// A piece of generated text (UTF-8, whole characters).
struct TokenEvent {
    RunId run = 0;
    int column = 0; // playground: 0 base, 1 adapter
    std::string text;
};

struct LogEvent {
    RunId run = 0;
    Severity severity = Severity::Note;
    std::string message;
};

using Event = std::variant<ProgressEvent, StepEvent, EvalEvent, MatrixEvent, TokenEvent, LogEvent>;
/// Called from the working thread; must not block for long.
using Sink = std::function<void(const Event&)>;

} // namespace engine
