// SPDX-License-Identifier: GPL-3.0-or-later
// Metrics and settings of the compared runs as tables: a column a run, and of a pair the difference.
#pragma once
#include "ui/compare/comparison_text.h"

#include <QAbstractTableModel>

namespace ui {

class MetricModel : public QAbstractTableModel {
    Q_OBJECT
public:
    explicit MetricModel(const QString& heading, QObject* parent = nullptr) : QAbstractTableModel(parent), m_heading(heading) {}
    void show(const std::vector<engine::ComparedRun>& runs, std::vector<FigureRow> rows);

    int rowCount(const QModelIndex& parent = {}) const override { return parent.isValid() ? 0 : int(m_rows.size()); }
    int columnCount(const QModelIndex& parent = {}) const override {
        return parent.isValid() ? 0 : 1 + int(m_titles.size()) + (hasDifference() ? 1 : 0);
    }
    QVariant data(const QModelIndex& index, int role = Qt::DisplayRole) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role = Qt::DisplayRole) const override;

private:
    bool hasDifference() const { return m_titles.size() == 2; }
    std::optional<double> difference(const FigureRow& row) const;
    bool isBest(const FigureRow& row, std::size_t run) const;

    QString m_heading;
    QStringList m_titles;
    QList<engine::RunId> m_ids;
    std::vector<FigureRow> m_rows;
};

class SettingModel : public QAbstractTableModel {
    Q_OBJECT
public:
    using QAbstractTableModel::QAbstractTableModel;
    void show(const std::vector<engine::ComparedRun>& runs, std::vector<SettingTexts> rows);

    int rowCount(const QModelIndex& parent = {}) const override { return parent.isValid() ? 0 : int(m_rows.size()); }
    int columnCount(const QModelIndex& parent = {}) const override { return parent.isValid() ? 0 : 1 + int(m_titles.size()); }
    QVariant data(const QModelIndex& index, int role = Qt::DisplayRole) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role = Qt::DisplayRole) const override;

private:
    QStringList m_titles;
    QList<engine::RunId> m_ids;
    std::vector<SettingTexts> m_rows;
};

} // namespace ui
