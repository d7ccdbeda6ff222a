// SPDX-License-Identifier: GPL-3.0-or-later
// What a run was measured by, as curves: other programs draw what they are given.
#pragma once
#include "engine/store/runs.h"

#include <string>
#include <vector>

namespace engine {

struct Series {
    std::string name;
    std::vector<MetricPoint> points;
};

/// The metrics that were recorded while it ran, then each measure that has no curve as one point at the last step, when it ended.
std::vector<Series> seriesOf(const RunDetail& run);

} // namespace engine
