// SPDX-License-Identifier: GPL-3.0-or-later
// Characters, quotations and the texts of numbers.
#include "engine/words/numbers.h"
#include "engine/words/quoting.h"
#include "engine/words/utf8.h"

#include <QTest>

using engine::Utf8Step;

class TestWords : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void stepsThroughUtf8_data();
    void stepsThroughUtf8();
    void appendsEveryCharacter();
    void cutsBetweenCharacters();
    void quotes_data();
    void quotes();
    void writesNumbers();
    void writesBytes_data();
    void writesBytes();
    void writesSeconds_data();
    void writesSeconds();
};

void TestWords::stepsThroughUtf8_data() {
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<uint>("code");
    QTest::addColumn<int>("bytes");
    QTest::addColumn<int>("kind");
    const auto row = [](const QByteArray& text, uint code, int bytes, Utf8Step::Kind kind) {
        QTest::newRow(text.toHex(' ').constData()) << text << code << bytes << int(kind);
    };
    const auto whole = [&](const QByteArray& text, uint code) { row(text + "x", code, int(text.size()), Utf8Step::Whole); };
    // The byte sequences of Unicode 15's table 3-7 at their ends.
    whole("a", 'a');
    whole("\x7F", 0x7F);
    whole("\xC2\x80", 0x80);
    whole("\xDF\xBF", 0x7FF);
    whole("\xE0\xA0\x80", 0x800);
    whole("\xED\x9F\xBF", 0xD7FF);
    whole("\xEE\x80\x80", 0xE000);
    whole("\xEF\xBF\xBF", 0xFFFF);
    whole("\xF0\x90\x80\x80", 0x10000);
    whole("\xF4\x8F\xBF\xBF", 0x10FFFF);
    row("\x80", 0xFFFD, 1, Utf8Step::Malformed);
    row("\xC0\x80", 0xFFFD, 1, Utf8Step::Malformed);
    row("\xC1", 0xFFFD, 1, Utf8Step::Malformed);
    row("\xF5\x80\x80\x80", 0xFFFD, 1, Utf8Step::Malformed);
    row("\xFF", 0xFFFD, 1, Utf8Step::Malformed);
    row("\xE0\x9F\xBF", 0xFFFD, 1, Utf8Step::Malformed);
    row("\xED\xA0\x80", 0xFFFD, 1, Utf8Step::Malformed); // a surrogate
    row("\xF0\x8F\xBF\xBF", 0xFFFD, 1, Utf8Step::Malformed);
    row("\xF4\x90\x80\x80", 0xFFFD, 1, Utf8Step::Malformed);
    row("\xC3x", 0xFFFD, 1, Utf8Step::Malformed);
    row("\xE2\x82x", 0xFFFD, 2, Utf8Step::Malformed);
    row("\xF0\x9F\x98x", 0xFFFD, 3, Utf8Step::Malformed);
    row("\xC3", 0xFFFD, 1, Utf8Step::Cut);
    row("\xE2\x82", 0xFFFD, 2, Utf8Step::Cut);
    row("\xF0\x9F\x98", 0xFFFD, 3, Utf8Step::Cut);
}

void TestWords::stepsThroughUtf8() {
    QFETCH(QByteArray, text);
    QFETCH(uint, code);
    QFETCH(int, bytes);
    QFETCH(int, kind);
    for (const std::string& before : {std::string(), std::string("ä")}) {
        const Utf8Step step = engine::utf8Step(before + text.toStdString(), before.size());
        QCOMPARE(uint(step.code), code);
        QCOMPARE(int(step.bytes), bytes);
        QCOMPARE(int(step.kind), kind);
    }
}

void TestWords::appendsEveryCharacter() {
    for (char32_t code = 0; code <= 0x10FFFF; code += code < 0x3000 ? 1 : 37) {
        if (code >= 0xD800 && code < 0xE000) continue;
        std::string text;
        engine::appendUtf8(text, code);
        const Utf8Step step = engine::utf8Step(text, 0);
        QVERIFY(step.kind == Utf8Step::Whole && step.code == code && step.bytes == text.size());
    }
}

void TestWords::cutsBetweenCharacters() {
    const std::string text = "aä€😀z";
    QCOMPARE(engine::characterCount(text), 5u);
    QCOMPARE(engine::firstCharacters(text, 0), std::string_view());
    QCOMPARE(engine::firstCharacters(text, 3), std::string_view("aä€"));
    QCOMPARE(engine::firstCharacters(text, 5), std::string_view(text));
    QCOMPARE(engine::firstCharacters(text, 9), std::string_view(text));
    QCOMPARE(engine::wholeCharacters(text, 0), std::string_view());
    QCOMPARE(engine::wholeCharacters(text, 5), std::string_view("aä"));
    QCOMPARE(engine::wholeCharacters(text, 6), std::string_view("aä€"));
    QCOMPARE(engine::wholeCharacters(text, 100), std::string_view(text));
    QCOMPARE(engine::wholeCharacters("ab\xFF"
                                     "cd",
                                     100),
             std::string_view("ab"));
}

