// SPDX-License-Identifier: GPL-3.0-or-later
// The engine's comparison in the window's words: the verdict, and rows for its tables.
#pragma once
#include "engine/compare.h"

#include <QList>
#include <QString>
#include <QStringList>
#include <optional>
#include <vector>

namespace ui {

struct FigureRow {
    QString title, tip;
    engine::Unit unit = engine::Unit::Share;
    engine::Better better = engine::Better::Neither;
    std::vector<std::optional<double>> values; // as the runs
};

struct SettingTexts {
    QString key, title;
    QStringList values; // as the runs
};

QString titleOf(const engine::ComparedRun& run);
/// The label of this number, else "no answer".
QString labelOf(const engine::Comparison& comparison, std::optional<int> label);

QString verdict(const engine::Comparison& comparison);       // "Accuracy 33.7 % → 86.0 %, +52.3 points"
QString verdictDetail(const engine::Comparison& comparison); // "471 rows fixed, 12 broken; …"
QString noRowsText(const engine::Comparison& comparison);    // why there are no rows; empty when there are

std::vector<FigureRow> overallRows(const engine::Comparison& comparison);
std::vector<FigureRow> perLabelRows(const engine::Comparison& comparison);
/// What ran, where that differs, then the settings that do.
std::vector<SettingTexts> settingRows(const engine::Comparison& comparison);

} // namespace ui
