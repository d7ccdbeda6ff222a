// SPDX-License-Identifier: GPL-3.0-or-later
// Loss against step: live while a run trains, or several runs' curves laid over each other.
#pragma once
#include "engine/events.h"
#include "ui/plots/loss_curve.h"

#include <QList>
#include <QWidget>
#include <memory>

namespace ui {

class LossPlot : public QWidget {
    Q_OBJECT
public:
    explicit LossPlot(QWidget* parent = nullptr);
    ~LossPlot() override;

    void clear();
    /// Of the run in the event; a step at or before the last one replaces what came after it.
    void addStep(const engine::StepEvent& event);
    void addEval(const engine::EvalEvent& event);
    /// In place of all that is shown.
    void setCurves(const QList<Curve>& curves);
    void setSmoothing(double weight); // 0 ≤ weight < 1; 0: the raw curve only
    double smoothing() const;
    void setLogScale(bool on);
    bool isLogScale() const;
    void setEmptyText(const QString& text);
    /// "answer token" unless said otherwise (train.loss_on: all).
    void setLossPer(const QString& unit);

    /// The wheel, dragging and +/− zoom; a double click, Home or this goes back to everything.
    void resetView();
    bool isZoomed() const;

    const std::vector<LossCurve>& curves() const;
    /// What the pointer reads at this step, as plain text lines.
    QString readout(double step) const;
    /// The labels at the curves' ends, from top to bottom.
    QStringList endLabels() const;
    /// By the path's ending: .png .svg .pdf pictures, .csv numbers. False with `problem` filled.
    bool exportTo(const QString& path, QString* problem = nullptr) const;

    QSize sizeHint() const override;
    QSize minimumSizeHint() const override;

protected:
    bool eventFilter(QObject* watched, QEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void contextMenuEvent(QContextMenuEvent* event) override;

private:
    struct Impl;
    std::unique_ptr<Impl> m_impl;
};

} // namespace ui
