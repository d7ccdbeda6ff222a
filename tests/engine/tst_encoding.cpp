// SPDX-License-Identifier: GPL-3.0-or-later
// Encodings recognised, text converted, bad bytes reported with their line.
#include "engine/data/encoding.h"
#include "engine/words/utf8.h"

#include <QStringEncoder>
#include <QTest>

using engine::Decoded;

class TestEncoding : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void recognises_data();
    void recognises();
    void takesTheNameGiven_data();
    void takesTheNameGiven();
    void refusesUnknownNames_data();
    void refusesUnknownNames();
    void reportsBadBytes_data();
    void reportsBadBytes();
    void reportsFewOfManyBadBytes();
    void malformedUtf8_data();
    void malformedUtf8();
    void asUtf8CopiesNothing();
    void convertsAcrossPieces();
    void stops();
};

static Decoded decoded(const QByteArray& bytes, const std::string& encoding = "auto") {
    return engine::decode({bytes.constData(), static_cast<std::size_t>(bytes.size())}, encoding, "a.csv");
}

static QByteArray utf16(const QString& text, bool littleEndian, bool mark) {
    QByteArray bytes;
    const auto add = [&](char16_t unit) {
        const char high = static_cast<char>(unit >> 8), low = static_cast<char>(unit & 0xFF);
        bytes += littleEndian ? low : high;
        bytes += littleEndian ? high : low;
    };
    if (mark) add(0xFEFF);
    for (QChar c : text) add(c.unicode());
    return bytes;
}

void TestEncoding::recognises_data() {
    QTest::addColumn<QByteArray>("bytes");
    QTest::addColumn<QString>("encoding");
    QTest::addColumn<QString>("text");
    QTest::addColumn<bool>("mark");
    const auto row = [](const char* name, const QByteArray& bytes, const char* encoding, const char* text, bool mark = false) {
        QTest::newRow(name) << bytes << QString::fromLatin1(encoding) << QString::fromUtf8(text) << mark;
    };
    const QString mixed = QStringLiteral("label,text\nno,Ein Gru\u00df \u20ac\nyes,\U0001F600 \u4e2d\n");
    const QByteArray mixedUtf8 = mixed.toUtf8();
    row("nothing", "", "UTF-8", "");
    row("ASCII", "label,text\nno,plain\n", "UTF-8", "label,text\nno,plain\n");
    row("UTF-8", mixedUtf8, "UTF-8", mixedUtf8);
    row("UTF-8 with mark", "\xEF\xBB\xBF" + mixedUtf8, "UTF-8", mixedUtf8, true);
    row("a mark alone", "\xEF\xBB\xBF", "UTF-8", "", true);
    row("UTF-16LE with mark", utf16(mixed, true, true), "UTF-16LE", mixedUtf8, true);
    row("UTF-16BE with mark", utf16(mixed, false, true), "UTF-16BE", mixedUtf8, true);
    row("UTF-16LE without", utf16(mixed, true, false), "UTF-16LE", mixedUtf8);
    row("UTF-16BE without", utf16(mixed, false, false), "UTF-16BE", mixedUtf8);
    const QString chinese =
        QStringLiteral("\u597d,\u516c\u53f8\u4eca\u5e74\u8d5a\u4e86\u5f88\u591a\u94b1\n\u574f,\u5de5\u5382\u5173\u95ed\u4e86\n");
    row("Chinese UTF-16LE without", utf16(chinese, true, false), "UTF-16LE", chinese.toUtf8());
    row("UTF-32LE with mark", QByteArray("\xFF\xFE\0\0a\0\0\0,\0\0\0\xDF\0\0\0", 16), "UTF-32LE", "a,\u00df", true);
    row("UTF-32BE with mark", QByteArray("\0\0\xFE\xFF\0\0\0a\0\1\xF6\0", 12), "UTF-32BE", "a\U0001F600", true);
    row("a NUL in UTF-8", QByteArray("no,a\0b\nno,c\n", 12), "UTF-8", "no,a");
    row("NULs at both places", QByteArray("no,a\0\0\0\0\nno,c\n", 14), "UTF-8", "no,a");
    row("Latin-1, English", "neutral,The caf\xE9 opened on Monday and sold tea to many guests.\n", "ISO-8859-1",
        "neutral,The caf\u00e9 opened on Monday and sold tea to many guests.\n");
    row("Latin-1, a name", "neutral,Yhti\xF6 sijaitsee Jyv\xE4skyl\xE4ss\xE4\n", "ISO-8859-1",
        "neutral,Yhti\u00f6 sijaitsee Jyv\u00e4skyl\u00e4ss\u00e4\n");
    row("Windows-1252 by its quotes", "positif,L\x92\xE9t\xE9 co\xFBte 5 \x80 \xE0 l\x92\xE9l\xE8ve \x93g\xE9nial\x94\n",
        "windows-1252",
        "positif,L\u2019\u00e9t\u00e9 co\u00fbte 5 \u20ac \u00e0 l\u2019\u00e9l\u00e8ve \u201cg\u00e9nial\u201d\n");
    row("Windows-1252 by one dash", "neutral,A short note \x96 nothing more, and the caf\xE9 stays open\n", "windows-1252",
        "neutral,A short note \u2013 nothing more, and the caf\u00e9 stays open\n");
    row("Latin-1 with bytes that mean little in Windows-1252",
        "neutral,The company +\x88 Oy and the caf\xE9 stay open; ask for a table -\x8B now\n", "ISO-8859-1",
        "neutral,The company +\u0088 Oy and the caf\u00e9 stay open; ask for a table -\u008b now\n");
    row("Windows-1251",
        "good,\xCA\xEE\xEC\xEF\xE0\xED\xE8\xFF \xEF\xEE\xEB\xF3\xF7\xE8\xEB\xE0 \xE1\xEE\xEB\xFC\xF8\xF3\xFE "
        "\xEF\xF0\xE8\xE1\xFB\xEB\xFC\n",
        "windows-1251",
        "good,\u041a\u043e\u043c\u043f\u0430\u043d\u0438\u044f \u043f\u043e\u043b\u0443\u0447\u0438\u043b\u0430 "
        "\u0431\u043e\u043b\u044c\u0448\u0443\u044e \u043f\u0440\u0438\u0431\u044b\u043b\u044c\n");
    row("Shift_JIS",
        "\x97\xC7\x82\xA2,"
        "\x89\xEF\x8E\xD0\x82\xCD\x8D\xA1\x94\x4E\x91\xE5\x82\xAB\x82\xC8\x97\x98\x89\x76\x82\xF0\x8F\xE3\x82\xB0\x82\xBD\n",
        "Shift_JIS", "\u826f\u3044,\u4f1a\u793e\u306f\u4eca\u5e74\u5927\u304d\u306a\u5229\u76ca\u3092\u4e0a\u3052\u305f\n");
}

