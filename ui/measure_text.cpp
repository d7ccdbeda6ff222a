// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/measure_text.h"

#include "ui/engine_text.h"
#include "ui/figures.h"

#include <QStringList>

#include <cmath>

namespace ui {

using engine::Unit;

QString titleOf(const engine::Measure& measure) {
    return fromText(measure.title);
}

QString written(Unit unit, double value) {
    switch (unit) {
    case Unit::Share: return percent(value);
    case Unit::Loss: return figure(value);
    case Unit::Seconds: return duration(value);
    case Unit::ExamplesPerSecond: return figure(value, 3);
    case Unit::Bytes: return byteSize(std::int64_t(value));
    }
    return {};
}

QString writtenDifference(Unit unit, double difference) {
    if (unit == Unit::Share) return signedPoints(difference);
    if (unit == Unit::Loss || unit == Unit::ExamplesPerSecond) return signedFigure(difference, 2);
    const QString size = written(unit, std::abs(difference));
    return difference == 0 ? size : (difference < 0 ? QChar(0x2212) : QLatin1Char('+')) + size;
}

QString briefly(const engine::Measured& measured) {
    QStringList parts;
    for (const engine::Measure* measure : engine::briefMeasures())
        if (const auto value = measured.of(*measure))
            parts << QStringLiteral("%1 %2").arg(fromText(engine::inSentence(*measure)), written(measure->unit, *value));
    return parts.join(QStringLiteral(", "));
}

} // namespace ui
