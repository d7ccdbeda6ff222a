// SPDX-License-Identifier: GPL-3.0-or-later
// QCustomPlot draws; this decides what, in which colour, and where the labels go.
#include "ui/plots/loss_canvas.h"

#include "ui/figures.h"
#include "ui/theme/theme.h"

#include <algorithm>
#include <cmath>

namespace ui {
namespace {

constexpr int kLabelHeight = 15, kEndGap = 8, kTopMargin = 28;
constexpr int kNearEdge = 24; // labels of curves that end this close to the edge stand in one column

constexpr std::size_t kDrawAll = 20'000; // more points than this are thinned to what the pixels can show

using Points = std::vector<LossCurve::Point>;

QVector<QCPGraphData> graphData(const Points& points, std::size_t from, std::size_t to) {
    QVector<QCPGraphData> data;
    data.reserve(qsizetype(to - from));
    for (std::size_t i = from; i < to; ++i) data.append(QCPGraphData(points[i].step, points[i].value));
    return data;
}

QVector<QCPGraphData> graphData(const Points& points) {
    return graphData(points, 0, points.size());
}

/// The lowest and highest point of each of `columns` equal shares of what lies in `range`: the same ink at any number of points.
QVector<QCPGraphData> thinned(const Points& points, const QCPRange& range, std::size_t columns) {
    const auto before = [](const LossCurve::Point& p, double step) { return p.step < step; };
    std::size_t from = std::size_t(std::lower_bound(points.begin(), points.end(), range.lower, before) - points.begin());
    std::size_t to = std::size_t(std::lower_bound(points.begin(), points.end(), range.upper, before) - points.begin());
    from = from ? from - 1 : 0;
    to = std::min(to + 1, points.size());
    if (to - from <= 4 * columns) return graphData(points, from, to);
    QVector<QCPGraphData> data;
    data.reserve(qsizetype(2 * columns));
    for (std::size_t column = 0; column < columns; ++column) {
        const auto begin = points.begin() + std::ptrdiff_t(from + (to - from) * column / columns),
                   end = points.begin() + std::ptrdiff_t(from + (to - from) * (column + 1) / columns);
        auto [low, high] = std::minmax_element(
            begin, end, [](const LossCurve::Point& a, const LossCurve::Point& b) { return a.value < b.value; });
        if (high < low) std::swap(low, high);
        data.append(QCPGraphData(low->step, low->value));
        if (high != low) data.append(QCPGraphData(high->step, high->value));
    }
    return data;
}

QColor between(const QColor& a, const QColor& b, double t) {
    const auto part = [t](double x, double y) { return float(x + (y - x) * t); };
    return QColor::fromRgbF(part(a.redF(), b.redF()), part(a.greenF(), b.greenF()), part(a.blueF(), b.blueF()));
}

} // namespace

LossCanvas::LossCanvas(const std::vector<LossCurve>& curves, QWidget* parent) : QCustomPlot(parent), m_curves(curves) {
    setFocusPolicy(Qt::NoFocus);
    setLocale(QLocale(QLocale::English, QLocale::UnitedStates));
    setInteractions(QCP::iRangeDrag | QCP::iRangeZoom);
    axisRect()->setRangeZoomFactor(0.8);
    addLayer(QStringLiteral("faint"), layer(QStringLiteral("main")), QCustomPlot::limBelow);
    const QSharedPointer<QCPAxisTickerFixed> stepTicker(new QCPAxisTickerFixed);
    stepTicker->setTickStep(1);
    stepTicker->setScaleStrategy(QCPAxisTickerFixed::ssMultiples);
    xAxis->setTicker(stepTicker);
    xAxis->setNumberFormat(QStringLiteral("f"));
    xAxis->setNumberPrecision(0);
    yAxis->setTicker(m_ticker);
    axisRect()->setAutoMargins(QCP::msLeft | QCP::msBottom);
    axisRect()->setMargins(QMargins(0, kTopMargin, 9 * kGrid, 0));

    m_unit = new QCPItemText(this);
    m_unit->position->setType(QCPItemPosition::ptAbsolute);
    m_unit->setPositionAlignment(Qt::AlignLeft | Qt::AlignTop);
    m_unit->position->setCoords(0, 0);
    m_unit->setClipToAxisRect(false);
    m_hair = new QCPItemStraightLine(this);
    m_hair->setLayer(QStringLiteral("overlay"));
    m_hair->setVisible(false);
    for (QCPItemPosition* end : {m_hair->point1, m_hair->point2}) {
        end->setTypeX(QCPItemPosition::ptPlotCoords);
        end->setTypeY(QCPItemPosition::ptAxisRectRatio);
    }
    connect(this, &QCustomPlot::afterLayout, this, [this] {
        thin();
        placeLabels();
    });
    connect(xAxis, qOverload<const QCPRange&>(&QCPAxis::rangeChanged), this, [this] { viewMoved(); });
    connect(yAxis, qOverload<const QCPRange&>(&QCPAxis::rangeChanged), this, [this] { viewMoved(); });
}

void LossCanvas::addLines() {
    Lines line;
    line.raw = addGraph();
    line.raw->setLayer(QStringLiteral("faint"));
    line.smooth = addGraph();
    line.eval = addGraph();
    for (QCPItemText** label : {&line.trainLabel, &line.evalLabel}) {
        *label = new QCPItemText(this);
        (*label)->position->setType(QCPItemPosition::ptAbsolute);
        (*label)->setPositionAlignment(Qt::AlignLeft | Qt::AlignVCenter);
        (*label)->setClipToAxisRect(false);
        (*label)->setVisible(false);
    }
    line.tracer = new QCPItemTracer(this);
    line.tracer->setLayer(QStringLiteral("overlay"));
    line.tracer->setStyle(QCPItemTracer::tsCircle);
    line.tracer->setSize(8);
    line.tracer->setVisible(false);
    m_lines.push_back(line);
    styleLines(m_lines.size() - 1);
}

void LossCanvas::removeLines() {
    for (const Lines& line : m_lines) {
        removeItem(line.trainLabel);
        removeItem(line.evalLabel);
        removeItem(line.tracer);
        for (QCPGraph* graph : {line.raw, line.smooth, line.eval}) removeGraph(graph);
    }
    m_lines.clear();
    m_steps = 0;
    m_following = true;
}

void LossCanvas::sync(std::size_t i) {
    m_thinned = {};
    m_lines[i].eval->data()->set(graphData(m_curves[i].eval()), true);
    if (m_curves[i].raw().size() > kDrawAll) return; // thin() will
    m_lines[i].raw->data()->set(graphData(m_curves[i].raw()), true);
    m_lines[i].smooth->data()->set(graphData(m_curves[i].smooth()), true);
}

void LossCanvas::append(std::size_t i) {
    const LossCurve& curve = m_curves[i];
    m_thinned = {};
    if (curve.raw().size() > kDrawAll) return;
    m_lines[i].raw->addData(curve.raw().back().step, curve.raw().back().value);
    m_lines[i].smooth->addData(curve.smooth().back().step, curve.smooth().back().value);
}

void LossCanvas::thin() {
    const Thinned now{xAxis->range(), axisRect()->width()};
    if (now.range == m_thinned.range && now.width == m_thinned.width) return;
    m_thinned = now;
    bool any = false;
    for (std::size_t i = 0; i < m_lines.size(); ++i) {
        if (m_curves[i].raw().size() <= kDrawAll) continue;
        any = true;
        const auto columns = std::size_t(std::max(now.width, 1));
        m_lines[i].raw->data()->set(thinned(m_curves[i].raw(), now.range, columns), true);
        m_lines[i].smooth->data()->set(thinned(m_curves[i].smooth(), now.range, columns), true);
    }
    setPlottingHint(QCP::phFastPolylines, any);
}

void LossCanvas::restyle(const QString& unit) {
    const Theme& theme = Theme::instance();
    const QFont small = theme.font(TextSize::Small);
    setBackground(theme.color(Token::Raised));
    for (QCPAxis* axis : {xAxis, yAxis}) {
        axis->setTickLabelFont(small);
        axis->setLabelFont(small);
        axis->setTickLabelColor(theme.color(Token::Muted));
        axis->setLabelColor(theme.color(Token::Muted));
        axis->setTickLength(0);
        axis->setSubTicks(false);
        axis->setTickLabelPadding(6);
        axis->setLabelPadding(2);
        axis->setBasePen(axis == xAxis ? QPen(theme.color(Token::Border)) : Qt::NoPen);
        axis->grid()->setPen(QPen(theme.color(Token::Border), 1, axis == xAxis ? Qt::NoPen : Qt::SolidLine));
        axis->grid()->setZeroLinePen(Qt::NoPen);
        axis->grid()->setAntialiased(false);
    }
    xAxis->setLabel(tr("step"));
    m_unit->setText(tr("loss (nats per %1)").arg(unit));
    m_unit->setFont(small);
    m_unit->setColor(theme.color(Token::Muted));
    m_hair->setPen(QPen(theme.color(Token::Muted), 1, Qt::DotLine));
    for (std::size_t i = 0; i < m_lines.size(); ++i) styleLines(i);
}

void LossCanvas::styleLines(std::size_t i) {
    const Theme& theme = Theme::instance();
    const QColor color = theme.runColor(m_curves[i].run());
    const QColor faint = between(theme.color(Token::Raised), color,
                                 theme.isDark() ? 0.34 : 0.28); // opaque: a see-through polyline costs 20 times the time
    const Lines& line = m_lines[i];
    line.raw->setPen(QPen(faint, 1));
    line.smooth->setPen(QPen(color, 2));
    line.eval->setPen(QPen(color, 1.25, Qt::DashLine));
    line.eval->setScatterStyle(
        QCPScatterStyle(QCPScatterStyle::ssCircle, QPen(color, 1.75), QBrush(theme.color(Token::Raised)), 7));
    line.tracer->setPen(QPen(theme.color(Token::Raised), 1.5));
    line.tracer->setBrush(color);
    for (QCPItemText* label : {line.trainLabel, line.evalLabel}) {
        label->setFont(theme.font(TextSize::Small));
        label->setColor(color);
    }
}

void LossCanvas::setLog(bool on) {
    m_log = on;
    m_ticker->setLog(on);
    m_following = true;
    m_fitting = true; // the axis may repair its range itself
    yAxis->setScaleType(on ? QCPAxis::stLogarithmic : QCPAxis::stLinear);
    m_fitting = false;
}

double LossCanvas::lastStep() const {
    double last = std::max(m_steps, 1.0);
    for (const LossCurve& curve : m_curves) last = std::max(last, curve.lastStep());
    return last;
}

void LossCanvas::refresh() {
    writeLabels();
    if (m_following) fit();
    replot(QCustomPlot::rpQueuedReplot);
}

void LossCanvas::fit() {
    double low = 0, high = 0;
    bool any = false;
    for (const LossCurve& curve : m_curves) {
        double a = 0, b = 0;
        if (!curve.extent(m_log, a, b)) continue;
        low = any ? std::min(low, a) : a;
        high = any ? std::max(high, b) : b;
        any = true;
    }
    m_fitting = true;
    const double margin = lastStep() * 0.02; // room for the last mark
    xAxis->setRange(-margin, lastStep() + margin);
    if (any && m_log)
        yAxis->setRange(low / 1.15, high * 1.15);
    else if (any) {
        const double spread = std::max(high - low, std::abs(high) * 0.05 + 1e-6);
        yAxis->setRange(low >= 0 && low < 0.5 * high ? 0 : low - spread * 0.08, high + spread * 0.08);
    }
    m_fitting = false;
}

void LossCanvas::viewMoved() {
    if (m_fitting) return;
    m_fitting = true;
    xAxis->setRange(xAxis->range().bounded(-0.02 * lastStep(), 1.02 * lastStep()));
    m_fitting = false;
    m_following = false;
    if (onViewChanged) onViewChanged();
}

void LossCanvas::zoom(double factor) {
    xAxis->scaleRange(factor, xAxis->range().center());
    yAxis->scaleRange(factor, yAxis->range().center());
    replot(QCustomPlot::rpQueuedReplot);
}

void LossCanvas::writeLabels() {
    const QFontMetrics metrics(Theme::instance().font(TextSize::Small));
    const bool alone = m_curves.size() == 1;
    int width = 0;
    for (std::size_t i = 0; i < m_lines.size(); ++i) {
        const LossCurve& curve = m_curves[i];
        const QString name =
            metrics.elidedText(curve.name().isEmpty() ? tr("run %1").arg(curve.run()) : curve.name(), Qt::ElideRight, 14 * kGrid);
        const auto write = [&](QCPItemText* label, const QString& what, const std::vector<LossCurve::Point>& points) {
            label->setVisible(!points.empty());
            if (points.empty()) return;
            label->setText(what + QStringLiteral("  ") + figure(points.back().value, 3));
            width = std::max(width, metrics.horizontalAdvance(what + QStringLiteral("  0.0000")));
        };
        write(m_lines[i].trainLabel, alone ? tr("train") : name, curve.smooth());
        write(m_lines[i].evalLabel, alone ? tr("eval") : curve.smooth().empty() ? name : tr("eval"), curve.eval());
    }
    const QMargins margins = axisRect()->margins();
    const int right = std::max(9 * kGrid, width + 2 * kEndGap);
    if (margins.right() != right) axisRect()->setMargins(QMargins(margins.left(), margins.top(), right, margins.bottom()));
}

void LossCanvas::placeLabels() {
    struct Wanted {
        QCPItemText* label;
        double x, y;
    };
    std::vector<Wanted> wanted;
    const QRect area = axisRect()->rect();
    const QCPRange seen = xAxis->range();
    const auto want = [&](QCPItemText* label, const std::vector<LossCurve::Point>& points) {
        if (points.empty()) return;
        const LossCurve::Point* end = LossCurve::at(points, seen.upper);
        const bool visible = end->step >= seen.lower && end->step <= seen.upper && (!m_log || end->value > 0);
        label->setVisible(visible);
        if (!visible) return;
        const double x = xAxis->coordToPixel(end->step);
        wanted.push_back({label, (x > area.right() - kNearEdge ? area.right() : x) + kEndGap,
                          std::clamp(yAxis->coordToPixel(end->value), double(area.top()), double(area.bottom()))});
    };
    for (std::size_t i = 0; i < m_lines.size(); ++i) {
        want(m_lines[i].trainLabel, m_curves[i].smooth());
        want(m_lines[i].evalLabel, m_curves[i].eval());
    }
    std::sort(wanted.begin(), wanted.end(), [](const Wanted& a, const Wanted& b) { return a.y < b.y; });
    for (std::size_t i = 1; i < wanted.size(); ++i) wanted[i].y = std::max(wanted[i].y, wanted[i - 1].y + kLabelHeight);
    double lowest = area.bottom() + kLabelHeight / 2.0;
    for (std::size_t i = wanted.size(); i-- > 0; lowest = wanted[i].y - kLabelHeight) wanted[i].y = std::min(wanted[i].y, lowest);
    for (const Wanted& w : wanted) w.label->position->setCoords(w.x, w.y);
}

double LossCanvas::mark(double step) {
    double hair = 0;
    for (std::size_t i = 0; i < m_lines.size(); ++i) {
        const LossCurve::Point* p = LossCurve::at(m_curves[i].smooth().empty() ? m_curves[i].eval() : m_curves[i].smooth(), step);
        const bool shown = p && (!m_log || p->value > 0);
        m_lines[i].tracer->setVisible(shown);
        if (!shown) continue;
        m_lines[i].tracer->position->setCoords(p->step, p->value);
        hair = std::max(hair, p->step);
    }
    m_hair->setVisible(true);
    m_hair->point1->setCoords(hair, 0);
    m_hair->point2->setCoords(hair, 1);
    layer(QStringLiteral("overlay"))->replot();
    return xAxis->coordToPixel(hair);
}

void LossCanvas::unmark() {
    if (!m_hair->visible()) return;
    m_hair->setVisible(false);
    for (const Lines& line : m_lines) line.tracer->setVisible(false);
    layer(QStringLiteral("overlay"))->replot();
}

QStringList LossCanvas::labels() const {
    std::vector<std::pair<double, QString>> placed;
    for (const Lines& line : m_lines)
        for (const QCPItemText* label : {line.trainLabel, line.evalLabel})
            if (label->visible()) placed.emplace_back(label->position->pixelPosition().y(), label->text());
    std::sort(placed.begin(), placed.end());
    QStringList texts;
    for (const auto& [y, text] : placed) texts << text;
    return texts;
}

} // namespace ui
