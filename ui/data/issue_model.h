// SPDX-License-Identifier: GPL-3.0-or-later
// Problems of a file, those of one sort in one row: where, what, how many.
#pragma once
#include "engine/error.h"

#include <QAbstractTableModel>
#include <vector>

namespace ui {

class IssueModel : public QAbstractTableModel {
    Q_OBJECT
public:
    enum Column { Where, What, Count, Columns };

    using QAbstractTableModel::QAbstractTableModel;
    /// Errors first; issues that differ only in their numbers and quoted words are one row.
    void setIssues(const std::vector<engine::Issue>& issues);
    std::int64_t lineOf(int row) const; // the first; 0: unknown
    std::int64_t total() const;         // issues, not rows

    int rowCount(const QModelIndex& parent = {}) const override;
    int columnCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;

private:
    struct Row {
        engine::Issue first;
        std::vector<int> lines;
        std::int64_t count = 0;
    };
    std::vector<Row> m_rows;
};

} // namespace ui
