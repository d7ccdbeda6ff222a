// SPDX-License-Identifier: GPL-3.0-or-later
// Runs: all of them in one table, to find, compare, annotate, resume and delete.
#pragma once
#include "ui/document.h"
#include "ui/page.h"

class QLabel;
class QLineEdit;
class QPushButton;
class QTableView;

namespace ui {

class RunDrawer;
class RunsModel;
class RunsProxy;
class UndoBar;

class RunsPage : public Page {
    Q_OBJECT
public:
    explicit RunsPage(Backend& backend, Document& document, QWidget* parent = nullptr);
    ~RunsPage() override;

    /// In the order of their numbers, so that a baseline comes before what was trained from it.
    QList<engine::RunId> selectedRuns() const;
    /// Writes a run in one of the backend's formats; how it goes and what was written, or why not, is told on the page.
    void exportRun(engine::RunId run, const QString& format, const engine::ExportChoices& choices, const QString& path);

Q_SIGNALS:
    void compareRequested(const QList<engine::RunId>& runs);
    void experimentRequested(const QString& yaml);
    void resumeRequested(engine::RunId run);
    void trainRequested();

protected:
    bool eventFilter(QObject* watched, QEvent* event) override;
    void showEvent(QShowEvent* event) override;

private:
    QWidget* buildTable();
    void wireDrawer();
    void wireExports();
    QString askExportPath(engine::RunId run, const engine::Exporter& exporter);
    void reload();
    void refreshStatus();
    void refreshSelection();
    void applyFilter();
    void chooseColumns(const QPoint& where);
    void showMenu(const QPoint& where);
    void deleteRuns(const QList<engine::RunId>& runs);
    void commitDelete();
    void say(const QString& problem);
    /// Runs `change` on the store; its Error goes to the page. True when it went well.
    bool attempt(const std::function<void()>& change);

    Backend& m_backend;
    RunsModel* m_model = nullptr;
    RunsProxy* m_proxy = nullptr;
    QTableView* m_view = nullptr;
    QLineEdit* m_filter = nullptr;
    QLabel* m_status = nullptr;
    QPushButton *m_compare = nullptr, *m_details = nullptr;
    RunDrawer* m_drawer = nullptr;
    UndoBar* m_undo = nullptr;
    QList<engine::RunId> m_leaving;             // hidden, deleted when the undo bar goes
    QString m_problem, m_filterProblem, m_done; // m_done: what an export wrote, or how far it is
    quint64 m_export = 0;                       // the newest one's token
    bool m_stale = true;
};

} // namespace ui
