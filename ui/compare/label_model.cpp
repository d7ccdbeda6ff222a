// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/compare/label_model.h"

#include "ui/engine_text.h"
#include "ui/figures.h"
#include "ui/theme/theme.h"

#include <QPainter>

namespace ui {
namespace {

constexpr int kDifferenceWidth = 52;

double scoreOf(const engine::LabelScore& score, int column) {
    return column == LabelModel::Precision ? score.precision : column == LabelModel::Recall ? score.recall : score.f1;
}

} // namespace

void LabelModel::show(const engine::Comparison& comparison) {
    beginResetModel();
    m_labels.clear();
    m_scores.clear();
    if (comparison.runs.size() <= 2) {
        for (const std::string& label : comparison.labels) m_labels << fromText(label);
        if (!m_labels.isEmpty())
            for (const engine::ComparedRun& run : comparison.runs) m_scores.push_back(run.detail.report->per_label);
    }
    endResetModel();
}

QVariant LabelModel::data(const QModelIndex& index, int role) const {
    if (!index.isValid()) return {};
    const auto label = std::size_t(index.row());
    if (role == Qt::TextAlignmentRole) return int((index.column() == Label ? Qt::AlignLeft : Qt::AlignRight) | Qt::AlignVCenter);
    if (index.column() == Label) return role == Qt::DisplayRole ? QVariant(m_labels[index.row()]) : QVariant();
    if (index.column() == Support) {
        if (role == Qt::DisplayRole) return count(m_scores.back()[label].support);
        return role == Qt::ForegroundRole ? QVariant(Theme::instance().color(Token::Muted)) : QVariant();
    }
    const double last = scoreOf(m_scores.back()[label], index.column());
    if (m_scores.size() == 1) return role == Qt::DisplayRole ? QVariant(percent(last)) : QVariant();
    const double first = scoreOf(m_scores.front()[label], index.column());
    if (role == Qt::DisplayRole) return QStringLiteral("%1 → %2").arg(percent(first).chopped(2), percent(last).chopped(2));
    if (role == kDifferenceRole) return last - first;
    if (role == Qt::AccessibleTextRole)
        return tr("%1 to %2, %3 points").arg(percent(first), percent(last), signedPoints(last - first));
    return {};
}

QVariant LabelModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal) return {};
    if (role == Qt::TextAlignmentRole) return int((section == Label ? Qt::AlignLeft : Qt::AlignRight) | Qt::AlignVCenter);
    if (role == Qt::ToolTipRole) {
        switch (section) {
        case Support: return tr("Test rows that have this label");
        case Precision: return tr("Of the rows guessed so, the share that are");
        case Recall: return tr("Of the rows that are so, the share guessed so");
        case F1: return tr("Harmonic mean of precision and recall");
        default: return {};
        }
    }
    if (role != Qt::DisplayRole) return {};
    const QString names[]{tr("Label"), tr("Rows"), tr("Precision"), tr("Recall"), tr("F1")};
    return m_scores.size() == 2 && section >= Precision ? tr("%1, %").arg(names[section]) : names[section];
}

void DifferenceDelegate::paint(QPainter* painter, const QStyleOptionViewItem& option, const QModelIndex& index) const {
    const QVariant change = index.data(LabelModel::kDifferenceRole);
    if (!change.isValid()) return QStyledItemDelegate::paint(painter, option, index);
    const Theme& theme = Theme::instance();
    painter->save();
    const QRect box = option.rect.adjusted(0, 0, -kGrid, -1);
    painter->setFont(theme.font(TextSize::Body));
    painter->setPen(theme.color(Token::Text));
    painter->drawText(box.adjusted(0, 0, -kDifferenceWidth, 0), int(Qt::AlignRight) | int(Qt::AlignVCenter),
                      index.data().toString());
    const QString points = signedPoints(change.toDouble());
    painter->setPen(theme.color(points.startsWith(QLatin1Char('+')) ? Token::Good
                                : points.startsWith(QChar(0x2212))  ? Token::Bad
                                                                    : Token::Muted));
    painter->setFont(theme.font(TextSize::Body, true));
    painter->drawText(box, int(Qt::AlignRight) | int(Qt::AlignVCenter), points);
    painter->setPen(theme.color(Token::Border));
    painter->drawLine(option.rect.bottomLeft(), option.rect.bottomRight());
    painter->restore();
}

} // namespace ui
