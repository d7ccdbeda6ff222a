// SPDX-License-Identifier: GPL-3.0-or-later
// A histogram up to the 99th percentile; the median is marked.
#include "ui/data/length_bars.h"

#include "ui/engine_text.h"
#include "ui/figures.h"
#include "ui/theme/theme.h"

#include <QPainter>

#include <algorithm>

namespace ui {
namespace {

constexpr std::size_t kSample = 50'000;
constexpr int kBars = 28;

int words(const std::string& text) {
    int n = 0;
    bool inside = false;
    for (const char c : text) {
        const bool blank = c == ' ' || c == '\n' || c == '\t' || c == '\r';
        n += !blank && !inside;
        inside = !blank;
    }
    return n;
}

} // namespace

void LengthBars::setTexts(const std::vector<engine::Example>& examples) {
    std::vector<int> lengths;
    const std::size_t every = std::max<std::size_t>(1, examples.size() / kSample);
    for (std::size_t i = 0; i < examples.size(); i += every) lengths.push_back(words(examples[i].text));
    m_bars.clear();
    m_median = m_longest = 0;
    if (!lengths.empty()) {
        std::sort(lengths.begin(), lengths.end());
        m_median = lengths[lengths.size() / 2];
        m_longest = lengths.back();
        const int top = std::max(1, lengths[(lengths.size() - 1) * 99 / 100]);
        m_width = (top + kBars - 1) / kBars;
        m_bars.assign(std::size_t(top / m_width + 1), 0);
        for (const int length : lengths) ++m_bars[std::min(std::size_t(length / m_width), m_bars.size() - 1)];
    }
    update();
}

void LengthBars::paintEvent(QPaintEvent*) {
    if (m_bars.empty()) return;
    const Theme& theme = Theme::instance();
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    const int axis = 20, base = height() - axis;
    const double most = *std::max_element(m_bars.begin(), m_bars.end()), step = double(width()) / double(m_bars.size());
    QColor fill = theme.color(Token::Accent);
    fill.setAlphaF(0.55f);
    painter.setPen(Qt::NoPen);
    for (std::size_t i = 0; i < m_bars.size(); ++i) {
        const double tall = m_bars[i] / most * (base - 4);
        const bool median = std::size_t(m_median / m_width) == i;
        painter.setBrush(median ? theme.color(Token::Accent) : fill);
        if (tall > 0) painter.drawRect(QRectF(double(i) * step + 0.5, base - std::max(1.0, tall), step - 1, std::max(1.0, tall)));
    }
    painter.setRenderHint(QPainter::Antialiasing, false);
    painter.setPen(theme.color(Token::Border));
    painter.drawLine(0, base, width(), base);
    painter.setFont(theme.font(TextSize::Small));
    painter.setPen(theme.color(Token::Muted));
    const QRect line(0, base + 4, width(), axis - 4);
    painter.drawText(line, Qt::AlignLeft, QStringLiteral("0"));
    painter.drawText(line, Qt::AlignRight, count(std::int64_t(m_bars.size()) * m_width) + tr(" words"));
}

} // namespace ui
