// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/train/loop.h"
#include "engine/architecture/row_bytes.h"
#include "engine/kernels/random.h"
#include "engine/memory.h"
#include "engine/schedules.h"
#include "engine/train/batch.h"
#include "engine/train/order.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <deque>
#include <optional>

namespace engine {

namespace {

using Clock = std::chrono::steady_clock;

std::int64_t microBatchSize(const std::string& text) {
    if (text == "auto") return 0;
    std::int64_t size = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
    if (error != std::errc() || end != text.data() + text.size() || size < 1)
        throw Error(ErrorCode::BadInput, "train.micro_batch_size is \"" + text + "\".", "Use auto or a number of 1 or more.");
    return size;
}

/// The pace of the last steps, so that a pause or an evaluation long ago does not colour the estimate.
class Pace {
public:
    void add(double seconds, std::int64_t examples, std::int64_t tokens) {
        m_steps.push_back({seconds, examples, tokens});
        if (m_steps.size() > 16) m_steps.pop_front();
        m_sum = {};
        for (const Step& step : m_steps)
            m_sum = {m_sum.seconds + step.seconds, m_sum.examples + step.examples, m_sum.tokens + step.tokens};
    }
    double examplesPerSecond() const { return m_sum.seconds > 0 ? static_cast<double>(m_sum.examples) / m_sum.seconds : 0; }
    double tokensPerSecond() const { return m_sum.seconds > 0 ? static_cast<double>(m_sum.tokens) / m_sum.seconds : 0; }
    double secondsPerStep() const { return m_sum.seconds / static_cast<double>(m_steps.size()); }

private:
    struct Step {
        double seconds = 0;
        std::int64_t examples = 0, tokens = 0;
    };
    std::deque<Step> m_steps;
    Step m_sum;
};

struct StepResult {
    double loss = 0, norm = 0, rate = 0;
    std::int64_t examples = 0, tokens = 0;
};

class Loop {
public:
    Loop(const Fit& fit, const Sink& sink, std::stop_token stop)
        : m_fit(fit), m_sink(sink), m_stop(std::move(stop)), m_lora(*fit.decoder.adapter()),
          m_order(fit.samples.size(), fit.spec.batch_size, fit.spec.epochs, static_cast<std::uint64_t>(fit.spec.seed)),
          m_schedule(fit.spec.schedule, fit.spec.learning_rate, fit.spec.warmup_ratio, m_order.steps()),
          m_microBatch(microBatchSize(fit.spec.micro_batch_size)),
          m_rows(rowBudget(fit.decoder.config(), fit.decoder.precision())) {}

    bool run(TrainState& state) {
        for (bool first = true;; first = false) {
            if (m_fit.evaluate && state.evaluatedStep < state.step && evaluationDue(state.step) && !evaluate(state))
                return stopped(state);
            if (!first && checkpointDue(state.step)) keep(state);
            if (state.step >= m_order.steps()) return true;
            const auto begin = Clock::now();
            const auto result = step(state.step);
            if (!result) return stopped(state);
            const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
            ++state.step;
            state.lastLoss = result->loss;
            state.seconds += seconds;
            state.examples += result->examples;
            m_pace.add(seconds, result->examples, result->tokens);
            tell(state, *result);
        }
    }

private:
    /// Nothing when stopped before the update.
    std::optional<StepResult> step(std::int64_t number) {
        StepResult result;
        SampleList batch;
        std::int64_t counted = 0;
        for (std::size_t index : m_order.batch(number)) {
            batch.push_back(&m_fit.samples[index]);
            counted += batch.back()->counted();
            result.tokens += static_cast<std::int64_t>(batch.back()->ids.size());
        }
        result.examples = static_cast<std::int64_t>(batch.size());
        result.rate = m_schedule.rate(number);

        m_fit.decoder.dropGradients();
        const TrainSpec& spec = m_fit.spec;
        const double resid = spec.resid_dropout >= 0 ? spec.resid_dropout : m_fit.decoder.config().resid_dropout;
        const std::uint64_t stepKey = mixed(static_cast<std::uint64_t>(spec.seed), static_cast<std::uint64_t>(number));
        std::uint64_t part = 0;
        for (SampleSpan rest(batch); !rest.empty();) {
            if (m_stop.stop_requested()) return std::nullopt;
            const SampleSpan micro = splitBatch(rest, m_microBatch, m_rows).front();
            const Batch pack = makeBatch(micro, 1.0 / static_cast<double>(counted));
            if (!addGradients(pack, {mixed(stepKey, part), resid})) {
                takeLess(micro.size(), pack.pack.rows());
                continue;
            }
            ++part;
            rest = rest.subspan(micro.size());
        }
        if (m_stop.stop_requested()) return std::nullopt;
        result.loss = m_fit.decoder.collectLoss(); // the one time that a step waits for a device
        if (!std::isfinite(result.loss)) diverged(number, "loss");
        result.norm = euclideanNorm(m_lora.gradients());
        if (!std::isfinite(result.norm)) diverged(number, "gradient");
        const bool clip = spec.max_grad_norm > 0 && result.norm > spec.max_grad_norm;
        m_fit.optimizer.step(result.rate, clip ? spec.max_grad_norm / (result.norm + 1e-6) : 1.0);
        return result;
    }