void TestEncoding::recognises() {
    QFETCH(QByteArray, bytes);
    QFETCH(QString, encoding);
    QFETCH(QString, text);
    QFETCH(bool, mark);
    const Decoded result = decoded(bytes);
    QCOMPARE(QString::fromStdString(result.encoding), encoding);
    if (bytes.contains('\0') && encoding == QLatin1String("UTF-8"))
        QVERIFY(result.text == bytes.toStdString());
    else
        QCOMPARE(QString::fromStdString(result.text), text);
    QCOMPARE(result.byteOrderMark, mark);
    for (const engine::Issue& issue : result.issues) QVERIFY2(issue.severity == engine::Severity::Note, issue.message.c_str());
}

void TestEncoding::takesTheNameGiven_data() {
    QTest::addColumn<QString>("name");
    QTest::addColumn<QByteArray>("bytes");
    QTest::addColumn<QString>("encoding");
    QTest::addColumn<QString>("text");
    QTest::newRow("latin1") << "latin1" << QByteArray("\xE9\x80") << "ISO-8859-1" << QStringLiteral("\u00e9\u0080");
    QTest::newRow("cp1252") << "cp1252" << QByteArray("\xE9\x80") << "windows-1252" << QStringLiteral("\u00e9\u20ac");
    QTest::newRow("koi8-r") << "koi8-r" << QByteArray("\xC1\xC2") << "KOI8-R" << QStringLiteral("\u0430\u0431");
    QTest::newRow("utf8") << "utf8" << QByteArray("\xC3\xA9") << "UTF-8" << QStringLiteral("\u00e9");
    QTest::newRow("UTF-8 that ends in a mark's bytes")
        << "UTF-8" << QByteArray("a\xEF\xBB\xBF") << "UTF-8" << QStringLiteral("a\uFEFF");
    QTest::newRow("Latin-1 though it is UTF-8")
        << "ISO-8859-1" << QByteArray("\xC3\xA9") << "ISO-8859-1" << QStringLiteral("\u00c3\u00a9");
    QTest::newRow("UTF-16 with mark") << "UTF-16"
                                      << QByteArray("\xFF\xFE"
                                                    "a\0",
                                                    4)
                                      << "UTF-16" << QStringLiteral("a");
    QTest::newRow("UTF-16 without") << "UTF-16" << QByteArray("a\0,\0b\0\n\0", 8) << "UTF-16LE" << QStringLiteral("a,b\n");
    QTest::newRow("UTF-16LE with mark") << "UTF-16LE"
                                        << QByteArray("\xFF\xFE"
                                                      "a\0",
                                                      4)
                                        << "UTF-16LE" << QStringLiteral("a");
}

