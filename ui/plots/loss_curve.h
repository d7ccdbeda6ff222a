// SPDX-License-Identifier: GPL-3.0-or-later
// One run's curve as numbers: the raw loss, its debiased moving average, and the evaluations.
#pragma once
#include "engine/store/runs.h"

#include <QString>
#include <vector>

namespace ui {

/// A finished run's curves, as the runs file has them.
struct Curve {
    qint64 run = 0;
    QString name;
    std::vector<engine::MetricPoint> loss, evalLoss;
};

class LossCurve {
public:
    struct Point {
        double step = 0, value = 0;
    };

    explicit LossCurve(qint64 run, const QString& name = {}) : m_run(run), m_name(name) {}
    LossCurve(const Curve& curve, double smoothing);

    qint64 run() const { return m_run; }
    const QString& name() const { return m_name; }
    const std::vector<Point>& raw() const { return m_raw; }
    const std::vector<Point>& smooth() const { return m_smooth; }
    const std::vector<Point>& eval() const { return m_eval; }
    bool isEmpty() const { return m_raw.empty() && m_eval.empty(); }
    double lastStep() const;

    /// True when it only appended; false when earlier points at or after `step` made way (a run that was resumed).
    /// Values that are not finite are left out.
    bool addStep(double step, double loss);
    bool addEval(double step, double loss);
    /// Adam's average, w·mean + (1 − w)·value over 1 − wⁿ; 0 ≤ weight < 1.
    void smoothAgain(double weight);

    /// Lowest and highest of what must be seen: the average, the evaluations, and all but the wildest raw values.
    /// False when there is nothing (or nothing above zero, when asked for).
    bool extent(bool positiveOnly, double& low, double& high) const;
    /// The point at or before this step, else the first; null when there is none.
    static const Point* at(const std::vector<Point>& points, double step);

private:
    void average(double value);

    qint64 m_run;
    QString m_name;
    std::vector<Point> m_raw, m_smooth, m_eval;
    double m_weight = 0, m_mean = 0, m_bias = 1;
};

} // namespace ui
