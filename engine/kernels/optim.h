// SPDX-License-Identifier: GPL-3.0-or-later
// The optimiser's inner loops over flat float buffers, vectorised as kernels.h says.
#pragma once
#include <cstdint>

namespace engine::kernels {

/// One AdamW update's constants, the same for all elements.
struct AdamStep {
    float gradientScale = 1;
    float beta1 = 0.9f, beta2 = 0.999f, oneLess1 = 0.1f, oneLess2 = 0.001f;
    float keep = 1;        // 1 - learning rate * weight decay
    float stepSize = 0;    // learning rate / (1 - beta1^t)
    float inverseRoot = 1; // 1 / sqrt(1 - beta2^t)
    float epsilon = 1e-8f;
};
/// m = b1 m + (1 - b1) g, v = b2 v + (1 - b2) g^2, p = keep p - stepSize m / (sqrt(v) inverseRoot + epsilon).
void adamStep(const AdamStep& step, const float* gradient, std::int64_t count, float* p, float* m, float* v);

/// Sum of squares in blocks of a fixed size, so that the result does not depend on how the buffer is divided among threads:
/// give every block of kSumBlock elements its own call.
constexpr std::int64_t kSumBlock = 8192;
double sumOfSquares(const float* x, std::int64_t count);

} // namespace engine::kernels
