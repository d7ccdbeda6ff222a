// SPDX-License-Identifier: GPL-3.0-or-later
// The table at the left, the drawer at the right; what is deleted is first only hidden.
#include "ui/runs/runs_page.h"

#include "ui/card.h"
#include "ui/engine_text.h"
#include "ui/figures.h"
#include "ui/plain_table.h"
#include "ui/run_words.h"
#include "ui/runs/column_memory.h"
#include "ui/runs/run_drawer.h"
#include "ui/runs/runs_model.h"
#include "ui/runs/undo_bar.h"
#include "ui/theme/icons.h"

#include <QAction>
#include <QDir>
#include <QFileDialog>
#include <QHeaderView>
#include <QKeyEvent>
#include <QLabel>
#include <QLineEdit>
#include <QMenu>
#include <QPushButton>
#include <QSettings>
#include <QShortcut>
#include <QVBoxLayout>

#include <algorithm>

namespace ui {
namespace {

const QString kColumnsKey = QStringLiteral("runs/columns"), kDetailsKey = QStringLiteral("runs/details"),
              kExportKey = QStringLiteral("runs/export");

int usualWidth(int column) {
    switch (column) {
    case RunsModel::Number: return 64;
    case RunsModel::Name: return 168;
    case RunsModel::State: return 124;
    case RunsModel::Rank: return 48;
    case RunsModel::Alpha: return 60;
    case RunsModel::Started:
    case RunsModel::Duration:
    case RunsModel::LearningRate: return 104;
    case RunsModel::Tags:
    case RunsModel::Model: return 144;
    default: return 78;
    }
}

/// Of formats that are written as a file: the dialog asks about one that is there.
bool mayReplace(const engine::Exporter& exporter) {
    return exporter.makes == engine::Makes::File || exporter.makes == engine::Makes::FileByEnding;
}

} // namespace

RunsPage::RunsPage(Backend& backend, Document&, QWidget* parent)
    : Page(tr("Runs"), tr("Which settings worked best?"), parent), m_backend(backend) {
    m_compare = primaryAction(tr("Compare"));
    connect(m_compare, &QPushButton::clicked, this, [this] { Q_EMIT compareRequested(selectedRuns()); });

    m_model = new RunsModel(this);
    m_proxy = new RunsProxy(this);
    m_proxy->setSourceModel(m_model);
    m_drawer = new RunDrawer(backend);
    auto* row = new QHBoxLayout;
    row->setSpacing(2 * kGrid);
    row->addWidget(buildTable(), 1);
    row->addWidget(m_drawer);
    content()->addLayout(row, 1);
    wireDrawer();

    m_undo = new UndoBar(this);
    connect(m_undo, &UndoBar::undone, this, [this] {
        m_proxy->unhide(m_leaving);
        m_leaving.clear();
        refreshStatus();
    });
    connect(m_undo, &UndoBar::expired, this, &RunsPage::commitDelete);
    auto* undo = new QShortcut(QKeySequence::Undo, this);
    connect(undo, &QShortcut::activated, m_undo, &UndoBar::undo);

    connect(m_model, &RunsModel::renameRequested, this, [this](engine::RunId run, const QString& name) {
        if (!attempt([&] { m_backend.runs().rename(run, name.toStdString()); })) return;
        m_model->patch(run, [&](engine::RunSummary& summary) { summary.name = name.toStdString(); });
        refreshSelection();
    });
    connect(m_proxy, &QAbstractItemModel::modelReset, this, &RunsPage::refreshSelection);
    connect(m_view->selectionModel(), &QItemSelectionModel::selectionChanged, this, &RunsPage::refreshSelection);
    connect(&backend, &Backend::runsChanged, this, [this] {
        m_stale = true;
        if (isVisible()) reload();
    });
    reload();
}

RunsPage::~RunsPage() {
    m_drawer->flush();
    disconnect(m_undo, nullptr, this, nullptr);
    if (!m_leaving.isEmpty()) commitDelete();
}

QWidget* RunsPage::buildTable() {
    auto* card = new Card;
    card->layout()->setContentsMargins(1, 12, 1, 1);
    auto* line = new QHBoxLayout;
    line->setContentsMargins(15, 0, 15, 0);
    line->setSpacing(kGrid);
    m_filter = new QLineEdit;
    m_filter->setObjectName(QStringLiteral("filter"));
    m_filter->setPlaceholderText(tr("r >= 16 and macro_f1 > 0.8, or words of a name or tag"));
    m_filter->setClearButtonEnabled(true);
    m_filter->addAction(icon(QStringLiteral("search")), QLineEdit::LeadingPosition);
    m_filter->setToolTip(
        tr("<p>Words are looked for in names, tags, notes, kinds and states. Conditions use the names of settings and results: "
           "<b>accuracy &gt; 80%</b>, <b>r &gt;= 16 and lr &lt; 5e-4</b>, <b>not state = failed</b>, <b>duration &lt; 10min</b>, "
           "<b>name ~ sweep or tag = best</b>.</p>"));
    m_filter->setAccessibleName(tr("Filter"));
    connect(m_filter, &QLineEdit::textChanged, this, &RunsPage::applyFilter);
    line->addWidget(m_filter, 1);
    auto* columns = new QPushButton(tr("Columns"));
    columns->setObjectName(QStringLiteral("columns"));
    setRole(columns, "quiet");
    connect(columns, &QPushButton::clicked, this,
            [this, columns] { chooseColumns(columns->mapToGlobal(QPoint(0, columns->height()))); });
    line->addWidget(columns);
    m_details = new QPushButton(tr("Details"));
    m_details->setObjectName(QStringLiteral("details"));
    m_details->setCheckable(true);
    setRole(m_details, "quiet");
    m_details->setChecked(QSettings().value(kDetailsKey, true).toBool());
    m_drawer->setVisible(m_details->isChecked());
    connect(m_details, &QPushButton::toggled, this, [this](bool on) {
        m_drawer->setVisible(on);
        QSettings().setValue(kDetailsKey, on);
    });
    line->addWidget(m_details);
    card->body()->addLayout(line);
    m_status = new QLabel;
    m_status->setObjectName(QStringLiteral("status"));
    m_status->setTextFormat(Qt::PlainText);
    m_status->setContentsMargins(2 * kGrid, 0, 2 * kGrid, 0);
    m_status->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Fixed);
    setRole(m_status, "small");
    card->body()->addWidget(m_status);

