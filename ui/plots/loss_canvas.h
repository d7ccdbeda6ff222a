// SPDX-License-Identifier: GPL-3.0-or-later
// The drawn part of a loss plot: lines, markers, labels at the curves' ends, and the pointer's marks.
#pragma once
#include "ui/plots/loss_axis.h"
#include "ui/plots/loss_curve.h"

#include <QCoreApplication>
#include <functional>
#include <optional>
#include <vector>

namespace ui {

class LossCanvas : public QCustomPlot {
    Q_DECLARE_TR_FUNCTIONS(ui::LossPlot)
public:
    explicit LossCanvas(const std::vector<LossCurve>& curves, QWidget* parent);

    /// One more curve stands at the end of `curves`.
    void addLines();
    void removeLines();
    /// All of curve i's points again.
    void sync(std::size_t i);
    /// Its newest step.
    void append(std::size_t i);
    void restyle(const QString& unit);
    void setLog(bool on);
    /// Steps that a run will have, so that the axis does not move while it trains.
    void setSteps(double steps) { m_steps = steps; }
    double lastStep() const;
    /// Writes the labels, measures the axes if the view follows the data, and asks for a redraw.
    void refresh();

    bool following() const { return m_following; }
    void follow() { m_following = true; }
    void zoom(double factor);
    /// Marks every curve at this step; gives the pixel of the hair line.
    double mark(double step);
    void unmark();
    QStringList labels() const; // from top to bottom

    std::function<void()> onViewChanged; // by the person's hand

private:
    struct Lines {
        QCPGraph *raw = nullptr, *smooth = nullptr, *eval = nullptr;
        QCPItemText *trainLabel = nullptr, *evalLabel = nullptr;
        QCPItemTracer* tracer = nullptr;
    };
    struct Thinned {
        QCPRange range;
        int width = 0;
    };
    void styleLines(std::size_t i);
    void thin();
    void fit();
    void writeLabels();
    void placeLabels();
    void viewMoved();

    const std::vector<LossCurve>& m_curves;
    std::vector<Lines> m_lines;
    QSharedPointer<LossTicker> m_ticker{new LossTicker};
    QCPItemStraightLine* m_hair;
    QCPItemText* m_unit;
    Thinned m_thinned; // what the long curves' points in the graphs were chosen for
    double m_steps = 0;
    bool m_log = false, m_following = true, m_fitting = false;
};

} // namespace ui
