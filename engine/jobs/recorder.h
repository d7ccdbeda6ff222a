// SPDX-License-Identifier: GPL-3.0-or-later
// A run's events on their way to whoever watches: stamped with the run, and in the store before they show.
#pragma once
#include "engine/events.h"
#include "engine/store/runs.h"

#include <chrono>
#include <vector>

namespace engine {

class Recorder {
public:
    Recorder(Runs& runs, RunId run, const Sink& sink);
    /// Steps and evaluations are written at most every half second, the events held until then; others pass in their order.
    void push(Event event);
    /// Writes and passes on what is held. Throws Error.
    void flush();
    /// To hand to the long calls; valid while this object is.
    const Sink& sink() const { return m_own; }

private:
    using Clock = std::chrono::steady_clock;
    void record(const Event& event);
    void pass();

    Runs& m_runs;
    RunId m_run = 0;
    const Sink& m_sink;
    Sink m_own;
    std::vector<Metric> m_metrics;
    std::vector<Event> m_held;
    std::int64_t m_step = 0, m_steps = 0;
    bool m_stepsChanged = false;
    Clock::time_point m_due;
};

} // namespace engine
