// SPDX-License-Identifier: GPL-3.0-or-later
// Precision, recall and F1 of each label for one run or two: "7.3 → 93.7" with the points gained beside it.
#pragma once
#include "ui/compare/comparison_text.h"

#include <QAbstractTableModel>
#include <QStyledItemDelegate>

namespace ui {

class LabelModel : public QAbstractTableModel {
    Q_OBJECT
public:
    enum Column { Label, Support, Precision, Recall, F1, Columns };
    static constexpr int kDifferenceRole = Qt::UserRole; // of a pair: the change as a share
    using QAbstractTableModel::QAbstractTableModel;
    /// One run or two that agree on their labels; anything else shows nothing.
    void show(const engine::Comparison& comparison);

    int rowCount(const QModelIndex& parent = {}) const override { return parent.isValid() ? 0 : int(m_labels.size()); }
    int columnCount(const QModelIndex& parent = {}) const override { return parent.isValid() ? 0 : int(Columns); }
    QVariant data(const QModelIndex& index, int role = Qt::DisplayRole) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role = Qt::DisplayRole) const override;

private:
    QStringList m_labels;
    std::vector<std::vector<engine::LabelScore>> m_scores; // as the runs
};

/// Writes the points gained or lost behind the text, in their colour.
class DifferenceDelegate : public QStyledItemDelegate {
public:
    using QStyledItemDelegate::QStyledItemDelegate;
    void paint(QPainter* painter, const QStyleOptionViewItem& option, const QModelIndex& index) const override;
};

} // namespace ui
