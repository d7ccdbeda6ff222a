// SPDX-License-Identifier: GPL-3.0-or-later
// Chips and verdict above, matrices in the middle, tabs below; a click on a matrix's cell lists its rows.
#include "ui/compare/compare_page.h"

#include "ui/card.h"
#include "ui/compare/label_model.h"
#include "ui/compare/metric_model.h"
#include "ui/compare/row_texts.h"
#include "ui/compare/run_chips.h"
#include "ui/figures.h"
#include "ui/plain_table.h"
#include "ui/plots/loss_plot.h"
#include "ui/plots/matrix_plot.h"
#include "ui/run_words.h"
#include "ui/theme/icons.h"

#include <QButtonGroup>
#include <QGridLayout>
#include <QHeaderView>
#include <QLabel>
#include <QPushButton>
#include <QScrollArea>
#include <QSplitter>
#include <QTabWidget>

#include <algorithm>

namespace ui {

using engine::ComparedRun;
using engine::Comparison;
using engine::RowFate;

namespace {

constexpr int kMatrixWidth = 280, kMatrixHeight = 212, kMetricRow = 24;
enum Tab { MetricsTab, RowsTab, LossTab, SettingsTab };

/// The first column as wide as it needs, the others share the rest while that leaves them `least` pixels.
void fitColumns(QTableView* view, int first, int least) {
    QHeaderView* header = view->horizontalHeader();
    const bool room = (header->count() - 1) * least <= view->viewport()->width() - first || header->count() <= 4;
    for (int column = 0; column < header->count(); ++column) {
        header->setSectionResizeMode(column, column > 0 && room ? QHeaderView::Stretch : QHeaderView::Interactive);
        if (column == 0 || !room) header->resizeSection(column, column == 0 ? first : least);
    }
}

/// The verdict, with the change in the colour of good or bad where it is more than chance.
QString coloured(const Comparison& comparison) {
    const QString text = verdict(comparison).toHtmlEscaped();
    const qsizetype comma = text.lastIndexOf(QStringLiteral(", "));
    if (!comparison.isPair() || comma < 0 || comparison.chance().value_or(1) >= 0.05) return text;
    const bool better = comparison.rowsOf(RowFate::Fixed) > comparison.rowsOf(RowFate::Broken);
    const QColor color = Theme::instance().color(better ? Token::Good : Token::Bad);
    return QStringLiteral("%1, <span style='color:%2'>%3</span>").arg(text.left(comma), color.name(), text.mid(comma + 2));
}

constexpr int kFirstColumn = 160, kLeastColumn = 96;

} // namespace

ComparePage::ComparePage(Backend& backend, Document& document, QWidget* parent)
    : Page(tr("Results"), tr("What did training change?"), parent), m_backend(backend),
      m_texts(new RowTexts(backend, document, this)) {
    m_try = primaryAction(tr("Try it in Play"));
    connect(m_try, &QPushButton::clicked, this, &ComparePage::tryIt);

    m_chips = new RunChips(backend);
    connect(m_chips, &RunChips::added, this, [this](engine::RunId run) { showRuns(shownRuns() << run); });
    connect(m_chips, &RunChips::removed, this, [this](engine::RunId run) {
        QList<engine::RunId> rest = shownRuns();
        rest.removeAll(run);
        showRuns(rest);
    });
    content()->addWidget(m_chips);

    auto* sentence = new QVBoxLayout;
    sentence->setSpacing(2);
    m_verdict = new QLabel;
    m_verdict->setObjectName(QStringLiteral("verdict"));
    m_verdict->setTextFormat(Qt::RichText);
    m_verdict->setTextInteractionFlags(Qt::TextSelectableByMouse);
    setRole(m_verdict, "title");
    m_detail = new QLabel;
    m_detail->setObjectName(QStringLiteral("verdictDetail"));
    m_detail->setTextFormat(Qt::PlainText);
    m_detail->setTextInteractionFlags(Qt::TextSelectableByMouse);
    m_detail->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    setRole(m_detail, "muted");
    sentence->addWidget(m_verdict);
    sentence->addWidget(m_detail);
    content()->addLayout(sentence);

    m_matrixBox = new QWidget;
    setRole(m_matrixBox, "scrolled");
    m_matrixGrid = new QGridLayout(m_matrixBox);
    m_matrixGrid->setContentsMargins(0, 0, 0, 0);
    m_matrixGrid->setSpacing(2 * kGrid);
    auto* matrices = new QScrollArea;
    matrices->setWidgetResizable(true);
    matrices->setFrameShape(QFrame::NoFrame);
    matrices->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    matrices->setMinimumHeight(kMatrixHeight - 16);
    matrices->setWidget(m_matrixBox);

    m_tabs = new QTabWidget;
    m_tabs->setDocumentMode(true);
    m_tabs->addTab(buildMetrics(), tr("Metrics"));
    m_tabs->addTab(buildRows(), tr("Rows"));
    m_loss = new LossPlot;
    m_loss->setEmptyText(tr("None of these runs trained, so there is no loss curve."));
    m_tabs->addTab(m_loss, tr("Loss"));
    m_settings = new SettingModel(this);
    auto* settings = new QWidget;
    auto* settingsColumn = new QVBoxLayout(settings);
    settingsColumn->setContentsMargins(0, kGrid, 0, 0);
    m_noSettings = new QLabel;
    setRole(m_noSettings, "muted");
    m_settingsView = plainTable(QStringLiteral("settings"));
    m_settingsView->setModel(m_settings);
    settingsColumn->addWidget(m_noSettings);
    settingsColumn->addWidget(m_settingsView, 1);
    m_tabs->addTab(settings, tr("Settings"));
    auto* card = new Card;
    card->layout()->setContentsMargins(2 * kGrid, 4, 2 * kGrid, kGrid);
    card->body()->addWidget(m_tabs);

    auto* splitter = new QSplitter(Qt::Vertical);
    splitter->addWidget(matrices);
    splitter->addWidget(card);
    splitter->setStretchFactor(0, 1);
    splitter->setStretchFactor(1, 1);
    splitter->setChildrenCollapsible(false);
    splitter->setSizes({kMatrixHeight, kMatrixHeight + 52});
    content()->addWidget(splitter, 1);

    connect(m_texts, &RowTexts::changed, this, &ComparePage::showRows);
    connect(&Theme::instance(), &Theme::changed, this, [this] { m_verdict->setText(coloured(m_comparison)); });
    connect(&backend, &Backend::runsChanged, this, [this] {
        m_stale = true;
        if (isVisible()) reload();
    });
    reload();
}

QWidget* ComparePage::buildMetrics() {
    auto* box = new QWidget;
    auto* row = new QHBoxLayout(box);
    row->setContentsMargins(0, kGrid, 0, 0);
    row->setSpacing(4 * kGrid);
    const auto table = [](const char* name, QAbstractItemModel* model) {
        QTableView* view = plainTable(QLatin1String(name));
        view->setModel(model);
        view->setSelectionMode(QAbstractItemView::NoSelection);
        view->verticalHeader()->setDefaultSectionSize(kMetricRow);
        return view;
    };
    m_overall = new MetricModel(tr("Overall"), this);
    m_perLabel = new MetricModel(tr("Per label"), this);
    m_labels = new LabelModel(this);
    m_overallView = table("overall", m_overall);
    m_perLabelView = table("perLabel", m_perLabel);
    m_labelsView = table("labels", m_labels);
    m_labelsView->setItemDelegate(new DifferenceDelegate(m_labelsView));
    row->addWidget(m_overallView, 5);
    row->addWidget(m_perLabelView, 6);
    row->addWidget(m_labelsView, 6);
    return box;
}

QWidget* ComparePage::buildRows() {
    auto* box = new QWidget;
    auto* column = new QVBoxLayout(box);
    column->setContentsMargins(0, kGrid, 0, 0);
    column->setSpacing(kGrid);
    auto* filters = new QHBoxLayout;
    filters->setSpacing(4);
    m_fates = new QButtonGroup(this);
    const std::pair<const char*, int> fates[]{{"all", -1},
                                              {"fixed", int(RowFate::Fixed)},
                                              {"broken", int(RowFate::Broken)},
                                              {"bothWrong", int(RowFate::BothWrong)},
                                              {"bothRight", int(RowFate::BothRight)}};
    for (const auto& [name, fate] : fates) {
        auto* button = new QPushButton;
        button->setObjectName(QStringLiteral("rows_") + QLatin1String(name));
        button->setCheckable(true);
        button->setChecked(fate < 0);
        setRole(button, "quiet");
        m_fates->addButton(button, fate + 1); // 0: all
        filters->addWidget(button);
    }
    connect(m_fates, &QButtonGroup::idClicked, this, [this](int id) {
        RowFilter filter = m_rows->filter();
        filter.fate = id ? std::optional(RowFate(id - 1)) : std::nullopt;
        m_rows->setFilter(filter);
        refreshRowFilter();
    });
    filters->addSpacing(kGrid);
    m_clearCell = new QPushButton;
    m_clearCell->setObjectName(QStringLiteral("clearCell"));
    m_clearCell->setIcon(icon(QStringLiteral("close")));
    m_clearCell->setToolTip(tr("Show the rows of every cell"));
    connect(m_clearCell, &QPushButton::clicked, this, [this] {
        RowFilter filter = m_rows->filter();
        filter.cell.reset();
        m_rows->setFilter(filter);
        refreshRowFilter();
    });
    filters->addWidget(m_clearCell);
    filters->addStretch(1);
    m_textNote = new QLabel;
    setRole(m_textNote, "small");
    filters->addWidget(m_textNote);
    m_loadTexts = new QPushButton(tr("Read the texts"));
    m_loadTexts->setObjectName(QStringLiteral("loadTexts"));
    connect(m_loadTexts, &QPushButton::clicked, m_texts, &RowTexts::load);
    filters->addWidget(m_loadTexts);
    column->addLayout(filters);
    m_noRows = new QLabel;
    m_noRows->setAlignment(Qt::AlignCenter);
    setRole(m_noRows, "muted");
    column->addWidget(m_noRows, 1);
    m_rows = new RowModel(this);
    m_rowsView = plainTable(QStringLiteral("rows"));
    m_rowsView->setModel(m_rows);
    column->addWidget(m_rowsView, 1);
    return box;
}

QList<engine::RunId> ComparePage::shownRuns() const {
    QList<engine::RunId> runs;
    for (const ComparedRun& run : m_comparison.runs) runs << run.detail.summary.id;
    return runs;
}

void ComparePage::showRuns(const QList<engine::RunId>& runs) {
    m_wanted.clear();
    for (const engine::RunId run : runs)
        if (!m_wanted.contains(run)) m_wanted << run;
    m_chosen = !runs.isEmpty();
    m_stale = true;
    reload();
}

void ComparePage::showEvent(QShowEvent* event) {
    Page::showEvent(event);
    if (m_stale) reload();
}

void ComparePage::reload() {
    m_stale = false;
    QString problem;
    try {
        m_rows->show(nullptr, {});
        const std::vector<engine::RunId> runs =
            m_chosen ? std::vector<engine::RunId>(m_wanted.begin(), m_wanted.end()) : engine::newestPair(m_backend.runs());
        m_comparison = engine::compare(m_backend.runs(), runs, true);
    } catch (const engine::Error& error) {
        m_comparison = {};
        problem = problemText(error);
    }
    m_try->setEnabled(!m_comparison.runs.empty());
    m_try->setToolTip(m_comparison.runs.empty() ? tr("There is no run to try yet.")
                                                : tr("Ask the model yourself, base and tuned side by side"));
    if (m_comparison.runs.empty()) {
        showEmpty(problem.isEmpty() ? tr("Here the tuned model stands beside the one you started from: how many rows it gets "
                                         "right, which ones were fixed, and which were broken. "
                                         "Train once, and both are evaluated on the same test rows.")
                                    : problem,
                  problem.isEmpty() ? tr("Train a model") : tr("Try again"), [this, failed = !problem.isEmpty()] {
                      if (failed)
                          reload();
                      else
                          Q_EMIT trainRequested();
                  });
        return;
    }
    showContent();
    m_chips->setRuns(m_comparison.runs);
    m_verdict->setText(coloured(m_comparison));
    m_detail->setText(verdictDetail(m_comparison));
    m_detail->setVisible(!m_detail->text().isEmpty());
    showMatrices();

    const bool few = m_comparison.runs.size() <= 2;
    m_overall->show(m_comparison.runs, overallRows(m_comparison));
    m_perLabel->show(m_comparison.runs, few ? std::vector<FigureRow>() : perLabelRows(m_comparison));
    m_labels->show(m_comparison);
    m_perLabelView->setVisible(!few);
    m_labelsView->setVisible(m_comparison.isPair()); // one run's stand beside its matrix
    fitColumns(m_overallView, kFirstColumn, kLeastColumn);
    fitColumns(m_perLabelView, kFirstColumn, kLeastColumn);
    QHeaderView* labelHeader = m_labelsView->horizontalHeader();
    for (int column = 0; column < LabelModel::Columns; ++column)
        labelHeader->setSectionResizeMode(column,
                                          column < LabelModel::Precision ? QHeaderView::Interactive : QHeaderView::Stretch);
    labelHeader->resizeSection(LabelModel::Label, 88);
    labelHeader->resizeSection(LabelModel::Support, 52);
    QList<Curve> curves;
    for (const ComparedRun& run : m_comparison.runs) {
        Curve curve{run.detail.summary.id, titleOf(run), {}, {}};
        for (const auto& [name, points] : run.detail.metrics) {
            if (name == "loss") curve.loss = points;
            if (name == "eval_loss") curve.evalLoss = points;
        }
        if (!curve.loss.empty() || !curve.evalLoss.empty()) curves << curve;
        if (run.experiment)
            m_loss->setLossPer(run.experiment->train.loss_on == engine::LossOn::All ? tr("token") : tr("answer token"));
    }
    m_loss->setCurves(curves);

    const std::vector<SettingTexts> settings = settingRows(m_comparison);
    m_settings->show(m_comparison.runs, settings);
    fitColumns(m_settingsView, 240, 160);
    m_settingsView->setVisible(!settings.empty());
    m_noSettings->setVisible(settings.empty());
    m_noSettings->setText(m_comparison.runs.size() < 2 ? tr("Add a second run to see in which settings the two differ.")
                                                       : tr("These runs have the same settings."));
    m_tabs->setTabText(SettingsTab, settings.empty() ? tr("Settings") : tr("Settings that differ · %1").arg(settings.size()));
    m_tabs->setTabVisible(LossTab, !curves.isEmpty());
    m_texts->use(m_comparison.runs.back());
    showRows();
}

void ComparePage::showMatrices() {
    for (QLayoutItem* item = m_matrixGrid->takeAt(0); item; item = m_matrixGrid->takeAt(0)) {
        delete item->widget(); // none of them is answering a click: those do not lead here
        delete item;
    }
    m_plots.clear();
    const auto add = [&] {
        auto* card = new Card;
        auto* plot = new MatrixPlot;
        card->body()->addWidget(plot);
        const std::size_t at = m_plots.size();
        connect(plot, &MatrixPlot::cellClicked, this, [this, at](int truth, int guess) { clickCell(at, truth, guess); });
        m_plots.push_back(plot);
        m_matrixGrid->addWidget(card, 0, int(at));
        return plot;
    };
    for (const ComparedRun& run : m_comparison.runs) {
        MatrixPlot* plot = add();
        plot->setObjectName(QStringLiteral("matrix%1").arg(run.detail.summary.id));
        if (run.detail.report)
            plot->setMatrix(run.detail.report->confusion, tr("%1 · %2").arg(titleOf(run), percent(run.detail.report->accuracy)),
                            run.detail.summary.id);
        else
            plot->setEmptyText(tr("%1 has no results yet.").arg(titleOf(run)));
    }
    if (m_comparison.isPair() && m_comparison.runs[0].detail.report && m_comparison.runs[1].detail.report) {
        MatrixPlot* plot = add();
        plot->setObjectName(QStringLiteral("difference"));
        plot->setDifference(m_comparison.runs[0].detail.report->confusion, m_comparison.runs[1].detail.report->confusion,
                            tr("Difference in rows and points"));
    }
    if (m_comparison.runs.size() == 1 && !m_comparison.labels.empty()) {
        auto* card = new Card(tr("Per label"));
        QTableView* view = plainTable(QStringLiteral("labelsBeside"));
        view->setModel(m_labels);
        view->setSelectionMode(QAbstractItemView::NoSelection);
        view->horizontalHeader()->setSectionResizeMode(QHeaderView::Stretch);
        card->body()->addWidget(view);
        m_matrixGrid->addWidget(card, 0, 1);
    }
    placeMatrices();
}

void ComparePage::placeMatrices() {
    const int fit = std::max(1, (width() - 6 * kGrid) / (kMatrixWidth + 2 * kGrid));
    const int columns = std::min(fit, int(m_plots.size()));
    const int used = m_plots.size() == 1 ? 2 : columns; // one matrix has its labels' figures beside it
    for (int column = 0; column < m_matrixGrid->columnCount(); ++column)
        m_matrixGrid->setColumnStretch(column, column < used ? 1 : 0);
    for (std::size_t i = 0; i < m_plots.size(); ++i) {
        QWidget* card = m_plots[i]->parentWidget();
        card->setMinimumHeight(int(m_plots.size()) > columns ? kMatrixHeight : 0);
        m_matrixGrid->removeWidget(card);
        m_matrixGrid->addWidget(card, int(i) / columns, int(i) % columns);
    }
}

void ComparePage::resizeEvent(QResizeEvent* event) {
    Page::resizeEvent(event);
    if (!m_plots.empty()) placeMatrices();
}

void ComparePage::showRows() {
    const bool any = !m_comparison.rows.empty();
    m_rows->show(&m_comparison, [this](std::int64_t record) { return m_texts->text(record); });
    m_rowsView->setVisible(any);
    m_noRows->setVisible(!any);
    m_noRows->setText(noRowsText(m_comparison));
    const bool alone = m_comparison.runs.size() == 1;
    const QString names[]{tr("All"), tr("Fixed"), tr("Broken"),
                          alone                   ? tr("Wrong")
                          : m_comparison.isPair() ? tr("Both wrong")
                                                  : tr("First and last wrong"),
                          alone                   ? tr("Right")
                          : m_comparison.isPair() ? tr("Both right")
                                                  : tr("First and last right")};
    for (QAbstractButton* button : m_fates->buttons()) {
        const int id = m_fates->id(button);
        const std::int64_t n = id ? m_comparison.rowsOf(RowFate(id - 1)) : std::int64_t(m_comparison.rows.size());
        button->setText(QStringLiteral("%1  %2").arg(names[id], count(n)));
        button->setVisible(any && (!alone || id == 0 || id - 1 == int(RowFate::BothWrong) || id - 1 == int(RowFate::BothRight)));
    }
    m_tabs->setTabText(RowsTab, any ? tr("Rows · %1").arg(count(std::int64_t(m_comparison.rows.size()))) : tr("Rows"));
    const bool missing = any && !m_texts->isAvailable();
    m_loadTexts->setVisible(missing && !m_texts->file().isEmpty());
    m_textNote->setVisible(missing);
    m_textNote->setText(m_texts->file().isEmpty() ? tr("Open the file these runs read to see the texts.")
                                                  : tr("The texts are not loaded."));
    QHeaderView* header = m_rowsView->horizontalHeader();
    for (int column = 0; column < header->count(); ++column) {
        header->setSectionResizeMode(column, column == RowModel::Text ? QHeaderView::Stretch : QHeaderView::Interactive);
        if (column != RowModel::Text)
            header->resizeSection(column, column == RowModel::Record ? 72 : column == RowModel::Truth ? 104 : 160);
    }
    refreshRowFilter();
}

void ComparePage::refreshRowFilter() {
    RowFilter filter = m_rows->filter();
    if (filter.cell &&
        (std::size_t(filter.cell->truth) >= m_comparison.labels.size() || filter.cell->run >= m_comparison.runs.size()))
        filter.cell.reset();
    if (m_comparison.runs.size() == 1 && filter.fate && *filter.fate != RowFate::BothRight && *filter.fate != RowFate::BothWrong)
        filter.fate.reset();
    m_rows->setFilter(filter);
    m_fates->button(filter.fate ? int(*filter.fate) + 1 : 0)->setChecked(true);
    m_clearCell->setVisible(filter.cell.has_value());
    for (std::size_t i = 0; i < m_plots.size(); ++i) {
        const bool here = filter.cell && (filter.anyRun ? i == m_comparison.runs.size() : i == filter.cell->run);
        m_plots[i]->setSelected(here ? std::optional(std::pair(filter.cell->truth, filter.cell->guess)) : std::nullopt);
    }
    if (!filter.cell) return;
    const QString guess = labelOf(m_comparison, filter.cell->guess);
    const QString whose = m_comparison.runs.size() == 1 ? QString()
                          : filter.anyRun               ? tr(" in either run")
                                          : tr(" in run %1").arg(m_comparison.runs[filter.cell->run].detail.summary.id);
    const QString what = filter.cell->guess == filter.cell->truth
                             ? tr("%1 guessed right").arg(guess)
                             : tr("%1 taken for %2").arg(labelOf(m_comparison, filter.cell->truth), guess);
    m_clearCell->setText(tr("%1%2: %3").arg(what, whose, count(m_rows->rowCount())));
}

void ComparePage::clickCell(std::size_t plot, int truth, int guess) {
    RowFilter filter = m_rows->filter();
    const RowFilter before = filter;
    filter.anyRun = plot >= m_comparison.runs.size();
    filter.cell = RowFilter::Cell{filter.anyRun ? 0 : plot, truth, guess};
    if (filter == before) filter.cell.reset(); // a second click takes it back
    m_rows->setFilter(filter);
    refreshRowFilter();
    if (filter.cell) m_tabs->setCurrentIndex(RowsTab);
}

void ComparePage::tryIt() {
    for (auto run = m_comparison.runs.rbegin(); run != m_comparison.runs.rend(); ++run)
        if (run->detail.summary.kind == engine::RunKind::Train) return Q_EMIT promptRequested(run->detail.summary.id);
    Q_EMIT promptRequested(m_comparison.runs.back().detail.summary.id);
}

} // namespace ui
