// SPDX-License-Identifier: GPL-3.0-or-later
// Every run a row; and the same rows filtered, sorted and without those on their way out.
#pragma once
#include "ui/runs/run_filter.h"

#include <QAbstractTableModel>
#include <QSet>
#include <QSortFilterProxyModel>

namespace ui {

class RunsModel : public QAbstractTableModel {
    Q_OBJECT
public:
    enum Column {
        Number,
        Name,
        State,
        Rank,
        Alpha,
        Dropout,
        LearningRate,
        Epochs,
        Started,
        Duration,
        Kind,
        Tags,
        BatchSize,
        Precision,
        Model,
        FirstMeasure // from here on, as engine::measures()
    };
    static int columns() { return FirstMeasure + int(engine::measures().size()); }
    static int columnOf(const engine::Measure& measure) { return FirstMeasure + int(&measure - engine::measures().data()); }
    /// The measure that a column shows; null: another one.
    static const engine::Measure* measureOf(int column);
    /// What columns are remembered by.
    static QStringList columnNames();
    static constexpr int kSortRole = Qt::UserRole, kRunRole = Qt::UserRole + 1;

    using QAbstractTableModel::QAbstractTableModel;
    /// Newest first, as Runs::list gives them. Rows keep their place (and their selection) where the run is the same.
    void setRuns(std::vector<engine::RunSummary> runs);
    /// One run changed here: `change` is applied to it and its row refreshed.
    void patch(engine::RunId run, const std::function<void(engine::RunSummary&)>& change);
    const engine::RunSummary* find(engine::RunId run) const;
    const engine::RunSummary& at(int row) const { return m_runs[std::size_t(row)]; }
    /// Shown unless the person chose otherwise.
    static bool isUsual(int column);

    int rowCount(const QModelIndex& parent = {}) const override { return parent.isValid() ? 0 : int(m_runs.size()); }
    int columnCount(const QModelIndex& parent = {}) const override { return parent.isValid() ? 0 : columns(); }
    QVariant data(const QModelIndex& index, int role = Qt::DisplayRole) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role = Qt::DisplayRole) const override;
    Qt::ItemFlags flags(const QModelIndex& index) const override;
    bool setData(const QModelIndex& index, const QVariant& value, int role = Qt::EditRole) override;

Q_SIGNALS:
    void renameRequested(engine::RunId run, const QString& name);

private:
    QString text(const engine::RunSummary& run, int column) const;
    QVariant sortValue(const engine::RunSummary& run, int column) const;

    std::vector<engine::RunSummary> m_runs;
};

class RunsProxy : public QSortFilterProxyModel {
    Q_OBJECT
public:
    explicit RunsProxy(QObject* parent = nullptr);
    void setFilter(const RunFilter& filter);
    void hide(const QList<engine::RunId>& runs);
    void unhide(const QList<engine::RunId>& runs);

protected:
    bool filterAcceptsRow(int row, const QModelIndex& parent) const override;
    bool lessThan(const QModelIndex& left, const QModelIndex& right) const override;

private:
    RunFilter m_filter;
    QSet<engine::RunId> m_hidden;
};

} // namespace ui
