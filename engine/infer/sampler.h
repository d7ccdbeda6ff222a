// SPDX-License-Identifier: GPL-3.0-or-later
// The next token out of a row of logits.
#pragma once
#include "engine/jobs.h"
#include "engine/kernels/random.h"

#include <cstdint>
#include <vector>

namespace engine {

/// The token with the highest logit, the first of several.
std::int32_t greedy(const float* logits, std::int64_t count);

/// Temperature, then top-k, then top-p, as transformers orders them. The same seed and logits give the same tokens.
class Sampler {
public:
    /// Throws Error(BadInput) for a setting out of range.
    explicit Sampler(const GenerateOptions& options);
    /// Throws Error(BadInput) for a logit that is not finite.
    std::int32_t pick(const float* logits, std::int64_t count);

private:
    struct Candidate {
        float logit;
        std::int32_t token;
    };

    GenerateOptions m_options;
    Random m_random;
    std::vector<Candidate> m_candidates;
};

} // namespace engine
