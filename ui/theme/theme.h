// SPDX-License-Identifier: GPL-3.0-or-later
// The look: named colours in light and dark, an 8-pixel grid, three text sizes.
#pragma once
#include <QColor>
#include <QFont>
#include <QObject>
#include <QString>

class QApplication;
class QWidget;

namespace ui {

enum class Token { Surface, Raised, Sunken, Border, Text, Muted, Accent, OnAccent, Good, Warn, Bad, Focus };
enum class TextSize { Small, Body, Title };
enum class Mode { System, Light, Dark };
inline constexpr int kGrid = 8;

/// One for the program; widgets repaint on changed().
class Theme : public QObject {
    Q_OBJECT
public:
    static Theme& instance();
    void apply(QApplication& application, Mode mode);
    bool isDark() const;
    QColor color(Token token) const;
    QFont font(TextSize size, bool bold = false) const; // tabular figures
    /// The colour of a run, the same everywhere.
    QColor runColor(qint64 run) const;
    /// Cividis-like map, t in 0..1; and the text colour that reads on it.
    QColor heat(double t) const;
    QColor diverging(double t) const; // t in -1..1
    QColor textOn(const QColor& background) const;

Q_SIGNALS:
    void changed();

private:
    Theme() = default;
    bool m_dark = false;
};

/// Object-name-free roles that the style sheet knows: setRole(button, "primary").
/// Roles: primary, quiet, danger (buttons); title, muted, small, warning, error, good, mono (labels); card, rail, strip, notice
/// (frames).
void setRole(QWidget* widget, const char* role);

/// For templates, logs and YAML.
QFont monoFont(TextSize size = TextSize::Body);
/// WCAG contrast of two opaque colours, 1..21.
double contrast(const QColor& a, const QColor& b);

} // namespace ui
