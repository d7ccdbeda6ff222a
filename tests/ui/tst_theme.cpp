// SPDX-License-Identifier: GPL-3.0-or-later
// The palette reads in both modes, the maps are even, and a role reaches the style sheet.
#include "ui/theme/icons.h"
#include "ui/theme/theme.h"

#include <QApplication>
#include <QLabel>
#include <QSignalSpy>
#include <QtTest>

using namespace ui;

class TestTheme : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void textReads_data();
    void textReads();
    void textOnEveryHeat();
    void heatIsEven();
    void runsKeepTheirColor();
    void rolesReachTheStyleSheet();
    void iconsFollowTheTheme();
};

void TestTheme::textReads_data() {
    QTest::addColumn<bool>("dark");
    QTest::addColumn<int>("token");
    const std::pair<const char*, Token> texts[]{{"text", Token::Text}, {"muted", Token::Muted}, {"accent", Token::Accent},
                                                {"good", Token::Good}, {"warn", Token::Warn},   {"bad", Token::Bad}};
    for (const bool dark : {false, true})
        for (const auto& [name, token] : texts) QTest::addRow("%s %s", dark ? "dark" : "light", name) << dark << int(token);
}

void TestTheme::textReads() {
    QFETCH(const bool, dark);
    QFETCH(const int, token);
    Theme& theme = Theme::instance();
    QSignalSpy changed(&theme, &Theme::changed);
    theme.apply(*qApp, dark ? Mode::Dark : Mode::Light);
    QCOMPARE(changed.size(), 1);
    QCOMPARE(theme.isDark(), dark);
    for (const Token ground : {Token::Surface, Token::Raised, Token::Sunken}) {
        const double ratio = contrast(theme.color(Token(token)), theme.color(ground));
        QVERIFY2(ratio >= 4.5, qPrintable(QStringLiteral("%1 on ground %2").arg(ratio).arg(int(ground))));
    }
    QVERIFY(contrast(theme.color(Token::OnAccent), theme.color(Token::Accent)) >= 4.5);
    QVERIFY(contrast(theme.color(Token::Focus), theme.color(Token::Surface)) >= 3);
}

void TestTheme::textOnEveryHeat() {
    for (const Mode mode : {Mode::Light, Mode::Dark}) {
        Theme& theme = Theme::instance();
        theme.apply(*qApp, mode);
        for (int i = 0; i <= 100; ++i) {
            const QColor heat = theme.heat(i / 100.0), diverging = theme.diverging(i / 50.0 - 1);
            QVERIFY2(contrast(heat, theme.textOn(heat)) >= 4.1, qPrintable(QStringLiteral("heat %1").arg(i)));
            QVERIFY2(contrast(diverging, theme.textOn(diverging)) >= 4.1, qPrintable(QStringLiteral("diverging %1").arg(i)));
        }
    }
}

void TestTheme::heatIsEven() {
    for (const Mode mode : {Mode::Light, Mode::Dark}) {
        Theme& theme = Theme::instance();
        theme.apply(*qApp, mode);
        const auto fromStart = [&](double t) { return contrast(theme.heat(0), theme.heat(t)); };
        for (int i = 1; i <= 50; ++i) QVERIFY(fromStart(i / 50.0) > fromStart((i - 1) / 50.0));
        QCOMPARE(theme.heat(-1), theme.heat(0));
        QCOMPARE(theme.heat(2), theme.heat(1));
        QCOMPARE(theme.heat(std::nan("")), theme.heat(0));
    }
}

void TestTheme::runsKeepTheirColor() {
    Theme& theme = Theme::instance();
    theme.apply(*qApp, Mode::Light);
    QCOMPARE(theme.runColor(12), theme.runColor(12));
    QVERIFY(theme.runColor(12) != theme.runColor(13));
    QVERIFY(theme.runColor(-3).isValid());
    for (int run = 0; run < 8; ++run) QVERIFY(contrast(theme.runColor(run), theme.color(Token::Raised)) >= 3);
    theme.apply(*qApp, Mode::Dark);
    for (int run = 0; run < 8; ++run) QVERIFY(contrast(theme.runColor(run), theme.color(Token::Raised)) >= 3);
}

void TestTheme::rolesReachTheStyleSheet() {
    Theme& theme = Theme::instance();
    theme.apply(*qApp, Mode::Light);
    QVERIFY2(!qApp->styleSheet().contains(QLatin1Char('@')), "a colour's name was left in the sheet");
    QVERIFY(!qApp->styleSheet().contains(QLatin1Char('%')));
    QLabel label(QStringLiteral("x"));
    setRole(&label, "error");
    label.ensurePolished();
    QCOMPARE(label.palette().color(QPalette::WindowText), theme.color(Token::Bad));
    theme.apply(*qApp, Mode::Dark);
    label.ensurePolished();
    QCOMPARE(label.palette().color(QPalette::WindowText), theme.color(Token::Bad));
}

void TestTheme::iconsFollowTheTheme() {
    Theme& theme = Theme::instance();
    const QIcon icon = ui::icon(QStringLiteral("stop"), Token::Bad);
    QVERIFY(!icon.isNull());
    for (const Mode mode : {Mode::Light, Mode::Dark}) {
        theme.apply(*qApp, mode);
        QCOMPARE(icon.pixmap(20, 20).toImage().pixelColor(10, 10), theme.color(Token::Bad));
    }
    QVERIFY(ui::icon(QStringLiteral("no such icon")).isNull());
}

QTEST_MAIN(TestTheme)
#include "tst_theme.moc"
