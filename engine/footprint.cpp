// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/footprint.h"
#include "engine/architecture/row_bytes.h"
#include "engine/architecture/targets.h"
#include "engine/kernels/dense_bf16.h"
#include "engine/words/numbers.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>

namespace engine {

namespace {

constexpr double kLettersAToken = 4.2; // English prose, byte-level BPE of 50,000 tokens
constexpr double kAnswerTokens = 2;
constexpr double kUnseen = 32;     // tokens of a text when there is none to look at
constexpr double kProgram = 230e6; // libtorch, its kernels, the data: measured
constexpr double kPacking = 0.25;  // of the weights, what laying them out leaves behind in the heap: measured
constexpr double kLongest = 2.5;   // deviations that the largest of a hundred or so batches lies above the mean

double scalarBytes(const Precision& precision) {
    return static_cast<double>(precision.bytes());
}

/// Values of the linear layers that are expanded at once: those that read the same input.
double expandedAtOnce(const DecoderConfig& c) {
    const std::vector<LinearShape> shapes = linearLayers(c);
    std::array<double, kProducts> sums{};
    for (std::size_t i = 0; i < c.linears.size(); ++i)
        sums[static_cast<std::size_t>(c.linears[i].product())] += static_cast<double>(shapes[i].in * shapes[i].out);
    return *std::max_element(sums.begin(), sums.end());
}

std::int64_t microBatch(const TrainSpec& train) {
    std::int64_t size = 0;
    std::from_chars(train.micro_batch_size.data(), train.micro_batch_size.data() + train.micro_batch_size.size(), size);
    return size > 0 ? std::min(size, train.batch_size) : 0;
}

/// Rows of the largest of many batches of `size`.
double rowsOf(std::int64_t size, const PromptLengths& lengths, std::int64_t mostTokens) {
    const auto n = static_cast<double>(std::max<std::int64_t>(1, size));
    const double most = std::max(1.0, static_cast<double>(mostTokens) - lengths.shared);
    const double own = std::min(most, lengths.mean + kLongest * lengths.deviation / std::sqrt(n));
    return std::min(lengths.shared, static_cast<double>(mostTokens)) + n * own;
}

std::string countText(std::int64_t n) {
    char text[32];
    const auto value = static_cast<double>(n);
    if (n < 10'000) return std::to_string(n);
    std::snprintf(text, sizeof text,
                  n < 1'000'000    ? "%.0f thousand"
                  : n < 10'000'000 ? "%.2f million"
                                   : "%.0f million",
                  value / (n < 1'000'000 ? 1e3 : 1e6));
    return text;
}

} // namespace

PromptLengths lengthsOf(const std::vector<Sample>& samples) {
    PromptLengths lengths;
    if (samples.empty()) return lengths;
    std::span<const std::int32_t> shared = samples.front().ids;
    double sum = 0, squares = 0;
    for (const Sample& sample : samples) {
        shared = shared.first(static_cast<std::size_t>(
            std::mismatch(shared.begin(), shared.end(), sample.ids.begin(), sample.ids.end()).first - shared.begin()));
        const auto tokens = static_cast<double>(sample.ids.size());
        sum += tokens;
        squares += tokens * tokens;
    }
    const double count = static_cast<double>(samples.size()), mean = sum / count;
    lengths.shared = samples.size() > 1 ? static_cast<double>(shared.size()) : 0;
    lengths.mean = mean - lengths.shared;
    lengths.deviation = std::sqrt(std::max(0.0, squares / count - mean * mean));
    return lengths;
}

PromptLengths guessLengths(const std::vector<Example>& examples, const PromptSpec& prompt) {
    PromptLengths lengths;
    const std::string& text = prompt.text_template;
    const std::size_t before = std::min(text.find("{text}"), text.size());
    const std::size_t marks = text.size() > before ? std::string("{text}{label}").size() : 0;
    lengths.shared = static_cast<double>(before) / kLettersAToken;
    const double after =
        static_cast<double>(text.size() - before - std::min(marks, text.size() - before)) / kLettersAToken + kAnswerTokens;
    if (examples.empty()) {
        lengths.mean = kUnseen + after;
        lengths.deviation = kUnseen / 2;
        return lengths;
    }
    const std::size_t every = std::max<std::size_t>(1, examples.size() / 1000);
    double sum = 0, squares = 0, seen = 0;
    for (std::size_t i = 0; i < examples.size(); i += every, ++seen) {
        const double tokens = static_cast<double>(examples[i].text.size()) / kLettersAToken;
        sum += tokens;
        squares += tokens * tokens;
    }
    lengths.mean = sum / seen + after;
    lengths.deviation = std::sqrt(std::max(0.0, squares / seen - sum / seen * (sum / seen)));
    return lengths;
}

Footprint footprint(const DecoderConfig& c, std::int64_t trainable, const Experiment& experiment, const PromptLengths& lengths) {
    const Precision precision = parsePrecision(experiment.model.precision, experiment.model.compute,
                                               experiment.model.double_quant, experiment.model.compute == "fp16");
    const double scalar = scalarBytes(precision);
    Footprint f;
    f.precision = describe(precision);
    f.parameters = parameterCount(c);
    f.trainable = trainable;

    double linear = 0;
    for (const LinearShape& layer : linearLayers(c)) linear += static_cast<double>(layer.in) * static_cast<double>(layer.out);
    const double bytes = heldBytes(precision, linear);
    f.twice = packsForBatches(precision, static_cast<std::int64_t>(bytes)) && !kernels::multipliesDensePanels();
    f.layers = static_cast<std::int64_t>(f.twice ? 2 * bytes : bytes);
    const double tables = static_cast<double>(c.vocab_size * c.hidden_size) * (c.tied_head ? 1 : 2);
    double rotary = 0;
    for (const Rotary& table : c.rotary)
        rotary += static_cast<double>(std::min(c.max_positions, kRotaryPositions) * table.dims) * 4;
    f.rest = static_cast<std::int64_t>(tables * scalar + (static_cast<double>(f.parameters) - linear - tables) * 4 + rotary);
    f.adapter = static_cast<std::int64_t>(static_cast<double>(trainable) * (4 + scalar));
    f.optimizer = trainable * 12;

    const TrainSpec& train = experiment.train;
    const std::int64_t micro = microBatch(train);
    double rows = rowsOf(micro ? micro : train.batch_size, lengths, train.max_tokens);
    if (!micro)
        rows = std::min(rows, std::max(static_cast<double>(rowBudget(c, precision)), rowsOf(1, lengths, train.max_tokens)));
    f.rows = static_cast<std::int64_t>(std::lround(rows));
    const auto tape = static_cast<double>(keptBytes(c, precision, experiment.lora.r));
    const double evaluated = std::min(2048.0, rowsOf(experiment.evaluate.batch_size, lengths, train.max_tokens));
    // On the way back one layer's gradients stand beside the tapes.
    const auto pass = static_cast<double>(computedBytes(c, precision));
    const double activations =
        std::max(rows * (tape * static_cast<double>(c.layers) + 2 * pass), std::min(evaluated * pass, 4e8));
    const double expanded = precision.isQuantised() ? expandedAtOnce(c) * scalar : 0;
    f.activations = static_cast<std::int64_t>(activations + expanded);
    f.program = static_cast<std::int64_t>(kProgram + (f.twice ? kPacking * bytes : 0));
    return f;
}

std::string toString(const Footprint& f) {
    char share[16];
    std::snprintf(share, sizeof share, "%.1f %%",
                  f.parameters > 0 ? 100.0 * static_cast<double>(f.trainable) / static_cast<double>(f.parameters) : 0);
    return countText(f.parameters) + " parameters in " + f.precision + ", " + countText(f.trainable) + " trained (" + share +
           "). About " + bytesText(f.peak()) + " of memory: layers " + bytesText(f.layers) +
           (f.twice ? " (laid out both ways)" : "") + ", embedding and head " + bytesText(f.rest) + ", adapter " +
           bytesText(f.adapter) + ", gradients and moments " + bytesText(f.optimizer) + ", activations " +
           bytesText(f.activations) + ", program " + bytesText(f.program) + ".";
}

} // namespace engine
