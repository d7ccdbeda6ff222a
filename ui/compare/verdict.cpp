// SPDX-License-Identifier: GPL-3.0-or-later
// The outcome of a comparison in sentences, with what chance could have done.
#include "ui/compare/comparison.h"
#include "ui/figures.h"

#include <QCoreApplication>

#include <algorithm>
#include <cmath>

namespace ui {
namespace {

struct Words {
    Q_DECLARE_TR_FUNCTIONS(ui::ComparePage)
};

/// Wilson's 95 % interval of a share.
std::pair<double, double> interval(double share, double n) {
    constexpr double z = 1.959963984540054;
    const double centre = (share + z * z / (2 * n)) / (1 + z * z / n);
    const double reach = z / (1 + z * z / n) * std::sqrt(share * (1 - share) / n + z * z / (4 * n * n));
    return {centre - reach, centre + reach};
}

QString chanceWords(double p) {
    const QString value =
        p < 0.001 ? QStringLiteral("p < 0.001") : QStringLiteral("p = ") + QString::number(p, 'f', p < 0.1 ? 3 : 2);
    return p < 0.05 ? Words::tr("more than chance (McNemar %1)").arg(value) : Words::tr("may be chance (McNemar %1)").arg(value);
}

QString unfinished(const ComparedRun& run) {
    return Words::tr("Run %1 has no results yet").arg(run.title);
}

} // namespace

double Comparison::chance(std::int64_t fixed, std::int64_t broken) {
    const std::int64_t n = fixed + broken;
    double tail = 0;
    for (std::int64_t i = 0; i <= std::min(fixed, broken); ++i)
        tail += std::exp(std::lgamma(double(n) + 1) - std::lgamma(double(i) + 1) - std::lgamma(double(n - i) + 1) -
                         double(n) * std::log(2.0));
    return std::min(1.0, 2 * tail);
}

QString Comparison::verdict() const {
    if (m_runs.empty()) return {};
    const auto& first = m_runs.front().detail.report;
    const auto& last = m_runs.back().detail.report;
    if (m_runs.size() == 1)
        return last ? Words::tr("Accuracy %1 on %2 rows").arg(percent(last->accuracy), count(last->examples))
                    : unfinished(m_runs.back());
    if (isPair()) {
        if (!first || !last) return unfinished(first ? m_runs.back() : m_runs.front());
        return Words::tr("Accuracy %1 → %2, %3 points")
            .arg(percent(first->accuracy), percent(last->accuracy), signedPoints(last->accuracy - first->accuracy));
    }
    const ComparedRun* best = nullptr;
    for (const ComparedRun& run : m_runs)
        if (run.detail.report && (!best || run.detail.report->accuracy > best->detail.report->accuracy)) best = &run;
    if (!best) return Words::tr("None of these %1 runs has results yet").arg(m_runs.size());
    return Words::tr("Best of %1 runs: %2 with accuracy %3")
        .arg(m_runs.size())
        .arg(best->title, percent(best->detail.report->accuracy));
}

QString Comparison::verdictDetail() const {
    if (m_runs.empty() || !m_runs.back().detail.report) return {};
    const engine::Report& last = *m_runs.back().detail.report;
    if (m_runs.size() == 1) {
        const auto [low, high] = interval(last.accuracy, double(std::max<std::int64_t>(last.examples, 1)));
        return Words::tr("95 % interval %1 to %2 · macro F1 %3").arg(percent(low), percent(high), percent(last.macro_f1));
    }
    if (!isPair()) return m_rowsProblem;
    if (!m_runs.front().detail.report) return {};
    QStringList parts;
    if (m_rows.empty())
        parts << m_rowsProblem.chopped(m_rowsProblem.endsWith(QLatin1Char('.')) ? 1 : 0);
    else {
        const std::int64_t fixed = rowsOf(RowFate::Fixed), broken = rowsOf(RowFate::Broken);
        parts << Words::tr("%1 rows fixed, %2 broken, %3 wrong in both")
                     .arg(count(fixed), count(broken), count(rowsOf(RowFate::BothWrong)));
        parts << chanceWords(chance(fixed, broken));
    }
    parts << Words::tr("macro F1 %1 → %2").arg(percent(m_runs.front().detail.report->macro_f1), percent(last.macro_f1));
    return parts.join(QStringLiteral(" · "));
}

} // namespace ui