void TestEncoding::takesTheNameGiven() {
    QFETCH(QString, name);
    QFETCH(QByteArray, bytes);
    QFETCH(QString, encoding);
    QFETCH(QString, text);
    const Decoded result = decoded(bytes, name.toStdString());
    QCOMPARE(QString::fromStdString(result.encoding), encoding);
    QCOMPARE(QString::fromStdString(result.text), text);
    QVERIFY(result.issues.empty());
}

void TestEncoding::refusesUnknownNames_data() {
    QTest::addColumn<QString>("name");
    QTest::addColumn<QString>("nearest");
    QTest::newRow("slip") << "windows-1522"
                          << "The nearest name is windows-125";
    QTest::newRow("nonsense") << "the one my aunt uses"
                              << "Usual ones are UTF-8";
    QTest::newRow("empty") << ""
                           << "Usual ones are UTF-8";
    QTest::newRow("options") << "UTF-8,version=1"
                             << "Usual ones are UTF-8";
    QTest::newRow("endless") << QString(100'000, QLatin1Char('x')) << "Usual ones are UTF-8";
}

void TestEncoding::refusesUnknownNames() {
    QFETCH(QString, name);
    QFETCH(QString, nearest);
    try {
        (void)decoded("a", name.toStdString());
        QFAIL("not refused");
    } catch (const engine::Error& error) {
        QVERIFY(error.code() == engine::ErrorCode::BadInput);
        QVERIFY(error.message().size() < 200);
        QVERIFY2(QString::fromStdString(error.hint()).contains(nearest), error.hint().c_str());
    }
}

void TestEncoding::reportsBadBytes_data() {
    QTest::addColumn<QByteArray>("bytes");
    QTest::addColumn<QString>("name");
    QTest::addColumn<QString>("text");
    QTest::addColumn<QList<int>>("lines");
    QTest::newRow("UTF-8 asked for") << QByteArray("a\r\nb\xE9\rc\nd\xFF\xFE") << "UTF-8"
                                     << QStringLiteral("a\r\nb\uFFFD\rc\nd\uFFFD\uFFFD") << QList<int>{2, 4, 4};
    QTest::newRow("UTF-8 but for a byte")
        << QByteArray("\u00e4\u00f6\u00fc\u00df\u00e4\u00f6\u00fc\u00df\u00e4\u00f6\n\u00fc\xFFx") << "auto"
        << QStringLiteral("\u00e4\u00f6\u00fc\u00df\u00e4\u00f6\u00fc\u00df\u00e4\u00f6\n\u00fc\uFFFDx") << QList<int>{2};
    QTest::newRow("UTF-8 cut off") << QByteArray("one\n\u00e4\xE2\x82") << "UTF-8" << QStringLiteral("one\n\u00e4\uFFFD")
                                   << QList<int>{2};
    QTest::newRow("UTF-16 half a pair") << QByteArray("\xFF\xFE"
                                                      "a\0\n\0\x3D\xD8"
                                                      "b\0",
                                                      10)
                                        << "auto" << QStringLiteral("a\n\uFFFDb") << QList<int>{2};
    QTest::newRow("UTF-16 half a unit") << QByteArray("\xFF\xFE"
                                                      "a\0\r\0\n\0b",
                                                      9)
                                        << "auto" << QStringLiteral("a\r\n\uFFFD") << QList<int>{2};
    QTest::newRow("Shift_JIS cut off") << QByteArray("a\nb\n\x97\xC7\x82") << "Shift_JIS" << QStringLiteral("a\nb\n\u826f\uFFFD")
                                       << QList<int>{3};
    QTest::newRow("ASCII asked for") << QByteArray("a\n\xE9") << "US-ASCII" << QStringLiteral("a\n\uFFFD") << QList<int>{2};
}

void TestEncoding::reportsBadBytes() {
    QFETCH(QByteArray, bytes);
    QFETCH(QString, name);
    QFETCH(QString, text);
    QFETCH(QList<int>, lines);
    const Decoded result = decoded(bytes, name.toStdString());
    QCOMPARE(QString::fromStdString(result.text), text);
    QList<int> reported;
    for (const engine::Issue& issue : result.issues) {
        QVERIFY(issue.severity == engine::Severity::Warning);
        QCOMPARE(issue.path, std::string("a.csv"));
        reported << issue.line;
    }
    QCOMPARE(reported, lines);
}

void TestEncoding::reportsFewOfManyBadBytes() {
    const Decoded result = decoded(QByteArray(50'000, '\xFF'), "UTF-8");
    QCOMPARE(result.text.size(), 150'000u);
    QCOMPARE(result.issues.size(), 21u);
    QCOMPARE(result.issues.back().message,
             std::string("49980 more places hold bytes that are not of the encoding and became U+FFFD."));
}

void TestEncoding::malformedUtf8_data() {
    QTest::addColumn<QByteArray>("bytes");
    QTest::addColumn<qint64>("offset");
    QTest::addColumn<int>("size");
    const auto row = [](const char* name, const QByteArray& bytes, qint64 offset, int size) {
        QTest::newRow(name) << bytes << offset << size;
    };
    row("none", "\u00e9\u4e2d\U0001F600", -1, 0);
    row("edges", "\x7F\xC2\x80\xDF\xBF\xE0\xA0\x80\xED\x9F\xBF\xEE\x80\x80\xEF\xBF\xBF\xF0\x90\x80\x80\xF4\x8F\xBF\xBF", -1, 0);
    row("continuation alone", "a\x80", 1, 1);
    row("overlong 2", "\xC0\xAF", 0, 1);
    row("overlong 2, C1", "\xC1\xBF", 0, 1);
    row("overlong 3", "\xE0\x9F\xBF", 0, 1);
    row("overlong 4", "\xF0\x8F\xBF\xBF", 0, 1);
    row("surrogate", "\xED\xA0\x80", 0, 1);
    row("past the end of Unicode", "\xF4\x90\x80\x80", 0, 1);
    row("no lead at all", "\xF5\x80\x80\x80", 0, 1);
    row("broken off",
        "\xE4\xB8"
        "a",
        0, 2);
    row("broken off late",
        "\xF0\x9F\x98"
        "a",
        0, 3);
    row("at the end", "abc\xE4\xB8", 3, 2);
    for (int i = 0; i < 70; ++i)
        row(qPrintable(QStringLiteral("after %1 letters").arg(i)), QByteArray(i, 'x') + "\xFF" + QByteArray(50, 'y'), i, 1);
}

void TestEncoding::malformedUtf8() {
    QFETCH(QByteArray, bytes);
    QFETCH(qint64, offset);
    QFETCH(int, size);
    const engine::Malformed found = engine::findMalformed({bytes.constData(), static_cast<std::size_t>(bytes.size())});
    QCOMPARE(static_cast<qint64>(found.offset), offset);
    QCOMPARE(static_cast<int>(found.size), size);
}

void TestEncoding::asUtf8CopiesNothing() {
    const std::string_view bytes = "\xEF\xBB\xBF"
                                   "a,\u00e9";
    const auto text = engine::asUtf8(bytes, "auto");
    QVERIFY(text.has_value());
    QCOMPARE(text->data(), bytes.data() + 3);
    QVERIFY(engine::asUtf8(bytes, "utf-8").has_value());
    QVERIFY(!engine::asUtf8(bytes, "latin1").has_value());
    QVERIFY(!engine::asUtf8("\xE9", "auto").has_value());
}

void TestEncoding::convertsAcrossPieces() {
    QString text;
    for (int i = 0; i < 70'000; ++i) text += i % 3 == 0 ? QStringLiteral("\U0001F600") : QStringLiteral("a\r\n");
    for (bool odd : {false, true}) {
        if (odd) text.prepend(QLatin1Char('x'));
        const Decoded result = decoded(utf16(text, true, true));
        QVERIFY(QString::fromStdString(result.text) == text);
        QVERIFY(result.issues.empty());
    }
}

void TestEncoding::stops() {
    std::stop_source source;
    source.request_stop();
    const std::string bytes = "\xFF\xFE" + std::string(200'000, 'a');
    QVERIFY_THROWS_EXCEPTION(engine::StopRequested, (void)engine::decode(bytes, "auto", "a.csv", source.get_token()));
}

QTEST_APPLESS_MAIN(TestEncoding)
#include "tst_encoding.moc"
