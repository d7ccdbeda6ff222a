// SPDX-License-Identifier: GPL-3.0-or-later
// The preview's rows: reads the table where it lies, so a million of them cost nothing.
#pragma once
#include "engine/data/table.h"

#include <QAbstractTableModel>
#include <memory>

namespace ui {

class TableModel : public QAbstractTableModel {
    Q_OBJECT
public:
    using QAbstractTableModel::QAbstractTableModel;
    void setTable(std::shared_ptr<const engine::Table> table);
    /// Which columns are label and text; -1: none.
    void setRoles(int label, int text);
    int labelColumn() const { return m_label; }
    int textColumn() const { return m_text; }
    /// The row that begins on this line or is nearest above it; -1: none.
    int rowOfLine(std::int64_t line) const;
    /// The line on which the last row begins; 0: none.
    std::int64_t lastLine() const;

    int rowCount(const QModelIndex& parent = {}) const override;
    int columnCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;
    /// Across: column names, with their part in the experiment. Down: the line each row begins on.
    QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

private:
    /// false: it cannot be read (any more).
    bool goTo(int row) const;

    std::shared_ptr<const engine::Table> m_table;
    std::unique_ptr<engine::Rows> m_rows;
    int m_label = -1, m_text = -1;
};

} // namespace ui
