// SPDX-License-Identifier: GPL-3.0-or-later
// Reading runs, joining their rows, and listing what differs; the sentences are in verdict.cpp.
#include "ui/compare/comparison.h"

#include "ui/engine_text.h"
#include "ui/figures.h"
#include "ui/run_words.h"

#include <QCoreApplication>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <unordered_map>

namespace ui {
namespace {

struct Words {
    Q_DECLARE_TR_FUNCTIONS(ui::ComparePage)
};

const QString kNone = QStringLiteral("–");

std::optional<double> figureOf(const ComparedRun& run, const char* name) {
    for (const auto& [key, value] : run.detail.figures)
        if (key == name && value > 0) return value;
    return std::nullopt;
}

QString percentOf(double share) {
    return percent(share);
}
QString pointsOf(double share) {
    return signedPoints(share);
}
QString lossOf(double value) {
    return figure(value);
}
QString figureDifference(double value) {
    return signedFigure(value, 2);
}
QString rateOf(double value) {
    return figure(value, 3);
}
QString bytesOf(double value) {
    return byteSize(std::int64_t(value));
}
QString signedText(double value, const QString& size) {
    return value == 0 ? size : (value < 0 ? QChar(0x2212) : QLatin1Char('+')) + size;
}
QString bytesDifference(double value) {
    return signedText(value, byteSize(std::int64_t(std::abs(value))));
}
QString secondsDifference(double value) {
    return signedText(value, duration(std::abs(value)));
}

bool isRight(const ComparedRow::Answer& answer, int truth) {
    return answer.guess == truth;
}

RowFate fateOf(const ComparedRow& row) {
    const bool before = isRight(row.answers.front(), row.truth), after = isRight(row.answers.back(), row.truth);
    return before ? after ? RowFate::BothRight : RowFate::Broken : after ? RowFate::Fixed : RowFate::BothWrong;
}

/// A setting that only training reads says nothing of a baseline.
bool applies(const ComparedRun& run, const std::string& key) {
    if (run.detail.summary.kind != engine::RunKind::Baseline) return true;
    return !key.starts_with("lora.") && (!key.starts_with("train.") || key == "train.max_tokens");
}

bool allEqual(const QStringList& values) {
    return std::all_of(values.begin(), values.end(), [&](const QString& value) { return value == values.front(); });
}

} // namespace

Comparison::Comparison(const engine::Runs& store, const QList<engine::RunId>& ids) {
    for (const engine::RunId id : ids) {
        try {
            ComparedRun run;
            run.detail = store.detail(id);
            run.title = runTitle(run.detail.summary);
            m_runs.push_back(std::move(run));
        } catch (const engine::Error& error) {
            if (error.code() != engine::ErrorCode::NotFound) throw;
            continue;
        }
        try {
            m_runs.back().experiment = engine::parseExperiment(m_runs.back().detail.experimentYaml, "run", {});
        } catch (const engine::Error&) { // the settings still come from the recorded parameters
        }
    }
    joinRows(store);
}

QList<engine::RunId> Comparison::ids() const {
    QList<engine::RunId> ids;
    for (const ComparedRun& run : m_runs) ids << run.detail.summary.id;
    return ids;
}

void Comparison::joinRows(const engine::Runs& store) {
    if (m_runs.empty()) return;
    for (const ComparedRun& run : m_runs)
        if (!run.detail.report) {
            m_rowsProblem = Words::tr("Run %1 has no results yet.").arg(run.title);
            return;
        }
    const engine::RunDetail& first = m_runs.front().detail;
    const auto agree = [&](auto&& same) {
        return std::all_of(m_runs.begin(), m_runs.end(), [&](const ComparedRun& run) { return same(run.detail); });
    };
    if (!agree([&](const engine::RunDetail& run) { return run.report->confusion.labels == first.report->confusion.labels; })) {
        m_rowsProblem = Words::tr("These runs have different labels.");
        return;
    }
    for (const std::string& label : first.report->confusion.labels) m_labels << fromText(label);
    if (!agree([&](const engine::RunDetail& run) { return run.datasetSha256 == first.datasetSha256; })) {
        m_rowsProblem = Words::tr("These runs read different data, so their rows cannot be matched.");
        return;
    }
    std::unordered_map<std::int64_t, std::size_t> at;
    for (std::size_t i = 0; i < m_runs.size(); ++i) {
        for (engine::Prediction& p : store.predictions(m_runs[i].detail.summary.id)) {
            const double sure =
                p.guess && std::size_t(*p.guess) < p.probabilities.size() ? p.probabilities[std::size_t(*p.guess)] : -1;
            if (i == 0 && at.emplace(p.record, m_rows.size()).second)
                m_rows.push_back({p.record, p.truth, RowFate::BothRight, {}});
            const auto found = at.find(p.record);
            if (found == at.end()) continue;
            ComparedRow& row = m_rows[found->second];
            if (row.answers.size() == i) row.answers.push_back({p.guess, sure, std::move(p.rawText)});
        }
    }
    std::erase_if(m_rows,
                  [&](const ComparedRow& row) { return row.answers.size() != m_runs.size(); }); // tested by some of them only
    for (ComparedRow& row : m_rows) row.fate = fateOf(row);
    if (m_rows.empty()) m_rowsProblem = Words::tr("These runs were tested on different rows.");
}

std::int64_t Comparison::rowsOf(RowFate fate) const {
    return std::count_if(m_rows.begin(), m_rows.end(), [&](const ComparedRow& row) { return row.fate == fate; });
}

std::vector<MetricRow> Comparison::overall() const {
    std::vector<MetricRow> rows{{Words::tr("Accuracy"), {}, percentOf, pointsOf, 1},
                                {Words::tr("Macro F1"), {}, percentOf, pointsOf, 1},
                                {Words::tr("Eval loss"), {}, lossOf, figureDifference, -1},
                                {Words::tr("Training time"), {}, duration, secondsDifference, 0},
                                {Words::tr("Training, examples/s"), {}, rateOf, figureDifference, 0},
                                {Words::tr("Evaluation, examples/s"), {}, rateOf, figureDifference, 0},
                                {Words::tr("Peak memory"), {}, bytesOf, bytesDifference, 0}};
    for (const ComparedRun& run : m_runs) {
        const auto& report = run.detail.report;
        rows[0].values.push_back(report ? std::optional(report->accuracy) : std::nullopt);
        rows[1].values.push_back(report ? std::optional(report->macro_f1) : std::nullopt);
        rows[2].values.push_back(report && report->eval_loss ? report->eval_loss : run.detail.summary.eval_loss);
        rows[3].values.push_back(figureOf(run, "seconds_train"));
        rows[4].values.push_back(figureOf(run, "examples_per_second_train"));
        rows[5].values.push_back(figureOf(run, "examples_per_second_evaluate"));
        rows[6].values.push_back(figureOf(run, "peak_rss_bytes"));
    }
    std::erase_if(rows, [](const MetricRow& row) {
        return std::none_of(row.values.begin(), row.values.end(), [](const auto& value) { return value.has_value(); });
    });
    return rows;
}

std::vector<MetricRow> Comparison::perLabel() const {
    std::vector<MetricRow> rows;
    for (qsizetype label = 0; label < m_labels.size(); ++label) {
        const std::pair<QString, double engine::LabelScore::*> figures[]{{Words::tr("precision"), &engine::LabelScore::precision},
                                                                         {Words::tr("recall"), &engine::LabelScore::recall},
                                                                         {Words::tr("F1"), &engine::LabelScore::f1}};
        for (const auto& [name, member] : figures) {
            MetricRow row{QStringLiteral("%1 · %2").arg(m_labels[label], name), {}, percentOf, pointsOf, 1};
            for (const ComparedRun& run : m_runs) {
                const auto& scores = run.detail.report->per_label;
                row.values.push_back(std::size_t(label) < scores.size() ? std::optional(scores[std::size_t(label)].*member)
                                                                        : std::nullopt);
            }
            rows.push_back(std::move(row));
        }
    }
    return rows;
}

std::vector<SettingRow> Comparison::settings() const {
    std::vector<SettingRow> rows;
    if (m_runs.size() < 2) return rows;
    SettingRow what{{}, Words::tr("What ran"), {}};
    for (const ComparedRun& run : m_runs) what.values << kindWord(run.detail.summary.kind);
    if (!allEqual(what.values)) rows.push_back(what);

    if (std::all_of(m_runs.begin(), m_runs.end(), [](const ComparedRun& run) { return run.experiment.has_value(); })) {
        std::set<std::string> differing;
        for (const ComparedRun& run : m_runs)
            for (const engine::Difference& d : engine::diff(*m_runs.front().experiment, *run.experiment)) differing.insert(d.key);
        for (const engine::Field& field : engine::experimentFields()) {
            if (!differing.contains(field.key) || field.key == "name") continue;
            SettingRow row{fromText(field.key), fromText(field.title), {}};
            for (const ComparedRun& run : m_runs)
                row.values << (applies(run, field.key) ? fromText(field.get(*run.experiment)) : kNone);
            rows.push_back(row);
        }
        return rows;
    }
    std::vector<std::string> keys; // in the order in which runs have them
    std::map<std::string, QStringList> values;
    for (std::size_t i = 0; i < m_runs.size(); ++i)
        for (const auto& [key, value] : m_runs[i].detail.summary.params) {
            const auto [found, fresh] = values.try_emplace(key, QStringList(qsizetype(m_runs.size()), kNone));
            if (fresh) keys.push_back(key);
            found->second[qsizetype(i)] = fromText(value);
        }
    for (const std::string& key : keys)
        if (!allEqual(values[key])) rows.push_back({fromText(key), fromText(key), values[key]});
    return rows;
}

QList<engine::RunId> Comparison::newestPair(const engine::Runs& store) {
    std::optional<engine::RunId> trained, baseline, any;
    for (const engine::RunSummary& run : store.list()) { // newest first
        if (run.state != engine::RunState::Done || !run.accuracy) continue;
        if (!any) any = run.id;
        if (run.kind == engine::RunKind::Train && !trained) trained = run.id;
        if (run.kind == engine::RunKind::Baseline && !baseline) baseline = run.id;
    }
    if (!trained) return any ? QList<engine::RunId>{*any} : QList<engine::RunId>{};
    const engine::RunDetail detail = store.detail(*trained);
    engine::NewRun like;
    like.name = detail.summary.name;
    like.experimentYaml = detail.experimentYaml;
    like.params = detail.summary.params;
    like.datasetSha256 = detail.datasetSha256;
    like.modelSha256 = detail.modelSha256;
    like.versions = detail.versions;
    if (const auto matching = store.matchingBaseline(like)) return {*matching, *trained};
    if (baseline && store.detail(*baseline).datasetSha256 == detail.datasetSha256) return {*baseline, *trained};
    return {*trained};
}

} // namespace ui
