// SPDX-License-Identifier: GPL-3.0-or-later
// Blanks at the ends of a spelling matter to the model, so they are kept and shown.
#include "ui/prompt/spelling_model.h"

#include "ui/engine_text.h"
#include "ui/theme/theme.h"

namespace ui {

void SpellingModel::show(const std::vector<std::string>& labels, const Spellings& spellings) {
    Spellings rows;
    for (const std::string& label : labels) {
        rows.emplace_back(label, std::string());
        for (const auto& [name, spelled] : spellings)
            if (name == label) rows.back().second = spelled;
    }
    if (rows == m_rows) return;
    beginResetModel();
    m_rows = std::move(rows);
    endResetModel();
}

SpellingModel::Spellings SpellingModel::spellings() const {
    Spellings changed;
    for (const auto& row : m_rows)
        if (!row.second.empty() && row.second != row.first) changed.push_back(row);
    return changed;
}

int SpellingModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : int(m_rows.size());
}

int SpellingModel::columnCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : 2;
}

QVariant SpellingModel::data(const QModelIndex& index, int role) const {
    if (!index.isValid()) return {};
    const auto& [label, spelling] = m_rows[std::size_t(index.row())];
    const bool own = !spelling.empty() && spelling != label;
    if (index.column() == 0) return role == Qt::DisplayRole ? fromText(label) : QVariant();
    if (role == Qt::EditRole) return fromText(own ? spelling : label);
    if (role == Qt::DisplayRole) {
        QString shown = fromText(own ? spelling : label);
        for (int i = 0; i < shown.size() && shown[i] == QLatin1Char(' '); ++i) shown[i] = QChar(0x00b7);
        for (int i = int(shown.size()) - 1; i >= 0 && shown[i] == QLatin1Char(' '); --i) shown[i] = QChar(0x00b7);
        return shown;
    }
    if (role == Qt::ForegroundRole) return Theme::instance().color(own ? Token::Good : Token::Muted);
    if (role == Qt::ToolTipRole) return tr("Double-click to spell it otherwise; empty: as in the data.");
    return {};
}

bool SpellingModel::setData(const QModelIndex& index, const QVariant& value, int role) {
    if (!index.isValid() || index.column() != 1 || role != Qt::EditRole) return false;
    std::string spelling = value.toString().toStdString();
    auto& row = m_rows[std::size_t(index.row())];
    if (spelling == row.first) spelling.clear();
    if (spelling == row.second) return true;
    row.second = std::move(spelling);
    Q_EMIT dataChanged(index, index);
    Q_EMIT edited();
    return true;
}

Qt::ItemFlags SpellingModel::flags(const QModelIndex& index) const {
    const Qt::ItemFlags base = QAbstractTableModel::flags(index);
    return index.isValid() && index.column() == 1 ? base | Qt::ItemIsEditable : base;
}

QVariant SpellingModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal) return {};
    if (role == Qt::TextAlignmentRole) return QVariant::fromValue(Qt::Alignment(Qt::AlignLeft | Qt::AlignVCenter));
    if (role != Qt::DisplayRole) return {};
    return section == 0 ? tr("In the data") : tr("In the prompt");
}

} // namespace ui
