// SPDX-License-Identifier: GPL-3.0-or-later
// What can be asked of an exporter without running it.
#include "engine/error.h"
#include "engine/exports.h"

#include <algorithm>

namespace engine {

const Exporter& exporterNamed(const std::vector<Exporter>& list, const std::string& key) {
    const auto found = std::find_if(list.begin(), list.end(), [&](const Exporter& exporter) { return exporter.key == key; });
    if (found != list.end()) return *found;
    std::string known;
    for (const Exporter& exporter : list) known += (known.empty() ? "" : ", ") + exporter.key;
    throw Error(ErrorCode::BadInput, "A run cannot be exported as \"" + key + "\".", "Known formats: " + known + ".");
}

void requireExportable(const Exporter& exporter, const RunDetail& run) {
    if (exporter.needs.adapter) static_cast<void>(adapterFolder(run));
    if (exporter.needs.predictions && !run.report)
        throw Error(ErrorCode::BadInput,
                    "Run " + std::to_string(run.summary.id) + " has no predictions: it was not evaluated to its end.");
}

std::string exportName(const Exporter& exporter, RunId run) {
    return "run-" + std::to_string(run) + exporter.suffix;
}

} // namespace engine