    /// False, and nothing added, where the device has no memory for this micro-batch.
    bool addGradients(const Batch& micro, const Dropout& dropout) {
        try {
            m_fit.decoder.addGradients(micro.pack, micro.targets, dropout);
            return true;
        } catch (const Error& error) {
            if (error.code() != ErrorCode::OutOfMemory) throw;
            return false;
        }
    }
    /// From now on micro-batches of half the samples or rows that did not fit; batches stay as large as they are.
    void takeLess(std::size_t samples, std::int64_t rows) {
        if (samples == 1)
            throw Error(ErrorCode::OutOfMemory,
                        "There is not enough memory to train on a single text of " + std::to_string(rows + 1) + " tokens.",
                        "Lower train.max_tokens, use model.precision nf4, or train on the processor (model.device cpu).");
        if (m_microBatch > 0)
            m_microBatch = static_cast<std::int64_t>(samples / 2);
        else
            m_rows = rows / 2;
        if (m_sink)
            m_sink(LogEvent{
                0, Severity::Warning,
                "There is not enough memory for " + std::to_string(samples) + " samples (" + std::to_string(rows) +
                    " tokens) at once: micro-batches are halved from here on. An update is still made of a whole batch."});
    }

    [[noreturn]] void diverged(std::int64_t number, const char* what) const {
        throw Error(ErrorCode::Internal,
                    "Training diverged: the " + std::string(what) + " of step " + std::to_string(number + 1) +
                        " is not a finite number. Nothing of it was saved.",
                    "Lower train.learning_rate or train.max_grad_norm, or compute in fp32 (model.precision).");
    }

    void keep(const TrainState& state) {
        m_kept = state.step;
        if (!std::isfinite(euclideanNorm(m_lora.values()))) diverged(state.step - 1, "adapter");
        if (m_fit.checkpoint) m_fit.checkpoint(state);
    }
    bool evaluationDue(std::int64_t step) const {
        const std::int64_t every = m_fit.spec.eval_every > 0 ? m_fit.spec.eval_every : m_order.stepsPerEpoch();
        return step % every == 0 || step == m_order.steps();
    }
    bool checkpointDue(std::int64_t step) const {
        return step == m_order.steps() || (m_fit.spec.checkpoint_every > 0 && step % m_fit.spec.checkpoint_every == 0);
    }
    /// False when stopped before it was done.
    bool evaluate(TrainState& state) {
        try {
            EvalEvent event = m_fit.evaluate();
            event.step = state.step;
            state.evaluatedStep = state.step;
            if (state.bestStep == 0 || event.loss < state.bestLoss) {
                state.bestLoss = event.loss;
                state.bestStep = state.step;
            }
            if (m_sink) m_sink(event);
            return true;
        } catch (const StopRequested&) { return false; }
    }
    bool stopped(const TrainState& state) {
        if (m_kept != state.step) keep(state);
        return false;
    }
    void tell(const TrainState& state, const StepResult& result) {
        if (!m_sink) return;
        StepEvent event;
        event.step = state.step;
        event.steps = m_order.steps();
        event.epoch = m_order.epochAfter(state.step);
        event.loss = result.loss;
        event.lr = result.rate;
        event.grad_norm = result.norm;
        event.tokens_per_second = m_pace.tokensPerSecond();
        event.examples_per_second = m_pace.examplesPerSecond();
        event.eta_seconds = static_cast<double>(m_order.steps() - state.step) * m_pace.secondsPerStep();
        event.rss_bytes = residentBytes();
        m_sink(event);
    }

    const Fit& m_fit;
    const Sink& m_sink;
    std::stop_token m_stop;
    Lora& m_lora;
    BatchOrder m_order;
    Schedule m_schedule;
    std::int64_t m_microBatch = 0, m_rows = 0;
    std::int64_t m_kept = -1; // step of the last checkpoint
    Pace m_pace;
};

} // namespace

bool fit(const Fit& fit, TrainState& state, const Sink& sink, std::stop_token stop) {
    if (!fit.decoder.adapter()) throw Error(ErrorCode::Internal, "The model has no adapter to train.");
    return Loop(fit, sink, std::move(stop)).run(state);
}

std::int64_t trainingSteps(std::size_t samples, const TrainSpec& spec) {
    return BatchOrder(samples, spec.batch_size, spec.epochs, 0).steps();
}

} // namespace engine
