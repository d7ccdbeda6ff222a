// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/target_rows.h"

#include <algorithm>
#include <numeric>

namespace engine {

TargetRows::TargetRows(const std::vector<Target>& targets) : origin(targets.size()) {
    std::iota(origin.begin(), origin.end(), std::size_t{0});
    std::stable_sort(origin.begin(), origin.end(), [&](std::size_t a, std::size_t b) { return targets[a].row < targets[b].row; });
    for (const std::size_t i : origin) {
        const Target& target = targets[i];
        if (rows.empty() || rows.back() != target.row) {
            rows.push_back(target.row);
            begin.push_back(static_cast<std::int64_t>(tokens.size()));
        }
        tokens.push_back(target.token);
        weights.push_back(target.weight);
    }
    begin.push_back(static_cast<std::int64_t>(tokens.size()));
}

} // namespace engine
