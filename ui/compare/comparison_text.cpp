// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/compare/comparison_text.h"

#include "ui/engine_text.h"
#include "ui/figures.h"
#include "ui/measure_text.h"
#include "ui/run_words.h"

#include <QCoreApplication>

#include <algorithm>

namespace ui {

using engine::ComparedRun;
using engine::Comparison;
using engine::NoRows;
using engine::RowFate;

namespace {

struct Words {
    Q_DECLARE_TR_FUNCTIONS(ui::ComparePage)
};

const QString kNone = QStringLiteral("–");

QString chanceWords(double p) {
    const QString value =
        p < 0.001 ? QStringLiteral("p < 0.001") : QStringLiteral("p = ") + QString::number(p, 'f', p < 0.1 ? 3 : 2);
    return p < 0.05 ? Words::tr("more than chance (McNemar %1)").arg(value) : Words::tr("may be chance (McNemar %1)").arg(value);
}

QString unfinished(const ComparedRun& run) {
    return Words::tr("Run %1 has no results yet").arg(titleOf(run));
}

QString verdictOfMany(const Comparison& comparison) {
    const ComparedRun* best = nullptr;
    for (const ComparedRun& run : comparison.runs)
        if (run.detail.report && (!best || run.detail.report->accuracy > best->detail.report->accuracy)) best = &run;
    if (!best) return Words::tr("None of these %1 runs has results yet").arg(comparison.runs.size());
    return Words::tr("Best of %1 runs: %2 with accuracy %3")
        .arg(comparison.runs.size())
        .arg(titleOf(*best), percent(best->detail.report->accuracy));
}

/// "macro F1 20.9 % → 86.9 %" of the brief measures but accuracy, which the verdict has.
QStringList changes(const Comparison& comparison) {
    QStringList texts;
    for (const engine::MeasureRow& row : comparison.measures) {
        if (!row.measure->brief || !row.measure->compute || row.measure->key == "accuracy") continue;
        const auto text = [&](const std::optional<double>& value) { return value ? written(row.measure->unit, *value) : kNone; };
        QString values = text(row.values.front());
        if (row.values.size() > 1) values += QStringLiteral(" → ") + text(row.values.back());
        texts << fromText(engine::inSentence(*row.measure)) + QLatin1Char(' ') + values;
    }
    return texts;
}

} // namespace

QString titleOf(const ComparedRun& run) {
    return runTitle(run.detail.summary);
}

QString labelOf(const Comparison& comparison, std::optional<int> label) {
    return label && *label >= 0 && std::size_t(*label) < comparison.labels.size()
               ? fromText(comparison.labels[std::size_t(*label)])
               : Words::tr("no answer");
}

QString verdict(const Comparison& comparison) {
    if (comparison.runs.empty()) return {};
    const auto& first = comparison.runs.front().detail.report;
    const auto& last = comparison.runs.back().detail.report;
    if (comparison.runs.size() == 1)
        return last ? Words::tr("Accuracy %1 on %2 rows").arg(percent(last->accuracy), count(last->examples))
                    : unfinished(comparison.runs.back());
    if (!comparison.isPair()) return verdictOfMany(comparison);
    if (!first || !last) return unfinished(first ? comparison.runs.back() : comparison.runs.front());
    return Words::tr("Accuracy %1 → %2, %3 points")
        .arg(percent(first->accuracy), percent(last->accuracy), signedPoints(last->accuracy - first->accuracy));
}

QString verdictDetail(const Comparison& comparison) {
    if (comparison.runs.empty() || !comparison.runs.back().detail.report) return {};
    QStringList parts;
    if (comparison.runs.size() == 1) {
        const engine::Report& report = *comparison.runs.back().detail.report;
        const auto [low, high] = engine::wilson(report.accuracy, report.examples);
        parts << Words::tr("95 % interval %1 to %2").arg(percent(low), percent(high));
    } else if (!comparison.isPair()) {
        return noRowsText(comparison);
    } else if (!comparison.runs.front().detail.report) {
        return {};
    } else if (const auto chance = comparison.chance()) {
        parts << Words::tr("%1 rows fixed, %2 broken, %3 wrong in both")
                     .arg(count(comparison.rowsOf(RowFate::Fixed)), count(comparison.rowsOf(RowFate::Broken)),
                          count(comparison.rowsOf(RowFate::BothWrong)))
              << chanceWords(*chance);
    } else {
        const QString why = noRowsText(comparison);
        parts << why.chopped(why.endsWith(QLatin1Char('.')) ? 1 : 0);
    }
    return (parts << changes(comparison)).join(QStringLiteral(" · "));
}

QString noRowsText(const Comparison& comparison) {
    if (!comparison.noRows) return {};
    switch (*comparison.noRows) {
    case NoRows::NotEvaluated: return unfinished(comparison.runs[*comparison.unevaluated]) + QLatin1Char('.');
    case NoRows::OtherLabels: return Words::tr("These runs have different labels.");
    case NoRows::OtherData: return Words::tr("These runs read different data, so their rows cannot be matched.");
    case NoRows::OtherRows: return Words::tr("These runs were tested on different rows.");
    }
    return {};
}

std::vector<FigureRow> overallRows(const Comparison& comparison) {
    std::vector<FigureRow> rows;
    for (const engine::MeasureRow& row : comparison.measures)
        rows.push_back({titleOf(*row.measure), fromText(row.measure->help), row.measure->unit, row.measure->better, row.values});
    return rows;
}

std::vector<FigureRow> perLabelRows(const Comparison& comparison) {
    const std::pair<QString, double engine::LabelScore::*> figures[]{{Words::tr("precision"), &engine::LabelScore::precision},
                                                                     {Words::tr("recall"), &engine::LabelScore::recall},
                                                                     {Words::tr("F1"), &engine::LabelScore::f1}};
    std::vector<FigureRow> rows;
    for (const engine::LabelRow& label : comparison.perLabel)
        for (const auto& [name, member] : figures) {
            FigureRow row{
                QStringLiteral("%1 · %2").arg(fromText(label.label), name), {}, engine::Unit::Share, engine::Better::More, {}};
            for (const engine::LabelScore& score : label.scores) row.values.emplace_back(score.*member);
            rows.push_back(std::move(row));
        }
    return rows;
}

std::vector<SettingTexts> settingRows(const Comparison& comparison) {
    std::vector<SettingTexts> rows;
    if (comparison.runs.size() < 2) return rows;
    SettingTexts what{{}, Words::tr("What ran"), {}};
    for (const ComparedRun& run : comparison.runs) what.values << kindWord(run.detail.summary.kind);
    if (std::any_of(what.values.begin(), what.values.end(), [&](const QString& value) { return value != what.values.front(); }))
        rows.push_back(what);
    for (const engine::SettingRow& row : comparison.settings) {
        rows.push_back({fromText(row.key), fromText(row.title), {}});
        for (const auto& value : row.values) rows.back().values << (value ? fromText(*value) : kNone);
    }
    return rows;
}

} // namespace ui
