// SPDX-License-Identifier: GPL-3.0-or-later
// The pages and plots that are built apart; while one is missing, an empty widget of its name stands in.
#pragma once
#include "ui/document.h"
#include "ui/page.h"

#if __has_include("ui/compare/compare_page.h")
#include "ui/compare/compare_page.h"
#else
namespace ui {
class ComparePage : public Page {
public:
    ComparePage(Backend&, Document&, QWidget* parent = nullptr) : Page(tr("Results"), {}, parent) {}
    void showRuns(const QList<engine::RunId>&) {}
};
} // namespace ui
#endif
#if __has_include("ui/runs/runs_page.h")
#include "ui/runs/runs_page.h"
#else
namespace ui {
class RunsPage : public Page {
public:
    RunsPage(Backend&, Document&, QWidget* parent = nullptr) : Page(tr("Runs"), {}, parent) {}
};
} // namespace ui
#endif
#if __has_include("ui/playground/playground_page.h")
#include "ui/playground/playground_page.h"
#else
namespace ui {
class PlaygroundPage : public Page {
public:
    PlaygroundPage(Backend&, Document&, QWidget* parent = nullptr) : Page(tr("Play"), {}, parent) {}
    void useRun(engine::RunId) {}
};
} // namespace ui
#endif
#if __has_include("ui/plots/loss_plot.h")
#include "ui/plots/loss_plot.h"
#include "ui/plots/matrix_plot.h"
#else
namespace ui {
class LossPlot : public QWidget {
public:
    void clear() {}
    void addStep(const engine::StepEvent&) {}
    void addEval(const engine::EvalEvent&) {}
    void setSmoothing(double) {}
    double smoothing() const { return 0; }
    void setLogScale(bool) {}
    void setEmptyText(const QString&) {}
    void setLossPer(const QString&) {}
};
class MatrixPlot : public QWidget {
public:
    void clear() {}
    void setMatrix(const engine::ConfusionMatrix&, const QString&, qint64 = 0) {}
    void setEmptyText(const QString&) {}
};
} // namespace ui
#endif
