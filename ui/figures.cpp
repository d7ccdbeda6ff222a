// SPDX-License-Identifier: GPL-3.0-or-later
// Number formats, the same in every place of the window.
#include "ui/figures.h"

#include "engine/words/numbers.h"
#include "ui/engine_text.h"

#include <QCoreApplication>
#include <QDateTime>
#include <QLocale>

#include <algorithm>
#include <cmath>

namespace ui {
namespace {

constexpr QChar kMinus(0x2212), kNoBreak(0x00a0);

struct Words {
    Q_DECLARE_TR_FUNCTIONS(figures)
};

QLocale locale() {
    QLocale english(QLocale::English, QLocale::UnitedStates); // one spelling in window, files and screenshots
    return english;
}

QString withSign(QString unsignedText, double value, bool zero) {
    if (zero) return unsignedText;
    return (value < 0 ? kMinus : QLatin1Char('+')) + unsignedText;
}

QString withUnit(const QString& number, const QString& unit) {
    return number + kNoBreak + unit;
}

QString unbroken(const std::string& text) {
    return fromText(text).replace(QLatin1Char(' '), kNoBreak);
}

} // namespace

QString count(std::int64_t n) {
    const QString digits = locale().toString(qint64(n));
    return n < 0 ? kMinus + digits.mid(1) : digits;
}

QString shortCount(std::int64_t n) {
    if (std::abs(double(n)) < 100'000) return count(n);
    const bool billions = std::abs(double(n)) >= 999.5e6;
    const double value = double(n) / (billions ? 1e9 : 1e6);
    return withUnit(locale().toString(value, 'f', std::abs(value) < 10 ? 2 : 1), billions ? Words::tr("B") : Words::tr("M"));
}

QString plural(std::int64_t n, const QString& one, const QString& many) {
    return withUnit(count(n), n == 1 ? one : many);
}

QString signedCount(std::int64_t n) {
    return n > 0 ? QLatin1Char('+') + count(n) : count(n);
}

QString percent(double share, int decimals) {
    if (!std::isfinite(share)) return QStringLiteral("–");
    return withUnit(locale().toString(share * 100, 'f', decimals), QStringLiteral("%"));
}

QString signedPoints(double share, int decimals) {
    if (!std::isfinite(share)) return QStringLiteral("–");
    const QString text = locale().toString(std::abs(share) * 100, 'f', decimals);
    return withSign(text, share, text.toDouble() == 0);
}

QString figure(double value, int significant) {
    if (std::isnan(value)) return QStringLiteral("–");
    if (std::isinf(value)) return value < 0 ? kMinus + QStringLiteral("∞") : QStringLiteral("∞");
    const double size = std::abs(value);
    QString text;
    if (size == 0)
        text = QStringLiteral("0");
    else if (size < 1e-3) {
        text = QString::number(size, 'g', significant).replace(QStringLiteral("e-0"), QStringLiteral("e-"));
        if (!text.contains(QLatin1Char('e'))) {
            const int exponent = int(std::floor(std::log10(size)));
            text = QString::number(size / std::pow(10.0, exponent), 'g', significant) + QStringLiteral("e%1").arg(exponent);
        }
    } else {
        const int before = int(std::floor(std::log10(size))) + 1;
        text = locale().toString(size, 'f', std::clamp(significant - std::max(before, 0), 0, 8));
    }
    return value < 0 ? kMinus + text : text;
}

QString signedFigure(double value, int significant) {
    const QString text = figure(std::abs(value), significant);
    return withSign(text, value, text == QStringLiteral("0") || std::isnan(value));
}

QString duration(double seconds) {
    return unbroken(engine::secondsText(seconds));
}

QString byteSize(std::int64_t bytes) {
    return unbroken(engine::bytesText(bytes, 1));
}

QString moment(double secondsSince1970) {
    if (secondsSince1970 <= 0) return QStringLiteral("–");
    const QDateTime then = QDateTime::fromMSecsSinceEpoch(qint64(secondsSince1970 * 1000));
    const QDate today = QDate::currentDate();
    if (then.date() == today) return then.toString(QStringLiteral("HH:mm"));
    return locale().toString(then,
                             then.date().year() == today.year() ? QStringLiteral("d MMM HH:mm") : QStringLiteral("d MMM yyyy"));
}

QString orDash(const std::optional<double>& value, QString (*write)(double)) {
    return value ? write(*value) : QStringLiteral("–");
}

} // namespace ui
