// SPDX-License-Identifier: GPL-3.0-or-later
// Runs side by side as values: what they scored, in which settings they differ, and what became of each row.
#pragma once
#include "engine/experiment.h"
#include "engine/store/runs.h"

#include <QList>
#include <QString>
#include <QStringList>
#include <optional>
#include <vector>

namespace ui {

struct ComparedRun {
    engine::RunDetail detail;
    std::optional<engine::Experiment> experiment; // empty: its YAML is of another version
    QString title;
};

/// From the first run to the last; of one run alone: BothRight is right, BothWrong is wrong.
enum class RowFate { Fixed, Broken, BothWrong, BothRight };

struct ComparedRow {
    struct Answer {
        std::optional<int> guess;
        double confidence = -1;
        std::string rawText;
    }; // confidence -1: the method gives none
    std::int64_t record = 0;
    int truth = 0;
    RowFate fate = RowFate::BothRight;
    std::vector<Answer> answers; // as the runs
};

struct MetricRow {
    QString title;
    std::vector<std::optional<double>> values; // as the runs
    QString (*write)(double) = nullptr;
    QString (*writeDifference)(double) = nullptr;
    int better = 0; // 1: more is better, -1: less is, 0: neither
};

struct SettingRow {
    QString key, title;
    QStringList values; // as the runs
};

class Comparison {
public:
    Comparison() = default;
    /// Runs that are no longer in the file are left out. Throws Error for anything else that goes wrong.
    Comparison(const engine::Runs& store, const QList<engine::RunId>& ids);

    const std::vector<ComparedRun>& runs() const { return m_runs; }
    QList<engine::RunId> ids() const;
    bool isEmpty() const { return m_runs.empty(); }
    bool isPair() const { return m_runs.size() == 2; }
    /// Labels all runs agree on; empty when they do not, or have no results.
    const QStringList& labels() const { return m_labels; }
    const std::vector<ComparedRow>& rows() const { return m_rows; }
    std::int64_t rowsOf(RowFate fate) const;
    QString rowsProblem() const { return m_rowsProblem; } // why there are no rows

    QString verdict() const;       // "Accuracy 33.7 % → 86.0 %, +52.3 points"
    QString verdictDetail() const; // "471 rows fixed, 12 broken; …"
    std::vector<MetricRow> overall() const;
    std::vector<MetricRow> perLabel() const;
    std::vector<SettingRow> settings() const; // those that differ

    /// Two-sided exact McNemar test: the chance of so uneven a count if both runs were equally good.
    static double chance(std::int64_t fixed, std::int64_t broken);
    /// What to show unasked: the newest finished training with the baseline it started from, or the newest run with results.
    static QList<engine::RunId> newestPair(const engine::Runs& store);

private:
    void joinRows(const engine::Runs& store);

    std::vector<ComparedRun> m_runs;
    QStringList m_labels;
    std::vector<ComparedRow> m_rows;
    QString m_rowsProblem;
};

} // namespace ui
