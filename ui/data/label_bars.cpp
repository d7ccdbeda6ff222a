// SPDX-License-Identifier: GPL-3.0-or-later
// One bar a label; the label's name before it, its number after it.
#include "ui/data/label_bars.h"

#include "ui/engine_text.h"
#include "ui/figures.h"
#include "ui/theme/theme.h"

#include <QHelpEvent>
#include <QPainter>
#include <QToolTip>

#include <algorithm>

namespace ui {
namespace {

constexpr std::size_t kMost = 12;
constexpr int kRow = 26;

} // namespace

void LabelBars::setCounts(const std::vector<std::string>& labels, const std::vector<std::int64_t>& counts) {
    m_rows.clear();
    m_total = 0;
    for (std::size_t i = 0; i < labels.size() && i < counts.size(); ++i) {
        m_rows.push_back({fromText(labels[i]), counts[i], false});
        m_total += counts[i];
    }
    std::stable_sort(m_rows.begin(), m_rows.end(), [](const Row& a, const Row& b) { return a.count > b.count; });
    if (m_rows.size() > kMost) {
        Row rest{tr("and %1 more").arg(m_rows.size() - kMost + 1), 0, true};
        for (std::size_t i = kMost - 1; i < m_rows.size(); ++i) rest.count += m_rows[i].count;
        m_rows.resize(kMost - 1);
        m_rows.push_back(std::move(rest));
    }
    updateGeometry();
    update();
}

void LabelBars::setNeeded(std::int64_t rows) {
    m_needed = rows;
    update();
}

QSize LabelBars::sizeHint() const {
    return {200, std::max(1, int(m_rows.size())) * kRow};
}

QStringList LabelBars::rows() const {
    QStringList all;
    for (const Row& row : m_rows) all << row.label + QLatin1Char(' ') + count(row.count);
    return all;
}

void LabelBars::paintEvent(QPaintEvent*) {
    const Theme& theme = Theme::instance();
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    std::int64_t most = 1;
    int names = 0, numbers = 0;
    for (const Row& row : m_rows) {
        if (!row.rest) most = std::max(most, row.count);
        names = std::max(names, fontMetrics().horizontalAdvance(row.label) + 2); // advances are rounded
        numbers = std::max(numbers, fontMetrics().horizontalAdvance(count(row.count)) + 2);
    }
    names = std::min(names, width() * 9 / 20);
    const int left = names + 12, right = width() - numbers - 12;
    for (std::size_t i = 0; i < m_rows.size(); ++i) {
        const Row& row = m_rows[i];
        const int y = int(i) * kRow;
        const bool few = m_needed > 0 && row.count < m_needed && !row.rest;
        painter.setPen(theme.color(row.rest ? Token::Muted : Token::Text));
        painter.drawText(QRect(0, y, names, kRow), int(Qt::AlignVCenter | Qt::AlignLeft),
                         fontMetrics().elidedText(row.label, Qt::ElideRight, names));
        painter.setPen(theme.color(few ? Token::Bad : Token::Muted));
        painter.drawText(QRect(right, y, width() - right, kRow), int(Qt::AlignVCenter | Qt::AlignRight), count(row.count));
        painter.setPen(Qt::NoPen);
        const double share = std::min(1.0, double(row.count) / double(most));
        const QRectF track(left, y + (kRow - 8) / 2.0, std::max(0, right - left), 8);
        painter.setBrush(theme.color(Token::Sunken));
        painter.drawRoundedRect(track, 4, 4);
        QColor fill = theme.color(few ? Token::Bad : Token::Accent);
        if (row.rest) fill.setAlphaF(0.35f);
        painter.setBrush(fill);
        painter.drawRoundedRect(QRectF(track.left(), track.top(), std::max(8.0, track.width() * share), track.height()), 4, 4);
    }
}

bool LabelBars::event(QEvent* event) {
    if (event->type() != QEvent::ToolTip) return QWidget::event(event);
    const auto* help = static_cast<QHelpEvent*>(event);
    const int i = help->pos().y() / kRow;
    if (i < 0 || i >= int(m_rows.size())) {
        QToolTip::hideText();
        return true;
    }
    const Row& row = m_rows[std::size_t(i)];
    QString text = tr("%1: %2, %3 of all")
                       .arg(row.label, plural(row.count, tr("row"), tr("rows")),
                            percent(m_total > 0 ? double(row.count) / double(m_total) : 0));
    if (m_needed > 0 && row.count < m_needed && !row.rest)
        text += QLatin1Char('\n') + tr("The split wants %1 of each label.").arg(count(m_needed));
    QToolTip::showText(help->globalPos(), text, this);
    return true;
}

} // namespace ui
