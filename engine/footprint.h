// SPDX-License-Identifier: GPL-3.0-or-later
// What a training will hold in memory, told before it begins.
#pragma once
#include "engine/architecture/architecture.h"
#include "engine/architecture/precision.h"
#include "engine/prompt/sample.h"

#include <cstdint>
#include <string>
#include <vector>

namespace engine {

/// Tokens of an experiment's prompts: what all of them begin with, and the mean and deviation of what follows.
struct PromptLengths {
    double shared = 0, mean = 0, deviation = 0;
};

/// As they are read in training.
PromptLengths lengthsOf(const std::vector<Sample>& samples);
/// Guessed from the letters, for before there is a tokenizer. Without examples a sentence's length is assumed.
PromptLengths guessLengths(const std::vector<Example>& examples, const PromptSpec& prompt);

/// Bytes, but for `parameters`, `trainable` and `rows`.
struct Footprint {
    std::string precision; // "bf16", "NF4, computed in bf16"
    std::int64_t parameters = 0, trainable = 0;
    std::int64_t layers = 0;      // frozen linear layers, as often as they are held
    bool twice = false;           // laid out for the product and for its gradient
    std::int64_t rest = 0;        // embedding, head, norms, biases
    std::int64_t adapter = 0;     // fp32 values and their copies in the compute type
    std::int64_t optimizer = 0;   // gradients and AdamW's two moments
    std::int64_t activations = 0; // of the largest pass
    std::int64_t program = 0;     // libtorch, its kernels and buffers, the program
    std::int64_t rows = 0;        // of the largest training pass

    std::int64_t peak() const { return layers + rest + adapter + optimizer + activations + program; }
};

/// Throws Error(BadInput) for a precision that cannot be.
Footprint footprint(const DecoderConfig& config, std::int64_t trainable, const Experiment& experiment,
                    const PromptLengths& lengths);

/// Two sentences: what is trained, and what it takes.
std::string toString(const Footprint& footprint);

} // namespace engine
