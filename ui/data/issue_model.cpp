// SPDX-License-Identifier: GPL-3.0-or-later
// Groups issues by their message without numbers and quoted words.
#include "ui/data/issue_model.h"

#include "ui/engine_text.h"
#include "ui/figures.h"
#include "ui/theme/icons.h"

#include <algorithm>
#include <cctype>
#include <map>

namespace ui {
namespace {

constexpr std::size_t kLinesKept = 12;

std::string sortOf(const engine::Issue& issue) {
    std::string sort = std::to_string(int(issue.severity));
    bool quoted = false;
    for (const char c : issue.message) {
        if (c == '"') quoted = !quoted;
        if (!quoted && !std::isdigit(static_cast<unsigned char>(c))) sort += c;
    }
    return sort;
}

} // namespace

void IssueModel::setIssues(const std::vector<engine::Issue>& issues) {
    beginResetModel();
    m_rows.clear();
    std::map<std::string, std::size_t> rows;
    for (const engine::Issue& issue : issues) {
        const auto [at, fresh] = rows.emplace(sortOf(issue), m_rows.size());
        if (fresh) m_rows.push_back({issue, {}, 0});
        Row& row = m_rows[at->second];
        ++row.count;
        if (issue.line > 0 && row.lines.size() < kLinesKept) row.lines.push_back(issue.line);
    }
    std::stable_sort(m_rows.begin(), m_rows.end(),
                     [](const Row& a, const Row& b) { return a.first.severity > b.first.severity; });
    endResetModel();
}

std::int64_t IssueModel::lineOf(int row) const {
    return m_rows[std::size_t(row)].first.line;
}

std::int64_t IssueModel::total() const {
    std::int64_t sum = 0;
    for (const Row& row : m_rows) sum += row.count;
    return sum;
}

int IssueModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : int(m_rows.size());
}

int IssueModel::columnCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : int(Columns);
}

QVariant IssueModel::data(const QModelIndex& index, int role) const {
    if (!index.isValid()) return {};
    const Row& row = m_rows[std::size_t(index.row())];
    const engine::Issue& issue = row.first;
    if (role == Qt::ToolTipRole) {
        QStringList lines;
        for (const int line : row.lines) lines << count(line);
        QString text = fromText(issue.message);
        if (row.count > 1 && !lines.isEmpty())
            text += QLatin1Char('\n') + tr("lines %1").arg(lines.join(QStringLiteral(", "))) +
                    (row.count > qint64(row.lines.size()) ? QStringLiteral(" …") : QString());
        return QStringLiteral("<p>%1</p>").arg(text.toHtmlEscaped().replace(QLatin1Char('\n'), QLatin1String("<br>")));
    }
    switch (index.column()) {
    case Where:
        if (role == Qt::DisplayRole) return issue.line > 0 ? tr("line %1").arg(count(issue.line)) : tr("file");
        if (role == Qt::DecorationRole)
            return issue.severity == engine::Severity::Error     ? icon(QStringLiteral("error"), Token::Bad)
                   : issue.severity == engine::Severity::Warning ? icon(QStringLiteral("warning"), Token::Warn)
                                                                 : icon(QStringLiteral("note"), Token::Muted);
        if (role == Qt::ForegroundRole) return Theme::instance().color(Token::Muted);
        break;
    case What:
        if (role == Qt::DisplayRole) return fromText(issue.message);
        if (role == Qt::TextAlignmentRole) return QVariant::fromValue(Qt::Alignment(Qt::AlignLeft | Qt::AlignVCenter));
        break;
    case Count:
        if (role == Qt::DisplayRole) return row.count > 1 ? QStringLiteral("× ") + count(row.count) : QString();
        if (role == Qt::TextAlignmentRole) return QVariant::fromValue(Qt::Alignment(Qt::AlignRight | Qt::AlignVCenter));
        if (role == Qt::ForegroundRole) return Theme::instance().color(Token::Muted);
        break;
    default: break;
    }
    return {};
}

} // namespace ui
