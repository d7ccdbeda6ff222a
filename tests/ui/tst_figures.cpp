// SPDX-License-Identifier: GPL-3.0-or-later
// How numbers are written.
#include "ui/figures.h"

#include <QDateTime>
#include <QtTest>

#include <limits>

using namespace ui;

class TestFigures : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void writes_data();
    void writes();
    void moments();
};

void TestFigures::writes_data() {
    QTest::addColumn<QString>("written");
    QTest::addColumn<QString>("expected"); // an underscore is the space that does not break, a minus the true one
    const double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
    const auto row = [](const char* name, const QString& written, const char* expected) {
        QTest::newRow(name)
            << written
            << QString::fromUtf8(expected).replace(QLatin1Char('_'), QChar(0xa0)).replace(QLatin1Char('~'), QChar(0x2212));
    };
    row("count", count(1234567), "1,234,567");
    row("negative count", count(-1234), "~1,234");
    row("plus", signedCount(12), "+12");
    row("minus", signedCount(-3), "~3");
    row("neither", signedCount(0), "0");
    row("percent", percent(0.33666), "33.7_%");
    row("whole percent", percent(1, 0), "100_%");
    row("percent of nothing", percent(nan), "–");
    row("points", signedPoints(0.5233), "+52.3");
    row("points down", signedPoints(-0.004), "~0.4");
    row("points too small to show have no sign", signedPoints(-0.0001), "0.0");
    row("loss", figure(0.352149), "0.3521");
    row("above ten", figure(12.3456), "12.35");
    row("large", figure(123456.7), "123,457");
    row("rate", figure(2e-4), "2e-4");
    row("odd rate", figure(0.00023), "2.3e-4");
    row("small", figure(3.25e-7), "3.25e-7");
    row("zero", figure(0), "0");
    row("below zero", figure(-1.5, 2), "~1.5");
    row("not a number", figure(nan), "–");
    row("infinite", figure(-infinity), "~∞");
    row("figure up", signedFigure(0.25, 2), "+0.25");
    row("figure down", signedFigure(-0.25, 2), "~0.25");
    row("milliseconds", duration(0.85), "850_ms");
    row("seconds", duration(9.34), "9.3_s");
    row("no 10.0", duration(9.97), "10_s");
    row("minutes", duration(125), "2_min_5_s");
    row("a whole minute", duration(59.7), "1_min");
    row("hours", duration(3785), "1_h_3_min");
    row("days", duration(90000), "1_d_1_h");
    row("unknown time", duration(-1), "–");
    row("bytes", byteSize(612'000'000), "612_MB");
    row("gigabytes", byteSize(1'240'000'000), "1.2_GB");
    row("no 1000 MB", byteSize(999'900'000), "1.0_GB");
    row("absent", orDash(std::nullopt, duration), "–");
}

void TestFigures::writes() {
    QFETCH(const QString, written);
    QFETCH(const QString, expected);
    QCOMPARE(written, expected);
}

void TestFigures::moments() {
    QCOMPARE(moment(0), QStringLiteral("–"));
    const QDateTime now = QDateTime::currentDateTime();
    QCOMPARE(moment(double(now.toSecsSinceEpoch())), now.toString(QStringLiteral("HH:mm")));
    QCOMPARE(moment(double(QDateTime(QDate(2001, 2, 3), QTime(4, 5)).toSecsSinceEpoch())), QStringLiteral("3 Feb 2001"));
}

QTEST_APPLESS_MAIN(TestFigures)
#include "tst_figures.moc"
