// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/jobs/recorder.h"

namespace engine {

namespace {

constexpr auto kInterval = std::chrono::milliseconds(500);
constexpr auto kBusyInterval = std::chrono::seconds(1); // another process holds the file: let training go on meanwhile
constexpr std::size_t kMostHeld = 10'000'000;           // metrics, about a GB: from there on it waits

double wallTime() {
    return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

} // namespace

Recorder::Recorder(Runs& runs, RunId run, const Sink& sink, std::stop_token stop)
    : m_runs(runs), m_run(run), m_sink(sink), m_own([this](const Event& event) { push(event); }), m_stop(std::move(stop)),
      m_due(Clock::now()) {}

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
    if (m_metrics.size() > kMostHeld)
        flush();
    else
        tryFlush();
}

void Recorder::keep(Artifact artifact) {
    std::erase_if(m_artifacts, [&](const Artifact& older) { return older.kind == artifact.kind; });
    m_artifacts.push_back(std::move(artifact));
}

bool Recorder::tryFlush(std::chrono::milliseconds patience) {
    try {
        if (m_runs.writable(patience)) {
            write();
            return true;
        }
    } catch (const Error& error) {
        if (error.code() != ErrorCode::Busy) throw;
    }
    if (!m_saidHeld)
        warn(m_runs.file().string() +
             " is held by another process: the run goes on, and what it has to record is written when the file is free.");
    m_saidHeld = true;
    m_due = Clock::now() + kBusyInterval;
    return false;
}

void Recorder::flush() {
    whenFree([this] { write(); });
}

void Recorder::whenFree(const std::function<void()>& work) {
    for (;;) {
        try {
            if (m_runs.writable(kMoment)) {
                work();
                m_saidWaiting = false;
                return;
            }
        } catch (const Error& error) {
            if (error.code() != ErrorCode::Busy) throw;
        }
        if (!m_saidWaiting)
            warn("Waiting for " + m_runs.file().string() +
                 ", which another process holds, to record how the run ended. Close the other program, or stop the run.");
        m_saidWaiting = true;
        if (m_stop.stop_requested()) throw StopRequested{};
    }
}

/// What is written is held no longer, so that a failure between leaves the rest.
void Recorder::write() {
    m_runs.addMetrics(m_run, m_metrics);
    m_metrics.clear();
    if (m_stepsChanged) m_runs.setSteps(m_run, m_step, m_steps);
    m_stepsChanged = false;
    for (; !m_artifacts.empty(); m_artifacts.erase(m_artifacts.begin())) m_runs.addArtifact(m_run, m_artifacts.front());
    pass();
    m_saidHeld = false;
    m_due = Clock::now() + kInterval;
}

void Recorder::pass() {
    std::vector<Event> events = std::move(m_held);
    m_held.clear();
    if (m_sink)
        for (const Event& event : events) m_sink(event);
}

void Recorder::warn(const std::string& message) {
    if (m_sink) m_sink(LogEvent{m_run, Severity::Warning, message});
}

} // namespace engine
