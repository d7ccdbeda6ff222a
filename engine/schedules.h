// SPDX-License-Identifier: GPL-3.0-or-later
// How the learning rate goes over the steps of a training: the one list of schedules.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace engine {

struct ScheduleKind {
    std::string key;   // "cosine"
    std::string title; // "half a cosine down to 0"
    /// The share of the full rate after the warm-up; done and left: the shares of the steps after it that lie behind and ahead.
    double (*share)(double done, double left);
};
/// Every schedule, as the form offers them.
const std::vector<ScheduleKind>& schedules();
std::vector<std::string> scheduleKeys();
/// "cosine: half a cosine down to 0. linear: …", for the setting's help.
std::string scheduleTitles();

/// The learning rate of each step: transformers' get_{cosine,linear,constant}_schedule_with_warmup.
class Schedule {
public:
    /// kind: a key of schedules(); the first ceil(warmupRatio * steps) steps climb from 0. Throws Error(BadInput).
    Schedule(const std::string& kind, double learningRate, double warmupRatio, std::int64_t steps);
    /// Of a step, 0-based.
    double rate(std::int64_t step) const;
    std::int64_t warmupSteps() const { return m_warmup; }

private:
    double (*m_share)(double done, double left) = nullptr;
    double m_rate = 0;
    std::int64_t m_warmup = 0, m_steps = 0;
};

} // namespace engine
