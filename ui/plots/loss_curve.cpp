// SPDX-License-Identifier: GPL-3.0-or-later
// Appending, averaging and measuring a curve.
#include "ui/plots/loss_curve.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace ui {
namespace {

using Points = std::vector<LossCurve::Point>;

bool before(const LossCurve::Point& a, const LossCurve::Point& b) {
    return a.step < b.step;
}

Points finite(const std::vector<engine::MetricPoint>& metric) {
    Points points;
    points.reserve(metric.size());
    for (const engine::MetricPoint& p : metric)
        if (std::isfinite(p.value)) points.push_back({double(p.step), p.value});
    if (!std::is_sorted(points.begin(), points.end(), before)) std::stable_sort(points.begin(), points.end(), before);
    return points;
}

/// Room for a point at `step`; true when nothing had to go.
bool cutFrom(Points& points, double step) {
    if (points.empty() || points.back().step < step) return true;
    points.erase(std::lower_bound(points.begin(), points.end(), LossCurve::Point{step, 0}, before), points.end());
    return false;
}

} // namespace

LossCurve::LossCurve(const Curve& curve, double smoothing)
    : m_run(curve.run), m_name(curve.name), m_raw(finite(curve.loss)), m_eval(finite(curve.evalLoss)) {
    smoothAgain(smoothing);
}

double LossCurve::lastStep() const {
    return std::max(m_raw.empty() ? 0 : m_raw.back().step, m_eval.empty() ? 0 : m_eval.back().step);
}

void LossCurve::average(double value) {
    m_mean = m_weight * m_mean + (1 - m_weight) * value;
    m_bias *= m_weight;
}

bool LossCurve::addStep(double step, double loss) {
    if (!std::isfinite(loss)) return true;
    const bool appended = cutFrom(m_raw, step);
    if (!appended) {
        smoothAgain(m_weight);
        m_eval.erase(std::lower_bound(m_eval.begin(), m_eval.end(), Point{step, 0}, before), m_eval.end());
    }
    m_raw.push_back({step, loss});
    average(loss);
    m_smooth.push_back({step, m_mean / (1 - m_bias)});
    return appended;
}

bool LossCurve::addEval(double step, double loss) {
    if (!std::isfinite(loss)) return true;
    const bool appended = cutFrom(m_eval, step);
    m_eval.push_back({step, loss});
    return appended;
}

void LossCurve::smoothAgain(double weight) {
    m_weight = std::clamp(weight, 0.0, 0.9999);
    m_mean = 0;
    m_bias = 1;
    m_smooth.clear();
    m_smooth.reserve(m_raw.size());
    for (const Point& p : m_raw) {
        average(p.value);
        m_smooth.push_back({p.step, m_mean / (1 - m_bias)});
    }
}

bool LossCurve::extent(bool positiveOnly, double& low, double& high) const {
    low = std::numeric_limits<double>::infinity();
    high = -low;
    const auto take = [&](double value) {
        if (positiveOnly && value <= 0) return;
        low = std::min(low, value);
        high = std::max(high, value);
    };
    for (const Point& p : m_smooth) take(p.value);
    for (const Point& p : m_eval) take(p.value);
    constexpr std::size_t kSamples = 4096;
    std::vector<double> sampled;
    for (std::size_t i = 0, stride = std::max<std::size_t>(1, m_raw.size() / kSamples); i < m_raw.size(); i += stride)
        sampled.push_back(m_raw[i].value);
    if (!sampled.empty()) {
        std::sort(sampled.begin(), sampled.end());
        take(sampled[sampled.size() / 50]);
        take(sampled[sampled.size() - 1 - sampled.size() / 50]);
    }
    return low <= high;
}

const LossCurve::Point* LossCurve::at(const Points& points, double step) {
    if (points.empty()) return nullptr;
    const auto next = std::upper_bound(points.begin(), points.end(), Point{step, 0}, before);
    return next == points.begin() ? &points.front() : &*std::prev(next);
}

} // namespace ui
