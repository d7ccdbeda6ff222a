// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/compare/row_model.h"

#include "ui/engine_text.h"
#include "ui/figures.h"
#include "ui/plots/swatch.h"
#include "ui/theme/icons.h"

namespace ui {

void RowModel::show(const engine::Comparison* comparison, std::function<QString(std::int64_t)> text) {
    beginResetModel();
    m_comparison = comparison;
    m_text = std::move(text);
    choose();
    endResetModel();
}

void RowModel::setFilter(const RowFilter& filter) {
    if (filter == m_filter) return;
    beginResetModel();
    m_filter = filter;
    choose();
    endResetModel();
}

void RowModel::choose() {
    m_shown.clear();
    if (!m_comparison) return;
    for (std::size_t i = 0; i < m_comparison->rows.size(); ++i)
        if (passes(m_comparison->rows[i])) m_shown.push_back(i);
}

bool RowModel::passes(const engine::ComparedRow& row) const {
    if (m_filter.fate && row.fate != *m_filter.fate) return false;
    if (!m_filter.cell) return true;
    const auto& cell = *m_filter.cell;
    if (row.truth != cell.truth) return false;
    const auto said = [&](const engine::ComparedRow::Answer& answer) {
        return answer.guess.value_or(int(m_comparison->labels.size())) == cell.guess;
    };
    if (m_filter.anyRun) return std::any_of(row.answers.begin(), row.answers.end(), said);
    return cell.run < row.answers.size() && said(row.answers[cell.run]);
}

QString RowModel::answerText(const engine::ComparedRow::Answer& answer) const {
    const QString label = labelOf(*m_comparison, answer.guess);
    return answer.confidence >= 0 ? QStringLiteral("%1 · %2").arg(label, percent(answer.confidence, 0)) : label;
}

QVariant RowModel::data(const QModelIndex& index, int role) const {
    if (!index.isValid() || !m_comparison) return {};
    const engine::ComparedRow& row = this->row(index.row());
    const Theme& theme = Theme::instance();
    switch (index.column()) {
    case Record:
        if (role == Qt::DisplayRole) return count(row.record);
        if (role == Qt::TextAlignmentRole) return int(Qt::AlignRight | Qt::AlignVCenter);
        return role == Qt::ForegroundRole ? QVariant(theme.color(Token::Muted)) : QVariant();
    case Text: {
        if (role != Qt::DisplayRole && role != Qt::ToolTipRole) return {};
        const QString text = m_text ? m_text(row.record) : QString();
        if (role == Qt::DisplayRole) return text.simplified();
        return text.isEmpty() ? QVariant()
                              : QVariant(QStringLiteral("<p>%1</p>").arg(text.toHtmlEscaped())); // rich, so that it wraps
    }
    case Truth: return role == Qt::DisplayRole ? QVariant(labelOf(*m_comparison, row.truth)) : QVariant();
    default: break;
    }
    const engine::ComparedRow::Answer& answer = row.answers[std::size_t(index.column() - FirstAnswer)];
    const bool right = answer.guess == row.truth;
    if (role == Qt::DisplayRole) return answerText(answer);
    if (role == Qt::DecorationRole)
        return right ? icon(QStringLiteral("good"), Token::Good) : icon(QStringLiteral("close"), Token::Bad);
    if (role == Qt::ToolTipRole && !answer.rawText.empty())
        return tr("The model wrote: %1").arg(fromText(answer.rawText).trimmed());
    if (role == Qt::AccessibleTextRole)
        return QStringLiteral("%1, %2").arg(answerText(answer), right ? tr("right") : tr("wrong"));
    return {};
}

QVariant RowModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal || !m_comparison) return {};
    const int run = section - FirstAnswer;
    if (role == Qt::TextAlignmentRole) return int((section == Record ? Qt::AlignRight : Qt::AlignLeft) | Qt::AlignVCenter);
    if (role == Qt::DecorationRole && run >= 0) return swatchIcon(m_comparison->runs[std::size_t(run)].detail.summary.id);
    if (role == Qt::ToolTipRole && run >= 0) return titleOf(m_comparison->runs[std::size_t(run)]);
    if (role != Qt::DisplayRole) return {};
    switch (section) {
    case Record: return tr("Row");
    case Text: return tr("Text");
    case Truth: return tr("Truth");
    default: return tr("Run %1").arg(m_comparison->runs[std::size_t(run)].detail.summary.id);
    }
}

} // namespace ui
