// SPDX-License-Identifier: GPL-3.0-or-later
// The table as every page shows it: rows of one height, no grid, nothing measured.
#pragma once
#include <QTableView>

namespace ui {

inline constexpr int kTableRow = 30;

QTableView* plainTable(const QString& objectName, QWidget* parent = nullptr);

} // namespace ui
