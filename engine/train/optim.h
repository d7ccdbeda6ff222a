// SPDX-License-Identifier: GPL-3.0-or-later
// AdamW (Loshchilov & Hutter 2019) as torch.optim.AdamW computes it, over an adapter's flat buffers.
#pragma once
#include "engine/model/lora.h"

#include <ATen/core/Tensor.h>
#include <vector>

namespace engine {

/// L2 norm of a flat buffer; the same bits for any number of threads. Not finite when any element is not.
double euclideanNorm(const at::Tensor& flat);

class AdamW {
public:
    static constexpr double kBeta1 = 0.9, kBeta2 = 0.999, kEpsilon = 1e-8;

    AdamW(Lora& lora, double weightDecay);
    /// One update with the adapter's gradients times gradientScale; tells the adapter that its values changed.
    void step(double learningRate, double gradientScale);

    std::int64_t steps() const { return m_steps; }
    void setSteps(std::int64_t steps) { m_steps = steps; }
    /// First and second moments, [P] float32 as Lora::values().
    at::Tensor first() const { return m_first; }
    at::Tensor second() const { return m_second; }

private:
    struct Range {
        std::int64_t begin = 0, end = 0;
        bool decay = true;
    };

    Lora& m_lora;
    double m_weightDecay = 0;
    std::int64_t m_steps = 0;
    at::Tensor m_first, m_second;
    std::vector<Range> m_ranges; // of the flat buffer
};

} // namespace engine
