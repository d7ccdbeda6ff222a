// SPDX-License-Identifier: GPL-3.0-or-later
// A run's events and files on their way to whoever watches and to the store: stamped with the run, and in the store before they
// show. Where another process holds the runs file, the run goes on and what it has to record is held here.
#pragma once
#include "engine/events.h"
#include "engine/store/runs.h"

#include <chrono>
#include <stop_token>
#include <vector>

namespace engine {

class Recorder {
public:
    Recorder(Runs& runs, RunId run, const Sink& sink, std::stop_token stop);
    /// Steps and evaluations are written at most every half second, the events held until then; others pass in their order.
    void push(Event event);
    /// Recorded as soon as the file is free.
    void keep(Artifact artifact);
    /// Writes and passes on what is held; false, and all of it held still, where another process holds the file for longer than
    /// `patience`. Throws Error.
    bool tryFlush(std::chrono::milliseconds patience);
    bool tryFlush() { return tryFlush(kMoment); }
    /// The same, waiting as long as it takes. Throws StopRequested when asked to stop meanwhile.
    void flush();
    /// Calls `work`, which writes to the store, waiting for the file in the same way.
    void whenFree(const std::function<void()>& work);
    /// To hand to the long calls; valid while this object is.
    const Sink& sink() const { return m_own; }

private:
    using Clock = std::chrono::steady_clock;
    static constexpr std::chrono::milliseconds kMoment{100};
    void record(const Event& event);
    void write();
    void pass();
    void warn(const std::string& message);

    Runs& m_runs;
    RunId m_run = 0;
    const Sink& m_sink;
    Sink m_own;
    std::stop_token m_stop;
    std::vector<Metric> m_metrics;
    std::vector<Artifact> m_artifacts;
    std::vector<Event> m_held;
    std::int64_t m_step = 0, m_steps = 0;
    bool m_stepsChanged = false, m_saidHeld = false, m_saidWaiting = false;
    Clock::time_point m_due;
};

} // namespace engine
