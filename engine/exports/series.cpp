// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exports/series.h"
#include "engine/measures.h"

#include <algorithm>

namespace engine {

std::vector<Series> seriesOf(const RunDetail& run) {
    std::vector<Series> all;
    for (const auto& [name, points] : run.metrics) all.push_back({name, points});
    const RunSummary& s = run.summary;
    const double end = s.finished > 0 ? s.finished : s.started;
    const auto isThere = [&](const std::string& name) {
        return std::any_of(all.begin(), all.end(), [&](const Series& series) { return series.name == name; });
    };
    for (const Measure& measure : measures())
        if (const auto value = s.measured.of(measure); value && !isThere(measure.key))
            all.push_back({measure.key, {{s.step, *value, end}}});
    return all;
}

} // namespace engine
