// SPDX-License-Identifier: GPL-3.0-or-later
// A table's columns as a person arranged them, remembered by their names: a column of a later version keeps its own place.
#pragma once
#include <QHeaderView>
#include <QStringList>

namespace ui {

/// `names` are of the header's sections.
void rememberColumns(const QHeaderView& header, const QStringList& names, const QString& settingsKey);
void restoreColumns(QHeaderView& header, const QStringList& names, const QString& settingsKey);

} // namespace ui
