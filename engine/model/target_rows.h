// SPDX-License-Identifier: GPL-3.0-or-later
// Targets by row.
#pragma once
#include "engine/model/pack.h"

#include <cstddef>

namespace engine {

/// Distinct rows in order, and each row's slice of the targets: [begin[i], begin[i + 1]).
struct TargetRows {
    std::vector<std::int64_t> rows, begin;
    std::vector<std::int32_t> tokens;
    std::vector<float> weights;
    std::vector<std::size_t> origin; // place in the caller's list

    explicit TargetRows(const std::vector<Target>& targets);
};

} // namespace engine
