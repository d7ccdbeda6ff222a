// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/train/optim.h"
#include "engine/kernels/optim.h"

#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <algorithm>
#include <cmath>

namespace engine {

double euclideanNorm(const at::Tensor& flat) {
    const float* x = flat.const_data_ptr<float>();
    const std::int64_t count = flat.numel(), blocks = (count + kernels::kSumBlock - 1) / kernels::kSumBlock;
    std::vector<double> sums(static_cast<std::size_t>(blocks));
    at::parallel_for(0, blocks, 8, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t block = begin; block < end; ++block) {
            const std::int64_t first = block * kernels::kSumBlock;
            sums[static_cast<std::size_t>(block)] = kernels::sumOfSquares(x + first, std::min(kernels::kSumBlock, count - first));
        }
    });
    double total = 0;
    for (double sum : sums) total += sum;
    return std::sqrt(total);
}

AdamW::AdamW(Lora& lora, double weightDecay)
    : m_lora(lora), m_weightDecay(weightDecay), m_first(at::zeros_like(lora.values())), m_second(at::zeros_like(lora.values())) {
    const at::Tensor values = lora.values();
    const float* base = values.const_data_ptr<float>();
    for (const Parameter& parameter : lora.parameters()) {
        const std::int64_t begin = parameter.value.const_data_ptr<float>() - base;
        const Range range{begin, begin + parameter.value.numel(), parameter.decay};
        if (!m_ranges.empty() && m_ranges.back().end == begin && m_ranges.back().decay == range.decay)
            m_ranges.back().end = range.end;
        else
            m_ranges.push_back(range);
    }
}

void AdamW::step(double learningRate, double gradientScale) {
    ++m_steps;
    const auto t = static_cast<double>(m_steps);
    kernels::AdamStep constants;
    constants.gradientScale = static_cast<float>(gradientScale);
    constants.beta1 = static_cast<float>(kBeta1);
    constants.beta2 = static_cast<float>(kBeta2);
    constants.oneLess1 = static_cast<float>(1 - kBeta1);
    constants.oneLess2 = static_cast<float>(1 - kBeta2);
    constants.stepSize = static_cast<float>(learningRate / (1 - std::pow(kBeta1, t)));
    constants.inverseRoot = static_cast<float>(1 / std::sqrt(1 - std::pow(kBeta2, t)));
    constants.epsilon = static_cast<float>(kEpsilon);
    const at::Tensor values = m_lora.values(), gradients = m_lora.gradients();
    float *p = values.mutable_data_ptr<float>(), *m = m_first.mutable_data_ptr<float>(), *v = m_second.mutable_data_ptr<float>();
    const float* g = gradients.const_data_ptr<float>();
    for (const Range& range : m_ranges) {
        constants.keep = static_cast<float>(range.decay ? 1 - learningRate * m_weightDecay : 1.0);
        at::parallel_for(range.begin, range.end, 65536, [&](std::int64_t begin, std::int64_t end) {
            kernels::adamStep(constants, g + begin, end - begin, p + begin, m + begin, v + begin);
        });
    }
    m_lora.touch();
}

} // namespace engine