    m_view = plainTable(QStringLiteral("runs"));
    m_view->setModel(m_proxy);
    m_view->setSelectionMode(QAbstractItemView::ExtendedSelection);
    m_view->setEditTriggers(QAbstractItemView::DoubleClicked | QAbstractItemView::EditKeyPressed);
    m_view->setSortingEnabled(true);
    m_view->setContextMenuPolicy(Qt::CustomContextMenu);
    m_view->setAccessibleName(tr("Runs"));
    connect(m_view, &QTableView::customContextMenuRequested, this, &RunsPage::showMenu);
    QHeaderView* header = m_view->horizontalHeader();
    header->setSectionsMovable(true);
    header->setContextMenuPolicy(Qt::CustomContextMenu);
    connect(header, &QHeaderView::customContextMenuRequested, this,
            [this, header](const QPoint& at) { chooseColumns(header->mapToGlobal(at)); });
    for (int column = 0; column < RunsModel::columns(); ++column) {
        header->resizeSection(column, usualWidth(column));
        header->setSectionHidden(column, !RunsModel::isUsual(column));
        if (RunsModel::measureOf(column)) // what a run is measured by comes before its settings
            header->moveSection(header->visualIndex(column), RunsModel::Rank + column - RunsModel::FirstMeasure);
    }
    m_view->sortByColumn(RunsModel::Number, Qt::DescendingOrder);
    restoreColumns(*header, RunsModel::columnNames(), kColumnsKey);
    m_view->sortByColumn(header->sortIndicatorSection(), header->sortIndicatorOrder());
    const auto remember = [header] { rememberColumns(*header, RunsModel::columnNames(), kColumnsKey); };
    connect(header, &QHeaderView::sectionMoved, this, remember);
    connect(header, &QHeaderView::sectionResized, this, remember);
    connect(header, &QHeaderView::sortIndicatorChanged, this, remember);
    card->body()->addWidget(m_view, 1);

    m_view->installEventFilter(this);
    return card;
}

