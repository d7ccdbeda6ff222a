// SPDX-License-Identifier: GPL-3.0-or-later
// What a confusion matrix, or the difference of two, writes in each cell and how strongly it colours it.
#pragma once
#include "engine/report.h"

#include <QString>
#include <QStringList>
#include <vector>

namespace ui {

struct MatrixCell {
    QString count;       // "266", "+149"
    QString share;       // of the row: "88.7 %", "+49.7"
    double strength = 0; // 0..1 for Theme::heat; -1..1 for Theme::diverging
    QString explanation; // one line for the tooltip and the screen reader
};

struct MatrixCells {
    bool difference = false;
    QStringList labels;                         // rows; the columns are these and "no answer"
    std::vector<QString> support;               // as labels: "300 rows"
    std::vector<std::vector<MatrixCell>> cells; // [truth][guess], labels.size() + 1 columns
    bool hasUnanswered = false;
    QString problem; // not empty: there are no cells, and this is why
    QString summary; // for the screen reader
};

MatrixCells matrixCells(const engine::ConfusionMatrix& matrix);
/// right − left.
MatrixCells differenceCells(const engine::ConfusionMatrix& left, const engine::ConfusionMatrix& right);

} // namespace ui
