// SPDX-License-Identifier: GPL-3.0-or-later
// Shades of one hue from dark to light, so that the parts can be told apart by anyone; names in two columns.
#include "ui/train/memory_bar.h"

#include "ui/figures.h"
#include "ui/theme/theme.h"

#include <QHelpEvent>
#include <QPainter>
#include <QPainterPath>
#include <QToolTip>

#include <algorithm>

namespace ui {
namespace {

constexpr int kTop = 4, kBar = 8, kGap = 6, kLine = 19, kColumns = 2, kBetween = 14, kSwatch = 8;

QColor shade(std::size_t part) {
    const Theme& theme = Theme::instance();
    const QColor from = theme.color(Token::Accent), to = theme.color(Token::Raised);
    const double t = std::min(0.7, double(part) * 0.235);
    const auto mix = [t](int a, int b) { return int(a + (b - a) * t); };
    return QColor(mix(from.red(), to.red()), mix(from.green(), to.green()), mix(from.blue(), to.blue()));
}

} // namespace

MemoryBar::MemoryBar(QWidget* parent) : QWidget(parent) {
    setFont(Theme::instance().font(TextSize::Small));
    connect(&Theme::instance(), &Theme::changed, this, [this] { update(); });
}

void MemoryBar::setParts(std::vector<Part> parts) {
    m_parts = std::move(parts);
    setAccessibleName(rows().join(QStringLiteral(", ")));
    updateGeometry();
    update();
}

QStringList MemoryBar::rows() const {
    QStringList all;
    for (const Part& part : m_parts) all << part.name + QLatin1Char(' ') + byteSize(part.bytes);
    return all;
}

QSize MemoryBar::sizeHint() const {
    return {200, kTop + kBar + kGap + (int(m_parts.size()) + kColumns - 1) / kColumns * kLine};
}

QRect MemoryBar::place(int part) const {
    const int column = (width() - kBetween * (kColumns - 1)) / kColumns;
    return {part % kColumns * (column + kBetween), kTop + kBar + kGap + part / kColumns * kLine, column, kLine};
}

void MemoryBar::paintEvent(QPaintEvent*) {
    const Theme& theme = Theme::instance();
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setFont(theme.font(TextSize::Small));
    double total = 0;
    for (const Part& part : m_parts) total += double(part.bytes);
    QPainterPath outline;
    outline.addRoundedRect(QRectF(0, kTop, width(), kBar), kBar / 2.0, kBar / 2.0);
    painter.setClipPath(outline);
    painter.fillRect(0, kTop, width(), kBar, theme.color(Token::Sunken));
    double x = 0;
    for (std::size_t i = 0; i < m_parts.size() && total > 0; ++i) {
        const double w = width() * double(m_parts[i].bytes) / total;
        painter.fillRect(QRectF(x, kTop, std::max(1.0, w - 1), kBar), shade(i));
        x += w;
    }
    painter.setClipping(false);
    const QFontMetrics metrics(painter.font());
    for (std::size_t i = 0; i < m_parts.size(); ++i) {
        const QRect line = place(int(i));
        painter.setPen(Qt::NoPen);
        painter.setBrush(shade(i));
        painter.drawRoundedRect(QRectF(line.left(), line.top() + (kLine - kSwatch) / 2.0, kSwatch, kSwatch), 2, 2);
        const QString size = byteSize(m_parts[i].bytes);
        const int number = metrics.horizontalAdvance(size) + 2;
        painter.setPen(theme.color(Token::Text));
        painter.drawText(line, int(Qt::AlignRight | Qt::AlignVCenter), size);
        painter.setPen(theme.color(Token::Muted));
        const QRect name = line.adjusted(kSwatch + 6, 0, -number - 4, 0);
        painter.drawText(name, int(Qt::AlignLeft | Qt::AlignVCenter),
                         metrics.elidedText(m_parts[i].name, Qt::ElideRight, name.width()));
    }
}

bool MemoryBar::event(QEvent* event) {
    if (event->type() != QEvent::ToolTip) return QWidget::event(event);
    const auto* help = static_cast<QHelpEvent*>(event);
    for (std::size_t i = 0; i < m_parts.size(); ++i)
        if (place(int(i)).contains(help->pos())) {
            QToolTip::showText(help->globalPos(), m_parts[i].tip, this);
            return true;
        }
    QToolTip::hideText();
    return true;
}

} // namespace ui
