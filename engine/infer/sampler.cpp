// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/infer/sampler.h"
#include "engine/infer/finite.h"
#include "engine/kernels/kernels.h"

#include <algorithm>
#include <cmath>

namespace engine {

std::int32_t greedy(const float* logits, std::int64_t count) {
    return static_cast<std::int32_t>(std::max_element(logits, logits + count) - logits);
}

Sampler::Sampler(const GenerateOptions& options) : m_options(options), m_random(mixed(options.seed, 0x5A)) {
    const auto need = [](bool ok, const std::string& what, const std::string& hint) {
        if (!ok) throw Error(ErrorCode::BadInput, what, hint);
    };
    need(options.temperature >= 0 && options.temperature <= 100,
         "The temperature is " + std::to_string(options.temperature) + ".", "Use 0 (greedy) to 100; 0.7 is usual.");
    need(options.topK >= 0, "top-k is " + std::to_string(options.topK) + ".",
         "Use 0 for all tokens, or how many of the likeliest to choose from.");
    need(options.topP > 0 && options.topP <= 1, "top-p is " + std::to_string(options.topP) + ".",
         "Use a number over 0, up to 1.");
    need(options.maxNewTokens >= 1, "The number of new tokens is " + std::to_string(options.maxNewTokens) + ".",
         "Use 1 or more.");
}

std::int32_t Sampler::pick(const float* logits, std::int64_t count) {
    if (kernels::firstNotFinite(logits, count, kernels::Scalar::F32) >= 0) refuseNotFinite("for the next token");
    if (m_options.temperature == 0) return greedy(logits, count);
    m_candidates.resize(static_cast<std::size_t>(count));
    for (std::int64_t i = 0; i < count; ++i)
        m_candidates[static_cast<std::size_t>(i)] = {logits[i], static_cast<std::int32_t>(i)};
    const auto likelier = [](const Candidate& a, const Candidate& b) {
        return a.logit != b.logit ? a.logit > b.logit : a.token < b.token;
    };
    if (m_options.topK > 0 && m_options.topK < count) {
        std::nth_element(m_candidates.begin(), m_candidates.begin() + m_options.topK, m_candidates.end(), likelier);
        m_candidates.resize(static_cast<std::size_t>(m_options.topK));
    }
    const float top = std::min_element(m_candidates.begin(), m_candidates.end(), likelier)->logit;
    const auto weight = [&](const Candidate& c) {
        return std::exp((static_cast<double>(c.logit) - static_cast<double>(top)) / m_options.temperature);
    };
    double total = 0;
    for (const Candidate& candidate : m_candidates) total += weight(candidate);

    std::size_t kept = m_candidates.size();
    if (m_options.topP < 1) {
        // Few tokens make up most of the mass, so the order is found piece by piece.
        const double wanted = m_options.topP * total;
        double mass = 0;
        std::size_t sorted = 0;
        for (kept = 0; kept < m_candidates.size() && mass < wanted; ++kept) {
            if (kept == sorted) {
                sorted = std::min(m_candidates.size(), std::max<std::size_t>(64, sorted * 4));
                const auto from = m_candidates.begin() + static_cast<std::ptrdiff_t>(kept);
                std::partial_sort(from, m_candidates.begin() + static_cast<std::ptrdiff_t>(sorted), m_candidates.end(), likelier);
            }
            mass += weight(m_candidates[kept]);
        }
        total = mass;
    }
    double rest = m_random.uniform() * total;
    for (std::size_t i = 0; i < kept; ++i) {
        rest -= weight(m_candidates[i]);
        if (rest < 0) return m_candidates[i].token;
    }
    return std::min_element(m_candidates.begin(), m_candidates.begin() + static_cast<std::ptrdiff_t>(kept), likelier)->token;
}

} // namespace engine
