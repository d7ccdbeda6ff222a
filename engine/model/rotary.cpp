// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/rotary.h"
#include "engine/architecture/row_bytes.h"

#include <ATen/Functions.h>
#include <algorithm>
#include <cmath>
#include <numbers>

namespace engine {

namespace {

at::Tensor floats(const std::vector<double>& values) {
    at::Tensor t = at::empty({std::ssize(values)}, at::kDouble);
    std::copy(values.begin(), values.end(), t.data_ptr<double>());
    return t.to(at::kFloat);
}

/// Long waves are divided, short ones not, and those between in part (transformers' rope type llama3).
at::Tensor llama3(const at::Tensor& inverse, const RotaryScaling& s) {
    const auto context = static_cast<double>(s.originalContext);
    const double longest = context / s.lowFrequencyFactor, shortest = context / s.highFrequencyFactor;
    const at::Tensor wave = 2 * std::numbers::pi / inverse;
    const at::Tensor share = (context / wave - s.lowFrequencyFactor) / (s.highFrequencyFactor - s.lowFrequencyFactor);
    const at::Tensor between = (1 - share) * inverse / s.factor + share * inverse;
    const at::Tensor ends = at::where(at::gt(wave, longest), inverse / s.factor, inverse);
    return at::where(at::logical_and(at::ge(wave, shortest), at::le(wave, longest)), between, ends);
}

bool hasLongFactors(const Rotary& rotary) {
    return rotary.scaling.kind == RotaryScaling::Kind::LongRope;
}

} // namespace

at::Tensor rotaryFrequencies(const Rotary& rotary, bool longFactors) {
    const at::Tensor steps = at::arange(0, rotary.dims, 2, at::kFloat) / static_cast<double>(rotary.dims);
    const at::Tensor inverse = 1.0 / at::pow(rotary.theta, steps);
    const RotaryScaling& s = rotary.scaling;
    switch (s.kind) {
    case RotaryScaling::Kind::None: return inverse;
    case RotaryScaling::Kind::Linear: return inverse / s.factor;
    case RotaryScaling::Kind::Llama3: return llama3(inverse, s);
    case RotaryScaling::Kind::Given: return inverse / floats(s.factors);
    case RotaryScaling::Kind::LongRope: break;
    }
    return 1.0 / (floats(longFactors ? s.longFactors : s.shortFactors) * at::pow(rotary.theta, steps));
}

RotaryTables::RotaryTables(const DecoderConfig& config, at::Device device)
    : m_config(config), m_device(device), m_positions(std::min(config.max_positions, kRotaryPositions)) {}

const std::vector<RotaryTable>& RotaryTables::of(std::int64_t last) {
    if (last >= m_positions) {
        m_positions = std::max(last + 1, std::min(m_config.max_positions, 2 * m_positions));
        m_tables.clear();
    }
    const auto isLong = [&](const Rotary& rotary) { return hasLongFactors(rotary) && last + 1 > rotary.scaling.originalContext; };
    std::vector<bool> lengths;
    for (const Rotary& rotary : m_config.rotary) lengths.push_back(isLong(rotary));
    if (m_tables.empty() || lengths != m_long) {
        m_long = lengths;
        m_tables.clear();
        for (std::size_t i = 0; i < lengths.size(); ++i) {
            const Rotary& rotary = m_config.rotary[i];
            const at::Tensor angles = at::outer(at::arange(m_positions, at::kFloat), rotaryFrequencies(rotary, lengths[i]));
            const double factor = rotary.scaling.attentionFactor;
            const auto made = [&](const at::Tensor& t) { return (factor == 1 ? t : t * factor).contiguous().to(m_device); };
            m_tables.push_back({made(at::cos(angles)), made(at::sin(angles))});
        }
    }
    return m_tables;
}

} // namespace engine
