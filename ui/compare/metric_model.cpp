// SPDX-License-Identifier: GPL-3.0-or-later
// Good and bad are said by sign and colour both; the best of three or more stands out in bold.
#include "ui/compare/metric_model.h"

#include "ui/measure_text.h"
#include "ui/plots/swatch.h"
#include "ui/theme/theme.h"

#include <algorithm>

namespace ui {
namespace {

const int kLeft = int(Qt::AlignLeft | Qt::AlignVCenter);

/// 1: more is better, -1: less is, 0: neither.
int signOf(const FigureRow& row) {
    return row.better == engine::Better::More ? 1 : row.better == engine::Better::Less ? -1 : 0;
}

} // namespace

void MetricModel::show(const std::vector<engine::ComparedRun>& runs, std::vector<FigureRow> rows) {
    beginResetModel();
    m_titles.clear();
    m_ids.clear();
    for (const engine::ComparedRun& run : runs) {
        m_titles << titleOf(run);
        m_ids << run.detail.summary.id;
    }
    m_rows = std::move(rows);
    endResetModel();
}

std::optional<double> MetricModel::difference(const FigureRow& row) const {
    if (row.values.size() != 2 || !row.values[0] || !row.values[1]) return std::nullopt;
    return *row.values[1] - *row.values[0];
}

bool MetricModel::isBest(const FigureRow& row, std::size_t run) const {
    if (row.better == engine::Better::Neither || row.values.size() < 3 || !row.values[run]) return false;
    return std::all_of(row.values.begin(), row.values.end(),
                       [&](const auto& other) { return !other || signOf(row) * *other <= signOf(row) * *row.values[run]; });
}

QVariant MetricModel::data(const QModelIndex& index, int role) const {
    if (!index.isValid()) return {};
    const FigureRow& row = m_rows[std::size_t(index.row())];
    const Theme& theme = Theme::instance();
    if (index.column() == 0) {
        if (role == Qt::DisplayRole) return row.title;
        if (role == Qt::ToolTipRole && !row.tip.isEmpty()) return row.tip;
        return role == Qt::ForegroundRole ? QVariant(theme.color(Token::Muted)) : QVariant();
    }
    const auto run = std::size_t(index.column() - 1);
    if (run < row.values.size()) {
        if (role == Qt::DisplayRole) return row.values[run] ? written(row.unit, *row.values[run]) : QStringLiteral("–");
        if (role == Qt::FontRole && isBest(row, run)) return theme.font(TextSize::Body, true);
        return {};
    }
    const auto change = difference(row);
    if (role == Qt::DisplayRole) return change ? writtenDifference(row.unit, *change) : QString();
    if (role == Qt::FontRole && row.better != engine::Better::Neither) return theme.font(TextSize::Body, true);
    if (role == Qt::ForegroundRole) {
        const double sign = change ? signOf(row) * *change : 0;
        return theme.color(sign > 0 ? Token::Good : sign < 0 ? Token::Bad : Token::Muted);
    }
    return {};
}

QVariant MetricModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal) return {};
    const qsizetype run = section - 1;
    if (role == Qt::TextAlignmentRole) return kLeft;
    if (role == Qt::DisplayRole)
        return section == 0 ? m_heading : run < m_ids.size() ? tr("Run %1").arg(m_ids[run]) : tr("Difference");
    if (role == Qt::ToolTipRole && run >= 0 && run < m_titles.size()) return m_titles[run];
    if (role == Qt::DecorationRole && run >= 0 && run < m_ids.size()) return swatchIcon(m_ids[run]);
    return {};
}

void SettingModel::show(const std::vector<engine::ComparedRun>& runs, std::vector<SettingTexts> rows) {
    beginResetModel();
    m_titles.clear();
    m_ids.clear();
    for (const engine::ComparedRun& run : runs) {
        m_titles << titleOf(run);
        m_ids << run.detail.summary.id;
    }
    m_rows = std::move(rows);
    endResetModel();
}

QVariant SettingModel::data(const QModelIndex& index, int role) const {
    if (!index.isValid()) return {};
    const SettingTexts& row = m_rows[std::size_t(index.row())];
    const Theme& theme = Theme::instance();
    if (index.column() == 0) {
        if (role == Qt::DisplayRole) return row.title;
        if (role == Qt::ToolTipRole) return row.key;
        return role == Qt::ForegroundRole ? QVariant(theme.color(Token::Muted)) : QVariant();
    }
    const QString value = row.values[index.column() - 1];
    const bool changed = index.column() > 1 && value != row.values[0];
    if (role == Qt::DisplayRole) return value;
    if (role == Qt::ToolTipRole && value.size() > 24) return value;
    if (role == Qt::FontRole && changed) return theme.font(TextSize::Body, true);
    if (role == Qt::ForegroundRole)
        return value == QStringLiteral("–") ? theme.color(Token::Muted)
               : changed                    ? theme.color(Token::Accent)
                                            : theme.color(Token::Text);
    return {};
}

QVariant SettingModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal) return {};
    if (role == Qt::TextAlignmentRole) return kLeft;
    if (role == Qt::DisplayRole) return section == 0 ? tr("Setting") : m_titles[section - 1];
    if (role == Qt::DecorationRole && section > 0) return swatchIcon(m_ids[section - 1]);
    return {};
}

} // namespace ui