void TestWords::quotes_data() {
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<QByteArray>("quoted");
    const QByteArray sixty(60, 'x');
    QTest::newRow("short") << QByteArray("grün") << QByteArray("'grün'");
    QTest::newRow("empty") << QByteArray() << QByteArray("''");
    QTest::newRow("as long as may be") << sixty << "'" + sixty + "'";
    QTest::newRow("longer") << sixty + "x"
                            << "'" + sixty + "…'";
    QTest::newRow("cut before a character") << sixty.left(59) + "ä"
                                            << "'" + sixty.left(59) + "…'";
    QTest::newRow("no UTF-8") << QByteArray("ab\xFF"
                                            "cd")
                              << QByteArray("'ab…'");
}

void TestWords::quotes() {
    QFETCH(QByteArray, text);
    QFETCH(QByteArray, quoted);
    QCOMPARE(engine::inQuotes(text.toStdString()), quoted.toStdString());
    QCOMPARE("'" + engine::excerpt(text.toStdString()) + "'", quoted.toStdString());
    QCOMPARE(engine::quote("a\nb\x7F"), std::string("\"a?b?\""));
    QCOMPARE(engine::quote(std::string(121, 'x')), '"' + std::string(120, 'x') + "…\"");
}

void TestWords::writesNumbers() {
    QCOMPARE(engine::numberText(0.845, 4), std::string("0.8450"));
    QCOMPARE(engine::numberText(-1234.56, 1), std::string("-1234.6"));
    QCOMPARE(engine::numberText(2.5, 0), std::string("2"));
    QCOMPARE(engine::counted(1, "row"), std::string("1 row"));
    QCOMPARE(engine::counted(0, "row"), std::string("0 rows"));
    QCOMPARE(engine::counted(4846, "row"), std::string("4846 rows"));
    for (const char* number : {"12", "-3.5e2", " 40 %", "+7", ".5"}) QVERIFY(engine::isNumber(number));
    for (const char* other : {"", " ", "12a", "one", "1 2", "--1"}) QVERIFY(!engine::isNumber(other));
}

void TestWords::writesBytes_data() {
    QTest::addColumn<qint64>("bytes");
    QTest::addColumn<QString>("text");
    QTest::newRow("none") << qint64(0) << QStringLiteral("0 B");
    QTest::newRow("bytes") << qint64(999) << QStringLiteral("999 B");
    QTest::newRow("kilobytes") << qint64(1'499) << QStringLiteral("1 kB");
    QTest::newRow("megabytes") << qint64(612'000'000) << QStringLiteral("612 MB");
    QTest::newRow("no 1000 MB") << qint64(999'600'000) << QStringLiteral("1.00 GB");
    QTest::newRow("gigabytes") << qint64(1'254'000'000) << QStringLiteral("1.25 GB");
    QTest::newRow("many gigabytes") << qint64(123'400'000'000) << QStringLiteral("123 GB");
    QTest::newRow("terabytes") << qint64(2'500'000'000'000) << QStringLiteral("2.50 TB");
    QTest::newRow("less") << qint64(-612'000'000) << QStringLiteral("-612 MB");
}

void TestWords::writesBytes() {
    QFETCH(qint64, bytes);
    QFETCH(QString, text);
    QCOMPARE(QString::fromStdString(engine::bytesText(bytes)), text);
}

void TestWords::writesSeconds_data() {
    QTest::addColumn<double>("seconds");
    QTest::addColumn<QString>("text");
    QTest::newRow("milliseconds") << 0.85 << QStringLiteral("850 ms");
    QTest::newRow("no 1000 ms") << 0.9996 << QStringLiteral("1.0 s");
    QTest::newRow("seconds") << 9.34 << QStringLiteral("9.3 s");
    QTest::newRow("no 10.0") << 9.97 << QStringLiteral("10 s");
    QTest::newRow("a minute") << 59.7 << QStringLiteral("1 min");
    QTest::newRow("minutes") << 125.0 << QStringLiteral("2 min 5 s");
    QTest::newRow("an hour") << 3600.0 << QStringLiteral("1 h");
    QTest::newRow("hours") << 3785.0 << QStringLiteral("1 h 3 min");
    QTest::newRow("days") << 90000.0 << QStringLiteral("1 d 1 h");
    QTest::newRow("unknown") << -1.0 << QStringLiteral("–");
}

void TestWords::writesSeconds() {
    QFETCH(double, seconds);
    QFETCH(QString, text);
    QCOMPARE(QString::fromStdString(engine::secondsText(seconds)), text);
}

QTEST_APPLESS_MAIN(TestWords)
#include "tst_words.moc"
