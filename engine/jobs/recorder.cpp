// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/jobs/recorder.h"

namespace engine {

namespace {

constexpr auto kInterval = std::chrono::milliseconds(500);
constexpr auto kBusyInterval = std::chrono::seconds(3); // another process holds the file: let training go on meanwhile
constexpr std::size_t kMostHeld = 100'000;              // metrics, after which waiting is no longer harmless

double wallTime() {
    return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

} // namespace

Recorder::Recorder(Runs& runs, RunId run, const Sink& sink)
    : m_runs(runs), m_run(run), m_sink(sink), m_own([this](const Event& event) { push(event); }), m_due(Clock::now()) {}

void Recorder::record(const Event& event) {
    const double now = wallTime();
    const auto add = [&](const std::string& name, std::int64_t step, double value) {
        m_metrics.push_back({name, {step, value, now}});
    };
    if (const auto* step = std::get_if<StepEvent>(&event)) {
        add("loss", step->step, step->loss);
        add("lr", step->step, step->lr);
        add("grad_norm", step->step, step->grad_norm);
        add("examples_per_second", step->step, step->examples_per_second);
        add("tokens_per_second", step->step, step->tokens_per_second);
        m_step = step->step;
        m_steps = step->steps;
        m_stepsChanged = true;
    } else if (const auto* eval = std::get_if<EvalEvent>(&event)) {
        add("eval_loss", eval->step, eval->loss);
        for (const Measure& measure : measures())
            if (const auto value = eval->measured.of(measure)) add("eval_" + measure.key, eval->step, *value);
    }
}

void Recorder::push(Event event) {
    std::visit([this](auto& e) { e.run = m_run; }, event);
    record(event);
    m_held.push_back(std::move(event));
    if (m_metrics.empty()) {
        pass();
        return;
    }
    if (Clock::now() < m_due) return;
    try {
        flush();
    } catch (const Error& error) {
        if (error.code() != ErrorCode::Busy || m_metrics.size() > kMostHeld) throw;
        m_due = Clock::now() + kBusyInterval;
    }
}

void Recorder::flush() {
    if (!m_metrics.empty()) {
        m_runs.addMetrics(m_run, m_metrics);
        m_metrics.clear();
    }
    if (m_stepsChanged) {
        m_runs.setSteps(m_run, m_step, m_steps);
        m_stepsChanged = false;
    }
    pass();
    m_due = Clock::now() + kInterval;
}

void Recorder::pass() {
    std::vector<Event> events = std::move(m_held);
    m_held.clear();
    if (m_sink)
        for (const Event& event : events) m_sink(event);
}

} // namespace engine
