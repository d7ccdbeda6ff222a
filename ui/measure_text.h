// SPDX-License-Identifier: GPL-3.0-or-later
// Measures as the window writes them.
#pragma once
#include "engine/measures.h"

#include <QString>

namespace ui {

QString titleOf(const engine::Measure& measure);
/// "86.9 %", "0.3521", "17 s", "612 MB".
QString written(engine::Unit unit, double value);
/// "+52.3", "−0.021", "+17 s".
QString writtenDifference(engine::Unit unit, double difference);
/// "accuracy 86.0 %, macro F1 85.9 %": the brief ones of those that are known.
QString briefly(const engine::Measured& measured);

} // namespace ui
