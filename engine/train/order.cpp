// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/train/order.h"
#include "engine/error.h"
#include "engine/kernels/random.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace engine {

BatchOrder::BatchOrder(std::size_t samples, std::int64_t batchSize, double epochs, std::uint64_t seed)
    : m_samples(samples), m_batchSize(static_cast<std::size_t>(batchSize)), m_seed(seed) {
    if (samples == 0) throw Error(ErrorCode::BadInput, "There is no example to train on.", "Raise data.split.train_per_label.");
    if (batchSize < 1)
        throw Error(ErrorCode::BadInput, "train.batch_size is " + std::to_string(batchSize) + ".", "Use 1 or more.");
    m_stepsPerEpoch = static_cast<std::int64_t>((samples + m_batchSize - 1) / m_batchSize);
    const double steps = std::ceil(epochs * static_cast<double>(m_stepsPerEpoch));
    if (!(steps >= 1) || steps > 1e12)
        throw Error(ErrorCode::BadInput, "train.epochs is " + std::to_string(epochs) + ".", "Use a number over 0.");
    m_steps = static_cast<std::int64_t>(steps);
}

std::vector<std::size_t> BatchOrder::batch(std::int64_t step) {
    const std::int64_t epoch = step / m_stepsPerEpoch;
    if (epoch != m_epoch) {
        m_order.resize(m_samples);
        std::iota(m_order.begin(), m_order.end(), std::size_t{0});
        Random random(mixed(m_seed, static_cast<std::uint64_t>(epoch)));
        for (std::size_t left = m_samples; left > 1; --left) std::swap(m_order[left - 1], m_order[random.below(left)]);
        m_epoch = epoch;
    }
    const std::size_t begin = static_cast<std::size_t>(step % m_stepsPerEpoch) * m_batchSize;
    const std::size_t end = std::min(m_samples, begin + m_batchSize);
    return {m_order.begin() + static_cast<std::ptrdiff_t>(begin), m_order.begin() + static_cast<std::ptrdiff_t>(end)};
}

double BatchOrder::epochAfter(std::int64_t steps) const {
    const std::int64_t whole = steps / m_stepsPerEpoch;
    const auto into = static_cast<double>(std::min(m_samples, static_cast<std::size_t>(steps % m_stepsPerEpoch) * m_batchSize));
    return static_cast<double>(whole) + into / static_cast<double>(m_samples);
}

} // namespace engine
