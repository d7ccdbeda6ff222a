// SPDX-License-Identifier: GPL-3.0-or-later
// A self-contained page about a run, beside its baseline if there is one. All that comes from data is escaped.
#include "engine/compare.h"
#include "engine/error.h"
#include "engine/exports.h"
#include "engine/files/new_file.h"
#include "engine/words/numbers.h"

#include <numeric>

namespace engine {

namespace {

constexpr const char* kStyle =
    "body{font:15px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:#1b2530;"
    "font-variant-numeric:tabular-nums}"
    "table{border-collapse:collapse}th,td{padding:.3rem .7rem;text-align:right;border:1px solid #d5dbe1}"
    "th:first-child{text-align:left}td.right{font-weight:600}small{display:block;color:#46525e}"
    "figure{display:inline-block;margin:0 2rem 1rem 0;vertical-align:top}pre{background:#f3f5f7;padding:1rem;overflow:auto}";

std::string escaped(const std::string& text) {
    std::string out;
    for (const char c : text) {
        switch (c) {
        case '<': out += "&lt;"; break;
        case '>': out += "&gt;"; break;
        case '&': out += "&amp;"; break;
        case '"': out += "&quot;"; break;
        default: out += c;
        }
    }
    return out;
}

std::string matrix(const std::string& title, const Report& report) {
    const ConfusionMatrix& m = report.confusion;
    std::string html = "<figure><figcaption>" + escaped(title) + ": " + briefText(measured(report), ", ") +
                       "</figcaption><table><tr><th>truth \\ guess</th>";
    for (const std::string& label : m.labels) html += "<th>" + escaped(label) + "</th>";
    html += "<th>no answer</th></tr>";
    for (std::size_t i = 0; i < m.counts.size(); ++i) {
        const auto sum = std::accumulate(m.counts[i].begin(), m.counts[i].end(), std::int64_t{0});
        html += "<tr><th>" + escaped(m.labels[i]) + "</th>";
        for (std::size_t j = 0; j < m.counts[i].size(); ++j) {
            const double share = sum > 0 ? static_cast<double>(m.counts[i][j]) / static_cast<double>(sum) : 0;
            html += "<td" + std::string(i == j ? " class=right" : "") + " style=\"background:rgba(38,103,166," +
                    numberText(0.7 * share, 3) + ")\">" + std::to_string(m.counts[i][j]) + "<small>" +
                    numberText(100 * share, 0) + " %</small></td>";
        }
        html += "</tr>";
    }
    return html + "</table></figure>";
}

/// Every measure of the runs, and of two how the second differs.
std::string measureTable(const Comparison& both) {
    std::string html = "<h2>Measures</h2><table><tr><th></th>";
    for (const ComparedRun& run : both.runs)
        html += "<th>run " + std::to_string(run.detail.summary.id) + ", " + wordOf(run.detail.summary.kind) + "</th>";
    html += both.isPair() ? "<th>difference</th></tr>" : "</tr>";
    for (const MeasureRow& row : both.measures) {
        const Unit unit = row.measure->unit;
        html += "<tr><th>" + escaped(row.measure->title) + "</th>";
        for (const std::optional<double>& value : row.values) html += "<td>" + (value ? valueText(unit, *value) : "") + "</td>";
        if (both.isPair())
            html += "<td>" +
                    (row.values[0] && row.values[1] ? differenceText(unit, *row.values[1] - *row.values[0]) : std::string()) +
                    "</td>";
        html += "</tr>";
    }
    return html + "</table>";
}

std::string fateSentence(const Comparison& both) {
    if (!both.isPair() || both.rows.empty()) return {};
    const auto rows = [&](RowFate fate) { return std::to_string(both.rowsOf(fate)); };
    std::string text = " Of " + counted(std::ssize(both.rows), "test row") + " " + rows(RowFate::Fixed) + " were fixed and " +
                       rows(RowFate::Broken) + " broken; " + rows(RowFate::BothRight) + " stayed right, " +
                       rows(RowFate::BothWrong) + " wrong.";
    if (const std::optional<double> chance = both.chance())
        text += " The chance of so uneven a count, were both equally good, is " + numberText(*chance, 4) + " (McNemar).";
    return text;
}

std::string page(const Runs& runs, const RunDetail& run) {
    const std::optional<RunId> baseline = run.summary.kind == RunKind::Baseline ? std::nullopt : runs.matchingBaseline(run);
    std::vector<RunId> ids{run.summary.id};
    if (baseline && runs.detail(*baseline).report) ids.insert(ids.begin(), *baseline);
    const Comparison both = compare(runs, ids);
    std::string html = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>" + escaped(run.summary.name) +
                       "</title><style>" + kStyle + "</style><h1>" + escaped(run.summary.name) + "</h1><p>Run " +
                       std::to_string(run.summary.id) + ", " + wordOf(run.summary.kind) + ", " +
                       counted(run.report->examples, "test example") + ".";
    std::string before;
    if (both.isPair()) {
        const Report& other = *both.runs.front().detail.report;
        html += " Accuracy " + differenceText(Unit::Share, run.report->accuracy - other.accuracy) +
                " against the model as it was." + fateSentence(both);
        before = matrix("before", other);
    }
    return html + "</p>" + before + matrix(before.empty() ? "result" : "after", *run.report) + measureTable(both) +
           "<h2>Per label</h2><pre>" + escaped(classificationReport(*run.report)) + "</pre><h2>Settings</h2><pre>" +
           escaped(run.experimentYaml) + "</pre><h2>Versions</h2><pre>" + escaped(run.versions) + "\ndata " +
           escaped(run.datasetSha256) + "\nmodel " + escaped(run.modelSha256) + "</pre></html>\n";
}

Exported writeHtml(const ExportRequest& request, const Sink&, std::stop_token) {
    const std::string text = page(request.runs, request.run);
    NewFile file(request.out);
    file.write(text);
    file.commit();
    return {.path = request.out, .notes = {}, .facts = {}};
}

} // namespace

Exporter htmlExporter() {
    return {.key = "html",
            .title = "Page",
            .help = "results, beside the baseline's, and settings, a page to send to somebody",
            .suffix = ".html",
            .needs = {.predictions = true},
            .options = {},
            .makes = Makes::File,
            .write = writeHtml};
}

} // namespace engine
