// SPDX-License-Identifier: GPL-3.0-or-later
// What the model says of many questions, and how likely it holds the true answers.
#pragma once
#include "engine/model/decoder.h"
#include "engine/prompt/sample.h"

#include <stop_token>
#include <string>
#include <vector>

namespace engine {

struct Classified {
    std::vector<Prediction> predictions; // as the samples
    double loss = 0;                     // mean cross entropy of the true answers' tokens
};

/// spec.method Score: the label whose whole spelling is the likeliest continuation. Generate: the label that the greedy
/// continuation names, else spec.unanswered. With a `stage`, ProgressEvents and MatrixEvents at most ten times a second, and once
/// at the end. Throws Error(BadInput) naming a record for which the model computes no finite numbers; StopRequested.
Classified classify(const Decoder& decoder, const Tokenizer& tokenizer, const std::vector<Sample>& samples,
                    const Answers& answers, const EvaluateSpec& spec, std::optional<Stage> stage, const Sink& sink,
                    std::stop_token stop);

} // namespace engine
