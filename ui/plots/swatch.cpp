// SPDX-License-Identifier: GPL-3.0-or-later
// A run's colour as a painted square and as an icon.
#include "ui/plots/swatch.h"

#include "ui/theme/theme.h"

#include <QIconEngine>
#include <QPainter>
#include <QPixmap>

namespace ui {
namespace {

class SwatchIcon : public QIconEngine {
public:
    explicit SwatchIcon(qint64 run) : m_run(run) {}

    void paint(QPainter* painter, const QRect& rect, QIcon::Mode, QIcon::State) override {
        QRectF square(0, 0, kSwatch, kSwatch);
        square.moveCenter(QRectF(rect).center());
        paintSwatch(*painter, square, m_run);
    }

    QPixmap pixmap(const QSize& size, QIcon::Mode mode, QIcon::State state) override {
        QPixmap pixmap(size);
        pixmap.fill(Qt::transparent);
        QPainter painter(&pixmap);
        paint(&painter, QRect(QPoint(0, 0), size), mode, state);
        return pixmap;
    }

    QIconEngine* clone() const override { return new SwatchIcon(*this); }

private:
    qint64 m_run;
};

} // namespace

void paintSwatch(QPainter& painter, const QRectF& rect, qint64 run) {
    painter.save();
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(Qt::NoPen);
    painter.setBrush(Theme::instance().runColor(run));
    painter.drawRoundedRect(rect, 2.5, 2.5);
    painter.restore();
}

QIcon swatchIcon(qint64 run) {
    return QIcon(new SwatchIcon(run));
}

} // namespace ui
