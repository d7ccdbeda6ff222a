// SPDX-License-Identifier: GPL-3.0-or-later
// Counts to words.
#include "ui/plots/matrix_cells.h"

#include "ui/figures.h"

#include <QCoreApplication>

#include <algorithm>
#include <cmath>

namespace ui {
namespace {

constexpr double kFullDifference = 0.10; // shares that differ by less than this never get the strongest colour

struct Words {
    Q_DECLARE_TR_FUNCTIONS(ui::MatrixPlot)
};

std::int64_t at(const engine::ConfusionMatrix& matrix, std::size_t truth, std::size_t guess) {
    return truth < matrix.counts.size() && guess < matrix.counts[truth].size() ? matrix.counts[truth][guess] : 0;
}

std::int64_t rowTotal(const engine::ConfusionMatrix& matrix, std::size_t truth) {
    std::int64_t total = 0;
    for (std::size_t guess = 0; guess <= matrix.labels.size(); ++guess) total += at(matrix, truth, guess);
    return total;
}

double share(std::int64_t n, std::int64_t total) {
    return total ? double(n) / double(total) : 0;
}

MatrixCells labelled(const engine::ConfusionMatrix& matrix) {
    MatrixCells result;
    for (const std::string& label : matrix.labels) result.labels << QString::fromStdString(label);
    result.cells.assign(matrix.labels.size(), std::vector<MatrixCell>(matrix.labels.size() + 1));
    return result;
}

QString guessName(const MatrixCells& cells, std::size_t guess) {
    return guess < std::size_t(cells.labels.size()) ? Words::tr("guessed %1").arg(cells.labels[qsizetype(guess)])
                                                    : Words::tr("no answer");
}

} // namespace

MatrixCells matrixCells(const engine::ConfusionMatrix& matrix) {
    MatrixCells result = labelled(matrix);
    std::int64_t right = 0, all = 0;
    QStringList rows;
    for (std::size_t truth = 0; truth < matrix.labels.size(); ++truth) {
        const std::int64_t total = rowTotal(matrix, truth);
        const QString label = result.labels[qsizetype(truth)];
        result.support.push_back(total == 1 ? Words::tr("1 row") : Words::tr("%1 rows").arg(count(total)));
        for (std::size_t guess = 0; guess <= matrix.labels.size(); ++guess) {
            const std::int64_t n = at(matrix, truth, guess);
            const double part = share(n, total);
            result.cells[truth][guess] = {
                count(n), total ? percent(part) : QStringLiteral("–"), part,
                Words::tr("truth %1, %2: %3, %4 of its rows").arg(label, guessName(result, guess), count(n), percent(part))};
            if (guess == matrix.labels.size() && n) result.hasUnanswered = true;
        }
        right += at(matrix, truth, truth);
        all += total;
        rows << Words::tr("%1 %2 right").arg(label, percent(share(at(matrix, truth, truth), total)));
    }
    result.summary = all ? Words::tr("%1 of %2 rows right (%3): %4.")
                               .arg(count(right), count(all), percent(share(right, all)), rows.join(QStringLiteral(", ")))
                         : Words::tr("No rows yet.");
    return result;
}

MatrixCells differenceCells(const engine::ConfusionMatrix& left, const engine::ConfusionMatrix& right) {
    if (left.labels != right.labels) {
        MatrixCells none;
        none.difference = true;
        none.problem = Words::tr("The two runs have different labels, so their matrices cannot be subtracted.");
        none.summary = none.problem;
        return none;
    }
    MatrixCells result = labelled(left);
    result.difference = true;
    double largest = kFullDifference;
    std::int64_t gained = 0;
    for (std::size_t truth = 0; truth < left.labels.size(); ++truth) {
        const std::int64_t totalLeft = rowTotal(left, truth), totalRight = rowTotal(right, truth);
        result.support.push_back(totalLeft == totalRight ? Words::tr("%1 rows").arg(count(totalLeft))
                                                         : Words::tr("%1, %2 rows").arg(count(totalLeft), count(totalRight)));
        for (std::size_t guess = 0; guess <= left.labels.size(); ++guess) {
            const std::int64_t a = at(left, truth, guess), b = at(right, truth, guess);
            const double change = share(b, totalRight) - share(a, totalLeft);
            largest = std::max(largest, std::abs(change));
            result.cells[truth][guess] = {
                signedCount(b - a), signedPoints(change), change,
                Words::tr("truth %1, %2: %3 → %4 (%5 points of its rows)")
                    .arg(result.labels[qsizetype(truth)], guessName(result, guess), count(a), count(b), signedPoints(change))};
            if (guess == left.labels.size() && (a || b)) result.hasUnanswered = true;
        }
        gained += at(right, truth, truth) - at(left, truth, truth);
    }
    for (auto& row : result.cells)
        for (MatrixCell& cell : row) cell.strength /= largest;
    result.summary = Words::tr("%1 rows right compared with before.").arg(signedCount(gained));
    return result;
}

} // namespace ui
