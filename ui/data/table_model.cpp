// SPDX-License-Identifier: GPL-3.0-or-later
// Cells are cut to what a row can show.
#include "ui/data/table_model.h"

#include "engine/words/utf8.h"
#include "ui/engine_text.h"
#include "ui/figures.h"
#include "ui/theme/icons.h"

#include <algorithm>

namespace ui {
namespace {

constexpr std::size_t kShown = 400, kInTip = 2000; // bytes

QString cut(std::string_view text, std::size_t most) {
    if (text.size() <= most) return fromText(std::string(text));
    return fromText(std::string(engine::wholeCharacters(text, most))) + QStringLiteral("…");
}

} // namespace

void TableModel::setTable(std::shared_ptr<const engine::Table> table) {
    beginResetModel();
    m_rows.reset();
    m_table = std::move(table);
    if (m_table) m_rows = m_table->rows();
    m_label = m_text = -1;
    endResetModel();
}

void TableModel::setRoles(int label, int text) {
    if (label == m_label && text == m_text) return;
    m_label = label;
    m_text = text;
    if (columnCount() > 0) {
        Q_EMIT headerDataChanged(Qt::Horizontal, 0, columnCount() - 1);
        if (rowCount() > 0) Q_EMIT dataChanged(index(0, 0), index(rowCount() - 1, columnCount() - 1));
    }
}

bool TableModel::goTo(int row) const {
    try {
        m_rows->seek(std::size_t(row));
        return true;
    } catch (const engine::Error&) { // a large file that has changed
        return false;
    } catch (const std::bad_alloc&) { return false; }
}

int TableModel::rowOfLine(std::int64_t line) const {
    if (rowCount() == 0 || line <= 0) return -1;
    try {
        return int(m_rows->findLine(line).value_or(0));
    } catch (const engine::Error&) { return -1; }
}

std::int64_t TableModel::lastLine() const {
    return rowCount() > 0 && goTo(rowCount() - 1) ? m_rows->line() : 0;
}

int TableModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() || !m_table ? 0 : int(m_table->rowCount);
}

int TableModel::columnCount(const QModelIndex& parent) const {
    return parent.isValid() || !m_table ? 0 : int(m_table->header.size());
}

QVariant TableModel::data(const QModelIndex& index, int role) const {
    if (!m_table || !index.isValid()) return {};
    if (role == Qt::ForegroundRole && index.column() != m_label && index.column() != m_text)
        return Theme::instance().color(Token::Muted);
    if (role != Qt::DisplayRole && role != Qt::ToolTipRole) return {};
    if (!goTo(index.row())) return tr("The file has changed. Open it again.");
    const std::string_view cell = m_rows->field(std::size_t(index.column()));
    if (role == Qt::DisplayRole) {
        QString text = cut(cell, kShown);
        return text.replace(QLatin1String("\r\n"), QLatin1String(" ⏎ "))
            .replace(QLatin1Char('\n'), QStringLiteral(" ⏎ "))
            .replace(QLatin1Char('\r'), QStringLiteral(" ⏎ "));
    }
    return QStringLiteral("<p>%1</p>").arg(cut(cell, kInTip).toHtmlEscaped().replace(QLatin1Char('\n'), QLatin1String("<br>")));
}

QVariant TableModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (!m_table || section < 0) return {};
    if (orientation == Qt::Horizontal) {
        if (section >= columnCount()) return {};
        if (role == Qt::TextAlignmentRole) return QVariant::fromValue(Qt::Alignment(Qt::AlignLeft | Qt::AlignVCenter));
        if (role == Qt::DecorationRole)
            return section == m_label  ? icon(QStringLiteral("tag"), Token::Good)
                   : section == m_text ? icon(QStringLiteral("text"), Token::Accent)
                                       : QVariant();
        const QString name = fromText(m_table->header[std::size_t(section)]);
        if (role == Qt::DisplayRole) return name;
        if (role == Qt::ToolTipRole)
            return section == m_label  ? tr("%1: the label").arg(name)
                   : section == m_text ? tr("%1: the text").arg(name)
                                       : tr("%1: not used").arg(name);
        return {};
    }
    if (section >= rowCount()) return {};
    if (role == Qt::TextAlignmentRole) return QVariant::fromValue(Qt::Alignment(Qt::AlignRight | Qt::AlignVCenter));
    if ((role != Qt::DisplayRole && role != Qt::ToolTipRole) || !goTo(section)) return {};
    if (role == Qt::DisplayRole) return count(m_rows->line());
    return tr("line %1, record %2").arg(count(m_rows->line()), count(m_rows->record()));
}

} // namespace ui
