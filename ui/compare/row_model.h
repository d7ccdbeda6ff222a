// SPDX-License-Identifier: GPL-3.0-or-later
// What became of each test row, filtered by its fate or by a cell of a run's matrix.
#pragma once
#include "ui/compare/comparison_text.h"

#include <QAbstractTableModel>
#include <functional>

namespace ui {

struct RowFilter {
    struct Cell {
        std::size_t run = 0;
        int truth = 0, guess = 0;
        bool operator==(const Cell&) const = default;
    }; // guess = number of labels: no answer
    std::optional<engine::RowFate> fate;
    std::optional<Cell> cell;
    /// Of a difference matrix: rows that any run has in this cell.
    bool anyRun = false;
    bool operator==(const RowFilter&) const = default;
};

class RowModel : public QAbstractTableModel {
    Q_OBJECT
public:
    enum Column { Record, Text, Truth, FirstAnswer };
    using QAbstractTableModel::QAbstractTableModel;

    /// `comparison` must stay until the next call. `text` gives the record's text, or an empty one when it is not at hand.
    void show(const engine::Comparison* comparison, std::function<QString(std::int64_t)> text);
    void setFilter(const RowFilter& filter);
    const RowFilter& filter() const { return m_filter; }
    const engine::ComparedRow& row(int at) const { return m_comparison->rows[m_shown[std::size_t(at)]]; }

    int rowCount(const QModelIndex& parent = {}) const override { return parent.isValid() ? 0 : int(m_shown.size()); }
    int columnCount(const QModelIndex& parent = {}) const override {
        return parent.isValid() || !m_comparison ? 0 : FirstAnswer + int(m_comparison->runs.size());
    }
    QVariant data(const QModelIndex& index, int role = Qt::DisplayRole) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role = Qt::DisplayRole) const override;

private:
    void choose();
    bool passes(const engine::ComparedRow& row) const;
    QString answerText(const engine::ComparedRow::Answer& answer) const;

    const engine::Comparison* m_comparison = nullptr;
    std::function<QString(std::int64_t)> m_text;
    RowFilter m_filter;
    std::vector<std::size_t> m_shown;
};

} // namespace ui
