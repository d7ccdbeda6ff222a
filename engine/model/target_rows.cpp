// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/target_rows.h"

#include <algorithm>
#include <numeric>

namespace engine {

TargetRows::TargetRows(const std::vector<Target>& targets, const std::vector<std::int64_t>& others)
    : rows(others), origin(targets.size()) {
    std::iota(origin.begin(), origin.end(), std::size_t{0});
    std::stable_sort(origin.begin(), origin.end(), [&](std::size_t a, std::size_t b) { return targets[a].row < targets[b].row; });
    for (const Target& target : targets) rows.push_back(target.row);
    std::sort(rows.begin(), rows.end());
    rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
    for (const std::int64_t row : rows) {
        begin.push_back(static_cast<std::int64_t>(tokens.size()));
        for (std::size_t next = tokens.size(); next < origin.size() && targets[origin[next]].row == row; ++next) {
            tokens.push_back(targets[origin[next]].token);
            weights.push_back(targets[origin[next]].weight);
        }
    }
    begin.push_back(static_cast<std::int64_t>(tokens.size()));
}

std::size_t TargetRows::place(std::int64_t row) const {
    return static_cast<std::size_t>(std::lower_bound(rows.begin(), rows.end(), row) - rows.begin());
}

} // namespace engine
