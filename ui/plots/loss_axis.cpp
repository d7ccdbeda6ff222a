// SPDX-License-Identifier: GPL-3.0-or-later
// QCustomPlot's ticker with our spelling.
#include "ui/plots/loss_axis.h"

#include <cmath>

namespace ui {

double LossTicker::getTickStep(const QCPRange& range) {
    const double step = QCPAxisTicker::getTickStep(range);
    m_decimals = std::clamp(int(std::ceil(-std::log10(step) - 1e-9)), 0, 9);
    return step;
}

QVector<double> LossTicker::createTickVector(double tickStep, const QCPRange& range) {
    if (!m_log || range.lower <= 0) return QCPAxisTicker::createTickVector(tickStep, range);
    const double decades = std::log10(range.upper / range.lower);
    if (decades < 0.5) return QCPAxisTicker::createTickVector(tickStep, range); // zoomed so far in that even steps read better
    QVector<double> ticks;
    for (int exponent = int(std::floor(std::log10(range.lower))); exponent <= int(std::ceil(std::log10(range.upper))); ++exponent)
        for (const int factor : {1, 2, 5})
            if (factor == 1 || decades < 4) ticks << factor * std::pow(10.0, exponent);
    return ticks;
}

QString LossTicker::getTickLabel(double tick, const QLocale& locale, QChar formatChar, int precision) {
    Q_UNUSED(formatChar)
    Q_UNUSED(precision)
    if (m_log) return QString::number(tick, 'g', 3);
    return locale.toString(std::abs(tick) < 1e-12 ? 0.0 : tick, 'f', m_decimals).replace(QLatin1Char('-'), QChar(0x2212));
}

} // namespace ui
