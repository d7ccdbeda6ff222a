// SPDX-License-Identifier: GPL-3.0-or-later
// The training loop: batches, accumulation, clipping, update, and when to evaluate and to keep a checkpoint.
#pragma once
#include "engine/model/decoder.h"
#include "engine/prompt/sample.h"
#include "engine/train/optim.h"

#include <functional>
#include <stop_token>
#include <vector>

namespace engine {

/// Where a training stands: with the adapter's values and the optimiser's moments, all that it needs to go on exactly.
struct TrainState {
    std::int64_t step = 0;          // optimizer steps done
    std::int64_t evaluatedStep = 0; // the last step whose evaluation is done
    double lastLoss = 0;
    double bestLoss = 0;       // lowest on the eval split
    std::int64_t bestStep = 0; // 0: never evaluated
    double seconds = 0;        // spent in steps
    std::int64_t examples = 0; // trained on in that time
};

struct Fit {
    Decoder& decoder; // with its adapter set
    AdamW& optimizer;
    const std::vector<Sample>& samples;
    const TrainSpec& spec;
    std::function<EvalEvent()> evaluate; // on the eval split, at every epoch's end or every spec.eval_every steps; may be empty
    std::function<void(const TrainState&)>
        checkpoint; // every spec.checkpoint_every steps, at the end and when stopped; may be empty
};

/// Trains from state.step on, telling the sink each step. False when stopped: within one micro-batch, what was accumulated is
/// dropped and the checkpoint written. The loss of a step is the mean over its whole batch's counted tokens, however the batch is
/// split. Micro-batches that a device has no memory for are halved, down to a single sample; then Error(OutOfMemory). Throws
/// Error when loss or gradient is no longer a number, before anything of it reaches the adapter.
bool fit(const Fit& fit, TrainState& state, const Sink& sink, std::stop_token stop);

/// Steps that this training takes in all.
std::int64_t trainingSteps(std::size_t samples, const TrainSpec& spec);

} // namespace engine
