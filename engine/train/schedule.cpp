// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/train/schedule.h"
#include "engine/error.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace engine {

Schedule::Schedule(const std::string& kind, double learningRate, double warmupRatio, std::int64_t steps)
    : m_rate(learningRate), m_steps(steps) {
    if (kind == "cosine")
        m_kind = Kind::Cosine;
    else if (kind == "linear")
        m_kind = Kind::Linear;
    else if (kind == "constant")
        m_kind = Kind::Constant;
    else
        throw Error(ErrorCode::BadInput, "train.schedule \"" + kind + "\" is unknown.", "Use cosine, linear or constant.");
    m_warmup = static_cast<std::int64_t>(std::ceil(warmupRatio * static_cast<double>(steps)));
}

double Schedule::rate(std::int64_t step) const {
    if (step < m_warmup) return m_rate * static_cast<double>(step) / static_cast<double>(m_warmup);
    const auto rest = static_cast<double>(std::max<std::int64_t>(1, m_steps - m_warmup));
    const double done = static_cast<double>(step - m_warmup) / rest;
    switch (m_kind) {
    case Kind::Cosine: return m_rate * std::max(0.0, 0.5 * (1.0 + std::cos(std::numbers::pi * done)));
    case Kind::Linear: return m_rate * std::max(0.0, static_cast<double>(m_steps - step) / rest);
    case Kind::Constant: break;
    }
    return m_rate;
}

} // namespace engine
