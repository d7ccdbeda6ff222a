// SPDX-License-Identifier: GPL-3.0-or-later
// Tables of the angles that positions turn queries and keys by.
#pragma once
#include "engine/architecture/architecture.h"

#include <ATen/core/Tensor.h>
#include <vector>

namespace engine {

/// [positions, dims / 2] float, as the models were trained.
struct RotaryTable {
    at::Tensor cos, sin;
};

/// A decoder's tables, as long as texts have been so far.
class RotaryTables {
public:
    RotaryTables(const DecoderConfig& config, at::Device device);
    /// By DecoderConfig::rotary, for a pass whose largest position is `last`: LongRope chooses its factors by it, as transformers
    /// does. They stay good until the next call.
    const std::vector<RotaryTable>& of(std::int64_t last);

private:
    const DecoderConfig& m_config;
    at::Device m_device;
    std::int64_t m_positions = 0;
    std::vector<bool> m_long; // of each, whether it is made of LongRope's long factors
    std::vector<RotaryTable> m_tables;
};

/// What each pair of dims turns by from one position to the next [dims / 2], float. `longFactors`: of LongRope.
at::Tensor rotaryFrequencies(const Rotary& rotary, bool longFactors);

} // namespace engine
