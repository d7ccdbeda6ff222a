// SPDX-License-Identifier: GPL-3.0-or-later
// Palettes, fonts and colour maps; the style sheet lies in resources/style/workbench.qss with the tokens' names in it.
#include "ui/theme/theme.h"

#include <QApplication>
#include <QFile>
#include <QFontDatabase>
#include <QPalette>
#include <QStyle>
#include <QStyleFactory>
#include <QWidget>

#include <algorithm>
#include <array>
#include <cmath>
#include <initializer_list>

static void initResources() {
    Q_INIT_RESOURCE(phibench);
} // outside the namespace, as Qt asks

namespace ui {
namespace {

struct Palette {
    QRgb colors[12];
};

//                            surface   raised    sunken    border    text      muted     accent    onAccent  good      warn bad
//                            focus
constexpr Palette kLight{{0xfff4f5f8, 0xffffffff, 0xffebedf2, 0xffd8dce5, 0xff171a23, 0xff565e6e, 0xff3550cf, 0xffffffff,
                          0xff14734a, 0xff855300, 0xffb92d30, 0xff5b75ea}};
constexpr Palette kDark{{0xff15171d, 0xff1d2027, 0xff101217, 0xff313641, 0xffe8eaf0, 0xff9ca5b5, 0xff8ea6ff, 0xff0e1430,
                         0xff62cd95, 0xffe2b04f, 0xffff8d86, 0xff8ea6ff}};

// Eight hues apart also for the colour-blind (after Okabe and Ito), darkened or lightened to read on the mode's surface.
constexpr std::array<QRgb, 8> kRunsLight{0xff3550cf, 0xffc2570c, 0xff0b8173, 0xffb0358f,
                                         0xff8a6a00, 0xff1f7fb8, 0xffa8373a, 0xff6a4bc4};
constexpr std::array<QRgb, 8> kRunsDark{0xff8ea6ff, 0xfff5a05a, 0xff4fcab8, 0xffea86cf,
                                        0xffe0c04c, 0xff6cc1f2, 0xfff58b86, 0xffb79cff};

// Even steps of lightness from the surface's end to the other, by way of cividis' blue, grey and ochre.
constexpr std::array<QRgb, 6> kHeatLight{0xfff3f1e6, 0xffd9d3b0, 0xffa9a88f, 0xff757f8a, 0xff40567f, 0xff0d2a5c};
constexpr std::array<QRgb, 6> kHeatDark{0xff1c2335, 0xff2f406a, 0xff5b6678, 0xff8b8a78, 0xffbfae62, 0xfff6df5f};
constexpr std::array<QRgb, 5> kDivergingLight{0xff9c4a12, 0xffe0a878, 0xfff3f3f1, 0xff8fb0dc, 0xff1d4f98};
constexpr std::array<QRgb, 5> kDivergingDark{0xfff2a765, 0xff93572a, 0xff252932, 0xff2f5c99, 0xff86b8ff};

QColor mixed(const QColor& a, const QColor& b, double t) {
    const auto part = [t](int x, int y) { return int(std::lround(x + (y - x) * t)); };
    return QColor(part(a.red(), b.red()), part(a.green(), b.green()), part(a.blue(), b.blue()));
}

template <std::size_t N> QColor along(const std::array<QRgb, N>& stops, double t) {
    if (!(t > 0)) return QColor(stops.front());
    const double at = std::min(t, 1.0) * double(N - 1);
    const auto i = std::min(std::size_t(at), N - 2);
    return mixed(QColor(stops[i]), QColor(stops[i + 1]), at - double(i));
}

double luminance(const QColor& c) {
    const auto linear = [](double v) { return v <= 0.04045 ? v / 12.92 : std::pow((v + 0.055) / 1.055, 2.4); };
    return 0.2126 * linear(c.redF()) + 0.7152 * linear(c.greenF()) + 0.0722 * linear(c.blueF());
}

QString firstInstalled(std::initializer_list<const char*> names, QFontDatabase::SystemFont otherwise) {
    QStringList installed;
    for (const QString& family : QFontDatabase::families())
        installed << family.section(QStringLiteral(" ["), 0, 0); // "Noto Sans [GOOG]"
    for (const char* name : names)
        if (installed.contains(QLatin1String(name), Qt::CaseInsensitive)) return QLatin1String(name);
    return QFontDatabase::systemFont(otherwise).family();
}

QString sansFamily() {
    static const QString family =
        firstInstalled({"Inter", "SF Pro Text", "Segoe UI Variable Text", "Segoe UI", "Noto Sans", "Cantarell", "Source Sans 3",
                        "Roboto", "Ubuntu", "Helvetica Neue", "Liberation Sans", "Nimbus Sans", "DejaVu Sans"},
                       QFontDatabase::GeneralFont);
    return family;
}

QString monoFamily() {
    static const QString family =
        firstInstalled({"JetBrains Mono", "SF Mono", "Cascadia Mono", "Consolas", "Noto Sans Mono", "DejaVu Sans Mono"},
                       QFontDatabase::FixedFont);
    return family;
}

int pixels(TextSize size) {
    return size == TextSize::Small ? 12 : size == TextSize::Body ? 13 : 20;
}

QString styleSheet(const Theme& theme) {
    QFile file(QStringLiteral(":/style/workbench.qss"));
    if (!file.open(QIODevice::ReadOnly)) return {};
    QString sheet = QString::fromUtf8(file.readAll());
    const QColor raised = theme.color(Token::Raised), text = theme.color(Token::Text), accent = theme.color(Token::Accent);
    const std::pair<const char*, QColor> colors[]{
        {"@surface", theme.color(Token::Surface)},
        {"@raised", raised},
        {"@sunken", theme.color(Token::Sunken)},
        {"@border", theme.color(Token::Border)},
        {"@edge", mixed(theme.color(Token::Border), text, 0.16)},
        {"@text", text},
        {"@muted", theme.color(Token::Muted)},
        {"@faint", mixed(theme.color(Token::Muted), theme.color(Token::Surface), 0.45)},
        {"@accentHover", mixed(accent, theme.isDark() ? QColor(Qt::white) : QColor(Qt::black), 0.14)},
        {"@accentSoft", mixed(raised, accent, theme.isDark() ? 0.22 : 0.12)},
        {"@onAccent", theme.color(Token::OnAccent)},
        {"@accent", accent},
        {"@good", theme.color(Token::Good)},
        {"@warn", theme.color(Token::Warn)},
        {"@badSoft", mixed(raised, theme.color(Token::Bad), 0.12)},
        {"@bad", theme.color(Token::Bad)},
        {"@focus", theme.color(Token::Focus)},
        {"@hover", mixed(raised, text, 0.06)},
        {"@pressed", mixed(raised, text, 0.12)}};
    for (const auto& [name, color] : colors) {
        // A name that begins another comes after it above (accent, bad), so plain replacement is safe.
        sheet.replace(QLatin1String(name), color.name());
    }
    sheet.replace(QLatin1String("%mode"), theme.isDark() ? QStringLiteral("dark") : QStringLiteral("light"));
    sheet.replace(QLatin1String("%mono"), monoFamily());
    return sheet;
}

} // namespace

Theme& Theme::instance() {
    static Theme theme;
    return theme;
}

void Theme::apply(QApplication& application, Mode mode) {
    initResources();
    static const bool systemIsDark =
        luminance(QGuiApplication::palette().color(QPalette::Window)) < 0.2; // before ours replaces it
    m_dark = mode == Mode::Dark || (mode == Mode::System && systemIsDark);

    QPalette p;
    const QColor text = color(Token::Text), muted = color(Token::Muted), raised = color(Token::Raised),
                 surface = color(Token::Surface);
    p.setColor(QPalette::Window, surface);
    p.setColor(QPalette::WindowText, text);
    p.setColor(QPalette::Base, raised);
    p.setColor(QPalette::AlternateBase, color(Token::Sunken));
    p.setColor(QPalette::Text, text);
    p.setColor(QPalette::PlaceholderText, muted);
    p.setColor(QPalette::Button, raised);
    p.setColor(QPalette::ButtonText, text);
    p.setColor(QPalette::BrightText, color(Token::Bad));
    p.setColor(QPalette::ToolTipBase, raised);
    p.setColor(QPalette::ToolTipText, text);
    p.setColor(QPalette::Highlight, color(Token::Accent));
    p.setColor(QPalette::HighlightedText, color(Token::OnAccent));
    p.setColor(QPalette::Link, color(Token::Accent));
    p.setColor(QPalette::LinkVisited, color(Token::Accent));
    p.setColor(QPalette::Light, raised);
    p.setColor(QPalette::Midlight, color(Token::Border));
    p.setColor(QPalette::Mid, color(Token::Border));
    p.setColor(QPalette::Dark, color(Token::Border));
    p.setColor(QPalette::Shadow, color(Token::Border));
    for (const auto role : {QPalette::WindowText, QPalette::Text, QPalette::ButtonText, QPalette::HighlightedText})
        p.setColor(QPalette::Disabled, role, mixed(muted, surface, 0.35));

    application.setStyle(QStyleFactory::create(QStringLiteral("Fusion")));
    application.setPalette(p);
    application.setFont(font(TextSize::Body));
    application.setStyleSheet(styleSheet(*this));
    Q_EMIT changed();
}

bool Theme::isDark() const {
    return m_dark;
}

QColor Theme::color(Token token) const {
    return QColor((m_dark ? kDark : kLight).colors[int(token)]);
}

QFont Theme::font(TextSize size, bool bold) const {
    QFont font(sansFamily()); // every family in the list has figures of one width by default
    font.setPixelSize(pixels(size));
    if (bold) font.setWeight(QFont::DemiBold);
    font.setHintingPreference(QFont::PreferNoHinting);
    return font;
}

QFont monoFont(TextSize size) {
    QFont font(monoFamily());
    font.setPixelSize(pixels(size));
    font.setStyleHint(QFont::Monospace);
    font.setHintingPreference(QFont::PreferNoHinting);
    return font;
}

QColor Theme::runColor(qint64 run) const {
    const auto& colors = m_dark ? kRunsDark : kRunsLight;
    const qint64 n = qint64(colors.size());
    return QColor(colors[std::size_t((run % n + n) % n)]);
}

QColor Theme::heat(double t) const {
    return along(m_dark ? kHeatDark : kHeatLight, t);
}

QColor Theme::diverging(double t) const {
    return along(m_dark ? kDivergingDark : kDivergingLight, (t + 1) / 2);
}

QColor Theme::textOn(const QColor& background) const {
    static const QColor dark(0xff171a23), light(0xffffffff);
    const double l = luminance(background);
    return (luminance(light) + 0.05) / (l + 0.05) >= (l + 0.05) / (luminance(dark) + 0.05) ? light : dark;
}

void setRole(QWidget* widget, const char* role) {
    widget->setProperty("role", QString::fromLatin1(role));
    widget->style()->unpolish(widget);
    widget->style()->polish(widget);
    widget->update();
}

double contrast(const QColor& a, const QColor& b) {
    const double la = luminance(a) + 0.05, lb = luminance(b) + 0.05;
    return std::max(la, lb) / std::min(la, lb);
}

} // namespace ui
