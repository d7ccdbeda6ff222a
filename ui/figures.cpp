// SPDX-License-Identifier: GPL-3.0-or-later
// Number formats, the same in every place of the window.
#include "ui/figures.h"

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
    if (!std::isfinite(seconds) || seconds < 0) return QStringLiteral("–");
    if (seconds < 1) return withUnit(QString::number(int(std::lround(seconds * 1000))), Words::tr("ms"));
    if (seconds < 9.95) return withUnit(locale().toString(seconds, 'f', 1), Words::tr("s"));
    const auto whole = qint64(std::llround(seconds));
    const auto pair = [](qint64 big, const QString& bigUnit, qint64 small, const QString& smallUnit) {
        const QString first = withUnit(count(big), bigUnit);
        return small ? first + kNoBreak + withUnit(count(small), smallUnit) : first;
    };
    if (whole < 60) return withUnit(count(whole), Words::tr("s"));
    if (whole < 3600) return pair(whole / 60, Words::tr("min"), whole % 60, Words::tr("s"));
    if (whole < 86400) return pair(whole / 3600, Words::tr("h"), whole % 3600 / 60, Words::tr("min"));
    return pair(whole / 86400, Words::tr("d"), whole % 86400 / 3600, Words::tr("h"));
}

QString byteSize(std::int64_t bytes) {
    static const char* units[]{"B", "kB", "MB", "GB", "TB"};
    double value = double(bytes);
    int unit = 0;
    while (std::abs(value) >= 999.5 && unit < 4) {
        value /= 1000;
        ++unit;
    }
    return withUnit(locale().toString(value, 'f', unit >= 3 && std::abs(value) < 99.5 ? 1 : 0), QLatin1String(units[unit]));
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
