// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli_html.h"
#include "app/cli_output.h"

#include <numeric>

namespace app {

namespace {

using namespace engine;

std::string escaped(const std::string& text) {
    std::string out;
    for (const char c : text) {
        if (c == '<')
            out += "&lt;";
        else if (c == '>')
            out += "&gt;";
        else if (c == '&')
            out += "&amp;";
        else if (c == '"')
            out += "&quot;";
        else
            out += c;
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
            const double share = sum > 0 ? double(m.counts[i][j]) / double(sum) : 0;
            html += "<td" + std::string(i == j ? " class=right" : "") + " style=\"background:rgba(38,103,166," +
                    numberText(0.7 * share, 3) + ")\">" + std::to_string(m.counts[i][j]) + "<small>" +
                    numberText(100 * share, 0) + " %</small></td>";
        }
        html += "</tr>";
    }
    return html + "</table></figure>";
}

} // namespace

std::string htmlReport(const Runs& runs, const RunDetail& run) {
    if (!run.report)
        throw Error(ErrorCode::BadInput,
                    "Run " + std::to_string(run.summary.id) + " was not evaluated: there is nothing to report.");
    std::string html = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>" + escaped(run.summary.name) +
                       "</title><style>body{font:15px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 "
                       "1rem;color:#1b2530;font-variant-numeric:tabular-nums}"
                       "table{border-collapse:collapse}th,td{padding:.3rem .7rem;text-align:right;border:1px solid "
                       "#d5dbe1}th:first-child{text-align:left}"
                       "td.right{font-weight:600}small{display:block;color:#46525e}figure{display:inline-block;margin:0 2rem "
                       "1rem 0;vertical-align:top}"
                       "pre{background:#f3f5f7;padding:1rem;overflow:auto}</style><h1>" +
                       escaped(run.summary.name) + "</h1><p>Run " + std::to_string(run.summary.id) + ", " +
                       toString(run.summary.kind) + ", " + std::to_string(run.report->examples) + " test examples.";
    const std::optional<RunId> baseline = run.summary.kind == RunKind::Baseline ? std::nullopt : runs.matchingBaseline(run);
    std::string before;
    if (baseline) {
        const RunDetail other = runs.detail(*baseline);
        if (other.report) {
            html += " Accuracy " + differenceText(Unit::Share, run.report->accuracy - other.report->accuracy) +
                    " against the model as it was.";
            before = matrix("before", *other.report);
        }
    }
    html += "</p>" + before + matrix(before.empty() ? "result" : "after", *run.report) + "<h2>Per label</h2><pre>" +
            escaped(classificationReport(*run.report)) + "</pre><h2>Settings</h2><pre>" + escaped(run.experimentYaml) +
            "</pre><h2>Versions</h2><pre>" + escaped(run.versions) + "\ndata " + run.datasetSha256 + "\nmodel " +
            run.modelSha256 + "</pre></html>\n";
    return html;
}

} // namespace app
