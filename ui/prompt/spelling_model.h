// SPDX-License-Identifier: GPL-3.0-or-later
// How each label is written in the prompt; the second column is edited.
#pragma once
#include <QAbstractTableModel>
#include <string>
#include <utility>
#include <vector>

namespace ui {

class SpellingModel : public QAbstractTableModel {
    Q_OBJECT
public:
    using Spellings = std::vector<std::pair<std::string, std::string>>;
    using QAbstractTableModel::QAbstractTableModel;
    void show(const std::vector<std::string>& labels, const Spellings& spellings);
    /// Only those that differ from the label itself.
    Spellings spellings() const;

    int rowCount(const QModelIndex& parent = {}) const override;
    int columnCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;
    bool setData(const QModelIndex& index, const QVariant& value, int role) override;
    Qt::ItemFlags flags(const QModelIndex& index) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

Q_SIGNALS:
    void edited();

private:
    Spellings m_rows; // label, spelling; empty: the label itself
};

} // namespace ui
