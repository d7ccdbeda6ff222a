// SPDX-License-Identifier: GPL-3.0-or-later
// The model of every job, and its end: the test split, its report, its figures, all in the store.
#pragma once
#include "engine/infer/classify.h"
#include "engine/jobs.h"
#include "engine/jobs/outcome.h"
#include "engine/jobs/recorder.h"
#include "engine/jobs/setup.h"

namespace engine {

/// A model in memory, and how long it took to get it there since the last run began.
struct LoadedModel {
    Decoder decoder;
    double seconds = 0;
    /// After it was laid out for evaluating alone.
    void packForTraining();
};
LoadedModel loadModel(const Setup& setup, bool training, const Sink& sink, std::stop_token stop);

/// Evaluates what `decoder` holds, the base or an adapter, as the run `run`, from its beginning to its end. `done` holds what is
/// known so far: adapter, seconds of loading.
Done evaluateAsRun(const Decoder& decoder, const Setup& setup, const NewRun& run, Done done, Runs& runs, const Sink& sink,
                   std::stop_token stop, JobState& state);

/// Classifies the test split, records report, predictions and figures, ends the run as done and gives its Done. `done` holds what
/// is known so far: run, adapter, seconds of loading and training.
Done evaluateAndFinish(const Decoder& decoder, const Setup& setup, Stage stage, Done done, Runs& runs, Recorder& recorder,
                       std::stop_token stop);

/// The measures of the eval split, and its loss as training counts it.
EvalEvent evaluateSplit(const Decoder& decoder, const Setup& setup, std::stop_token stop);

} // namespace engine