void RunsPage::wireDrawer() {
    connect(m_drawer, &RunDrawer::noteChanged, this, [this](engine::RunId run, const QString& note) {
        if (attempt([&] { m_backend.runs().setNote(run, note.toStdString()); }))
            m_model->patch(run, [&](engine::RunSummary& summary) { summary.note = note.toStdString(); });
    });
    const auto retag = [this](engine::RunId run, const std::function<void()>& change) {
        if (!attempt(change)) return;
        m_model->patch(run, [&](engine::RunSummary& summary) { summary.tags = m_backend.runs().detail(run).summary.tags; });
        refreshSelection();
    };
    connect(m_drawer, &RunDrawer::tagAdded, this, [this, retag](engine::RunId run, const QString& tag) {
        retag(run, [&] { m_backend.runs().addTag(run, tag.toStdString()); });
    });
    connect(m_drawer, &RunDrawer::tagRemoved, this, [this, retag](engine::RunId run, const QString& tag) {
        retag(run, [&] { m_backend.runs().removeTag(run, tag.toStdString()); });
    });
    connect(m_drawer, &RunDrawer::openRequested, this, [this](engine::RunId run) {
        attempt([&] { Q_EMIT experimentRequested(fromText(m_backend.runs().detail(run).experimentYaml)); });
    });
    connect(m_drawer, &RunDrawer::resumeRequested, this, &RunsPage::resumeRequested);
    connect(m_drawer, &RunDrawer::deleteRequested, this, &RunsPage::deleteRuns);
    connect(m_drawer, &RunDrawer::exportRequested, this,
            [this](engine::RunId run, const QString& format, const engine::ExportChoices& choices) {
                const engine::Exporter& exporter = engine::exporterNamed(m_backend.exporters(), format.toStdString());
                const QString path = askExportPath(run, exporter);
                if (path.isEmpty()) return;
                engine::ExportChoices all = choices;
                if (mayReplace(exporter) && QFileInfo(path).isFile())
                    all[engine::kExisting] = engine::kReplace; // the dialog asked
                exportRun(run, format, all, path);
            });
    wireExports();
}

void RunsPage::wireExports() {
    connect(&m_backend, &Backend::exportProgress, this, [this](quint64 token, qint64 done, qint64 total) {
        if (token != m_export) return;
        m_done = total > 0 ? tr("Exporting: %1 of %2").arg(count(done), count(total)) : tr("Exporting…");
        refreshStatus();
    });
    connect(&m_backend, &Backend::exported, this, [this](quint64, const engine::Exported& what) {
        m_done = tr("Written: %1").arg(fromPath(what.path));
        for (const std::string& note : what.notes) m_done += QStringLiteral("  ") + fromText(note);
        say({});
    });
    connect(&m_backend, &Backend::exportFailed, this, [this](quint64, const QString& message, const QString& hint) {
        m_done.clear();
        say((message + QLatin1Char(' ') + hint).trimmed());
    });
}

QString RunsPage::askExportPath(engine::RunId run, const engine::Exporter& exporter) {
    const QFileDialog::Options options =
        mayReplace(exporter) ? QFileDialog::Options() : QFileDialog::Options(QFileDialog::DontConfirmOverwrite);
    const QString folder = QSettings().value(kExportKey, QDir::homePath()).toString();
    const QString path = QFileDialog::getSaveFileName(this, fromText(exporter.title),
                                                      QDir(folder).filePath(fromText(engine::exportName(exporter, run))),
                                                      QString(), nullptr, options);
    if (!path.isEmpty()) QSettings().setValue(kExportKey, QFileInfo(path).absolutePath());
    return path;
}

void RunsPage::exportRun(engine::RunId run, const QString& format, const engine::ExportChoices& choices, const QString& path) {
    m_done = tr("Exporting…");
    m_export = m_backend.exportRun(run, format, choices, path);
    say({});
}

bool RunsPage::attempt(const std::function<void()>& change) {
    try {
        change();
        say({});
        return true;
    } catch (const engine::Error& error) {
        say(problemText(error));
        return false;
    }
}

void RunsPage::say(const QString& problem) {
    m_problem = problem;
    refreshStatus();
}

bool RunsPage::eventFilter(QObject* watched, QEvent* event) {
    if (watched == m_view && event->type() == QEvent::KeyPress) {
        const auto* key = static_cast<QKeyEvent*>(event);
        if (key->matches(QKeySequence::Delete)) return deleteRuns(selectedRuns()), true;
        if ((key->key() == Qt::Key_Return || key->key() == Qt::Key_Enter) && m_compare->isEnabled())
            return m_compare->click(), true;
    }
    return Page::eventFilter(watched, event);
}

void RunsPage::showEvent(QShowEvent* event) {
    Page::showEvent(event);
    if (m_stale) reload();
}

void RunsPage::reload() {
    m_stale = false;
    attempt([this] { m_model->setRuns(m_backend.runs().list()); });
    if (m_model->rowCount() == 0 && m_problem.isEmpty())
        showEmpty(tr("Every training and evaluation is kept here with its settings, curves and results, so that any two can be "
                     "compared and any one repeated."),
                  tr("Train a model"), [this] { Q_EMIT trainRequested(); });
    else
        showContent();
    refreshSelection();
    refreshStatus();
}

void RunsPage::applyFilter() {
    const RunFilter filter(m_filter->text());
    const bool bad = !filter.problem().isEmpty();
    m_filter->setProperty("invalid", bad);
    m_filter->style()->unpolish(m_filter);
    m_filter->style()->polish(m_filter);
    if (!bad) m_proxy->setFilter(filter); // a half-written condition leaves the table as it was
    m_filterProblem = filter.problem();
    refreshStatus();
}

