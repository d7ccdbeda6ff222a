// SPDX-License-Identifier: GPL-3.0-or-later
// The end of every job: the test split, its report, its figures, all in the store.
#pragma once
#include "engine/infer/classify.h"
#include "engine/jobs.h"
#include "engine/jobs/recorder.h"
#include "engine/jobs/setup.h"

namespace engine {

/// Classifies the test split, records report, predictions and figures, ends the run as done and gives its Done. `done` holds what
/// is known so far: run, adapter, seconds of loading and training.
Done evaluateAndFinish(const Decoder& decoder, const Setup& setup, const std::string& stage, Done done, Runs& runs,
                       Recorder& recorder, std::stop_token stop);

/// Accuracy and macro F1 on the eval split, and the loss as training counts it.
EvalEvent evaluateSplit(const Decoder& decoder, const Setup& setup, std::stop_token stop);

} // namespace engine
