// SPDX-License-Identifier: GPL-3.0-or-later
// Results: what training changed, in one sentence, in matrices, in figures and row by row.
#pragma once
#include "ui/compare/comparison_text.h"
#include "ui/compare/row_model.h"
#include "ui/document.h"
#include "ui/page.h"

class QButtonGroup;
class QGridLayout;
class QLabel;
class QPushButton;
class QTabWidget;
class QTableView;

namespace ui {

class LabelModel;
class LossPlot;
class MatrixPlot;
class MetricModel;
class RowTexts;
class RunChips;
class SettingModel;

class ComparePage : public Page {
    Q_OBJECT
public:
    explicit ComparePage(Backend& backend, Document& document, QWidget* parent = nullptr);

    /// In this order, baseline first; none: the newest pair again.
    void showRuns(const QList<engine::RunId>& runs);
    QList<engine::RunId> shownRuns() const;

Q_SIGNALS:
    void promptRequested(engine::RunId run);
    void trainRequested();

protected:
    void showEvent(QShowEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;

private:
    QWidget* buildMetrics();
    QWidget* buildRows();
    void reload();
    void showMatrices();
    void placeMatrices();
    void showRows();
    void refreshRowFilter();
    void clickCell(std::size_t plot, int truth, int guess);
    void tryIt();

    Backend& m_backend;
    QList<engine::RunId> m_wanted;
    bool m_chosen = false, m_stale = true;
    engine::Comparison m_comparison;
    RowTexts* m_texts = nullptr;

    RunChips* m_chips = nullptr;
    QLabel *m_verdict = nullptr, *m_detail = nullptr, *m_noRows = nullptr, *m_textNote = nullptr, *m_noSettings = nullptr,
           *m_cellNote = nullptr;
    QWidget* m_matrixBox = nullptr;
    QGridLayout* m_matrixGrid = nullptr;
    std::vector<MatrixPlot*> m_plots; // as the runs; of a pair, the difference last
    QTabWidget* m_tabs = nullptr;
    QButtonGroup* m_fates = nullptr;
    QPushButton *m_clearCell = nullptr, *m_loadTexts = nullptr, *m_try = nullptr;
    MetricModel *m_overall = nullptr, *m_perLabel = nullptr;
    LabelModel* m_labels = nullptr;
    SettingModel* m_settings = nullptr;
    RowModel* m_rows = nullptr;
    QTableView *m_overallView = nullptr, *m_perLabelView = nullptr, *m_labelsView = nullptr, *m_settingsView = nullptr,
               *m_rowsView = nullptr;
    LossPlot* m_loss = nullptr;
};

} // namespace ui
