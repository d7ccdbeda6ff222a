// SPDX-License-Identifier: GPL-3.0-or-later
// A log folder for TensorBoard: the run's curves, and its settings as text.
#include "engine/exports.h"
#include "engine/exports/event_file.h"
#include "engine/exports/series.h"
#include "engine/files/new_file.h"

#include <algorithm>

namespace engine {

namespace {

/// A cell of a Markdown table.
std::string cell(const std::string& text) {
    std::string out;
    for (const char c : text) out += c == '|' ? "\\|" : c == '\n' ? "<br>" : std::string(1, c);
    return out;
}

std::string settingsTable(const RunDetail& run) {
    std::string table = "| setting | value |\n| --- | --- |\n";
    for (const auto& [key, value] : run.summary.params) table += "| " + key + " | " + cell(value) + " |\n";
    return table;
}

struct Point {
    const std::string* tag;
    MetricPoint at;
};

std::vector<Point> inOrderOfTime(const std::vector<Series>& all) {
    std::vector<Point> points;
    for (const Series& series : all)
        for (const MetricPoint& point : series.points) points.push_back({&series.name, point});
    std::stable_sort(points.begin(), points.end(), [](const Point& a, const Point& b) { return a.at.wall < b.at.wall; });
    return points;
}

Exported writeTensorboard(const ExportRequest& request, const Sink&, std::stop_token) {
    const RunDetail& run = request.run;
    const double started = run.summary.started;
    EventFile events(started);
    events.text(started, "settings", settingsTable(run));
    const std::vector<Series> all = seriesOf(run);
    const std::vector<Point> points = inOrderOfTime(all);
    for (const Point& p : points) events.scalar(p.at.wall, p.at.step, *p.tag, static_cast<float>(p.at.value));

    NewFolder folder(request.out);
    NewFile file(folder.path() / ("events.out.tfevents." + std::to_string(static_cast<std::int64_t>(started)) + ".phibench.run-" +
                                  std::to_string(run.summary.id)));
    file.write(events.bytes());
    file.commit();
    folder.commit();
    return {.path = request.out,
            .notes = {std::to_string(points.size()) + " values of " + std::to_string(all.size()) +
                      " curves. Open it with: tensorboard --logdir " + request.out.string()},
            .facts = {{"values", static_cast<std::int64_t>(points.size())}, {"curves", static_cast<std::int64_t>(all.size())}}};
}

} // namespace

Exporter tensorboardExporter() {
    return {.key = "tensorboard",
            .title = "TensorBoard",
            .help = "curves and settings, a log folder for TensorBoard",
            .suffix = "-tensorboard",
            .needs = {},
            .options = {},
            .write = writeTensorboard};
}

} // namespace engine
