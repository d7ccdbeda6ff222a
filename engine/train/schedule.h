// SPDX-License-Identifier: GPL-3.0-or-later
// The learning rate over the steps: transformers' get_{cosine,linear,constant}_schedule_with_warmup.
#pragma once
#include <cstdint>
#include <string>

namespace engine {

class Schedule {
public:
    /// kind: "cosine", "linear" or "constant"; the first ceil(warmupRatio * steps) steps climb from 0. Throws Error(BadInput).
    Schedule(const std::string& kind, double learningRate, double warmupRatio, std::int64_t steps);
    /// Of a step, 0-based.
    double rate(std::int64_t step) const;
    std::int64_t warmupSteps() const { return m_warmup; }

private:
    enum class Kind { Cosine, Linear, Constant };
    Kind m_kind = Kind::Cosine;
    double m_rate = 0;
    std::int64_t m_warmup = 0, m_steps = 0;
};

} // namespace engine
