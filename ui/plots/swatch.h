// SPDX-License-Identifier: GPL-3.0-or-later
// The small rounded square in a run's colour that stands beside its name everywhere.
#pragma once
#include <QIcon>
#include <QRectF>

class QPainter;

namespace ui {

inline constexpr int kSwatch = 10; // pixels a side

void paintSwatch(QPainter& painter, const QRectF& rect, qint64 run);
/// Follows a change of theme by itself.
QIcon swatchIcon(qint64 run);

} // namespace ui