void RunsPage::refreshStatus() {
    const std::int64_t all = m_model->rowCount() - m_leaving.size(), shown = m_proxy->rowCount();
    const QString problem = m_problem.isEmpty() ? m_filterProblem : m_problem;
    setRole(m_status, problem.isEmpty() ? "small" : "error");
    m_status->setText(!problem.isEmpty()  ? problem
                      : !m_done.isEmpty() ? m_done
                      : shown == all      ? (all == 1 ? tr("1 run") : tr("%1 runs").arg(count(all)))
                                          : tr("%1 of %2 runs").arg(count(shown), count(all)));
    m_status->setToolTip(problem.isEmpty() ? m_done : problem);
}

QList<engine::RunId> RunsPage::selectedRuns() const {
    QList<engine::RunId> runs;
    for (const QModelIndex& index : m_view->selectionModel()->selectedRows())
        runs << index.data(RunsModel::kRunRole).value<engine::RunId>();
    std::sort(runs.begin(), runs.end());
    return runs;
}

void RunsPage::refreshSelection() {
    const QList<engine::RunId> runs = selectedRuns();
    m_compare->setEnabled(!runs.isEmpty());
    m_compare->setText(runs.size() > 1 ? tr("Compare %1").arg(runs.size()) : tr("Compare"));
    m_compare->setToolTip(runs.isEmpty() ? tr("Select one run or more in the table first.")
                                         : tr("See the selected runs side by side"));
    m_drawer->show(runs);
}

void RunsPage::chooseColumns(const QPoint& where) {
    QHeaderView* header = m_view->horizontalHeader();
    QMenu menu(this);
    for (int column = 0; column < RunsModel::columns(); ++column) {
        if (column == RunsModel::Number) continue; // something must stay
        QAction* action = menu.addAction(m_model->headerData(column, Qt::Horizontal).toString());
        action->setCheckable(true);
        action->setChecked(!header->isSectionHidden(column));
        connect(action, &QAction::toggled, this, [header, column](bool on) {
            header->setSectionHidden(column, !on);
            if (on && header->sectionSize(column) < 40) header->resizeSection(column, usualWidth(column));
            rememberColumns(*header, RunsModel::columnNames(), kColumnsKey);
        });
    }
    menu.exec(where);
}

void RunsPage::showMenu(const QPoint& where) {
    const QList<engine::RunId> runs = selectedRuns();
    if (runs.isEmpty()) return;
    QMenu menu(this);
    menu.addAction(m_compare->text(), m_compare, &QPushButton::click);
    if (runs.size() == 1) {
        menu.addAction(tr("Open its experiment"), this, [this, runs] { Q_EMIT m_drawer->openRequested(runs.front()); });
        menu.addAction(tr("Rename"), this,
                       [this] { m_view->edit(m_view->selectionModel()->selectedRows(RunsModel::Name).front()); });
    }
    menu.addSeparator();
    menu.addAction(tr("Delete"), this, [this, runs] { deleteRuns(runs); });
    menu.exec(m_view->viewport()->mapToGlobal(where));
}

void RunsPage::deleteRuns(const QList<engine::RunId>& runs) {
    QList<engine::RunId> leaving;
    for (const engine::RunId run : runs)
        if (const engine::RunSummary* summary = m_model->find(run); summary && summary->state != engine::RunState::Running)
            leaving << run;
    if (leaving.isEmpty()) {
        if (!runs.isEmpty()) say(tr("A run that is under way cannot be deleted; stop it first."));
        return;
    }
    m_drawer->flush();
    m_undo->expire(); // the ones before go now
    const QString text = leaving.size() == 1 ? tr("Run %1 deleted.").arg(runTitle(*m_model->find(leaving.front())))
                                             : tr("%1 runs deleted.").arg(leaving.size());
    m_leaving = leaving;
    m_undo->offer(text);
    m_proxy->hide(leaving);
    m_problem.clear();
    refreshSelection();
    refreshStatus();
}

void RunsPage::commitDelete() {
    const QList<engine::RunId> leaving = std::exchange(m_leaving, {});
    QList<engine::RunId> kept;
    QString problem;
    for (const engine::RunId run : leaving) {
        try {
            m_backend.runs().remove(run);
        } catch (const engine::Error& error) {
            if (error.code() == engine::ErrorCode::NotFound) continue;
            problem = problemText(error);
            kept << run;
        }
    }
    m_proxy->unhide(kept);
    reload();
    if (!problem.isEmpty()) say(problem);
    if (kept.size() < leaving.size()) Q_EMIT m_backend.runsChanged();
}

} // namespace ui
