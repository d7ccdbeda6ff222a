// SPDX-License-Identifier: GPL-3.0-or-later
// Monochrome SVGs recoloured when painted.
#include "ui/theme/icons.h"

#include <QFile>
#include <QIconEngine>
#include <QPainter>
#include <QPixmap>
#include <QSvgRenderer>

namespace ui {
namespace {

class ThemedIcon : public QIconEngine {
public:
    ThemedIcon(const QString& name, Token token) : m_name(name), m_token(token) {
        QFile file(QStringLiteral(":/icons/%1.svg").arg(name));
        if (file.open(QIODevice::ReadOnly)) m_svg = file.readAll();
    }

    void paint(QPainter* painter, const QRect& rect, QIcon::Mode mode, QIcon::State state) override {
        const Theme& theme = Theme::instance();
        const QColor color = theme.color(state == QIcon::On && m_token == Token::Muted ? Token::Accent : m_token);
        QByteArray svg = m_svg;
        svg.replace("currentColor", color.name().toLatin1());
        QSvgRenderer renderer(svg);
        painter->save();
        if (mode == QIcon::Disabled) painter->setOpacity(painter->opacity() * 0.45);
        renderer.render(painter, rect);
        painter->restore();
    }

    QPixmap pixmap(const QSize& size, QIcon::Mode mode, QIcon::State state) override {
        QPixmap pixmap(size);
        pixmap.fill(Qt::transparent);
        QPainter painter(&pixmap);
        painter.setRenderHint(QPainter::Antialiasing);
        paint(&painter, QRect(QPoint(0, 0), size), mode, state);
        return pixmap;
    }

    QIconEngine* clone() const override { return new ThemedIcon(*this); }
    QString key() const override { return QStringLiteral("phibench"); }
    bool isNull() override { return m_svg.isEmpty(); }

private:
    QString m_name;
    Token m_token;
    QByteArray m_svg;
};

} // namespace

QIcon icon(const QString& name, Token token) {
    return QIcon(new ThemedIcon(name, token));
}

} // namespace ui
