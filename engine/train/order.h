// SPDX-License-Identifier: GPL-3.0-or-later
// Which samples each step trains on: a function of the seed and the step alone, so that a resumed training needs no generator's
// state.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace engine {

/// Every epoch is a permutation of its own, cut into batches; the last, smaller one is kept. A last part of an epoch is
/// counted in whole steps, rounded up, as transformers does.
class BatchOrder {
public:
    BatchOrder(std::size_t samples, std::int64_t batchSize, double epochs, std::uint64_t seed);
    std::int64_t steps() const { return m_steps; }
    std::int64_t stepsPerEpoch() const { return m_stepsPerEpoch; }
    /// Sample numbers of a step, 0-based.
    std::vector<std::size_t> batch(std::int64_t step);
    /// Epochs completed once `steps` steps are done.
    double epochAfter(std::int64_t steps) const;

private:
    std::size_t m_samples = 0, m_batchSize = 1;
    std::int64_t m_stepsPerEpoch = 0, m_steps = 0;
    std::uint64_t m_seed = 0;
    std::int64_t m_epoch = -1; // of m_order
    std::vector<std::size_t> m_order;
};

} // namespace engine
