// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/schedules.h"
#include "engine/error.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace engine {

const std::vector<ScheduleKind>& schedules() {
    static const std::vector<ScheduleKind> kinds{
        {"cosine", "half a cosine down to 0",
         [](double done, double) { return std::max(0.0, 0.5 * (1.0 + std::cos(std::numbers::pi * done))); }},
        {"linear", "a straight line down to 0", [](double, double left) { return std::max(0.0, left); }},
        {"constant", "the full rate to the end", [](double, double) { return 1.0; }},
    };
    return kinds;
}

std::vector<std::string> scheduleKeys() {
    std::vector<std::string> keys;
    for (const ScheduleKind& kind : schedules()) keys.push_back(kind.key);
    return keys;
}

std::string scheduleTitles() {
    std::string all;
    for (const ScheduleKind& kind : schedules()) all += (all.empty() ? "" : " ") + kind.key + ": " + kind.title + ".";
    return all;
}

Schedule::Schedule(const std::string& kind, double learningRate, double warmupRatio, std::int64_t steps)
    : m_rate(learningRate), m_warmup(static_cast<std::int64_t>(std::ceil(warmupRatio * static_cast<double>(steps)))),
      m_steps(steps) {
    std::string known;
    for (const ScheduleKind& one : schedules()) {
        if (one.key == kind) m_share = one.share;
        known += (known.empty() ? "" : ", ") + one.key;
    }
    if (!m_share) throw Error(ErrorCode::BadInput, "train.schedule \"" + kind + "\" is unknown.", "There are " + known + ".");
}

double Schedule::rate(std::int64_t step) const {
    if (step < m_warmup) return m_rate * static_cast<double>(step) / static_cast<double>(m_warmup);
    const auto rest = static_cast<double>(std::max<std::int64_t>(1, m_steps - m_warmup));
    return m_rate * m_share(static_cast<double>(step - m_warmup) / rest, static_cast<double>(m_steps - step) / rest);
}

} // namespace engine
