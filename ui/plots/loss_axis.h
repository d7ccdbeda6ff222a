// SPDX-License-Identifier: GPL-3.0-or-later
// Ticks of a loss axis: as few decimals as the step needs, and 1, 2, 5 within each decade of a logarithmic one.
#pragma once
#include "ui/plots/custom_plot.h"

namespace ui {

class LossTicker : public QCPAxisTicker {
public:
    void setLog(bool on) { m_log = on; }

protected:
    double getTickStep(const QCPRange& range) override;
    QVector<double> createTickVector(double tickStep, const QCPRange& range) override;
    QString getTickLabel(double tick, const QLocale& locale, QChar formatChar, int precision) override;

private:
    bool m_log = false;
    int m_decimals = 2;
};

} // namespace ui
