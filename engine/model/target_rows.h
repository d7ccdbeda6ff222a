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

    /// Rows of `others` are among them too, whether or not they have targets.
    explicit TargetRows(const std::vector<Target>& targets, const std::vector<std::int64_t>& others = {});
    /// Place of a row that is among them.
    std::size_t place(std::int64_t row) const;
};

} // namespace engine
