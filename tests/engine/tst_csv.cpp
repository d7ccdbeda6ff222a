// SPDX-License-Identifier: GPL-3.0-or-later
// CSV as people have it: quoting, line ends, delimiters, headers, and what is wrong reported by line.
#include "engine/data/csv/csv.h"
#include "engine/data/csv/records.h"
#include "engine/data/csv/sniff.h"
#include "engine/files/sha256.h"
#include "engine/words/numbers.h"

#include <QTemporaryDir>
#include <QTest>
#include <fstream>
#include <map>

using engine::Table;
using engine::TableOptions;
using Rows = std::vector<std::vector<std::string>>;

class TestCsv : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void readsRecords_data();
    void readsRecords();
    void sniffsTheDelimiter_data();
    void sniffsTheDelimiter();
    void guessesTheHeader_data();
    void guessesTheHeader();
    void namesColumns();
    void reportsWhatIsOdd_data();
    void reportsWhatIsOdd();
    void keepsNumbersOfRecordsAndLines();
    void refuses_data();
    void refuses();
    void refusesFieldsWithoutEnd();
    void reportsFewOfManyProblems();
    void findsEveryStop();
    void readsFiles();
    void isRecognised_data();
    void isRecognised();
    void stopsWithinTenThousandRecords();
    void theArticlesData();
    void theDefaultData();
};

namespace {

Table parsed(const std::string& text, const TableOptions& options = {}) {
    return engine::parseCsv(text, options, "a.csv");
}

Rows rowsOf(const Table& table) {
    Rows rows;
    for (const auto row = table.rows(); row->next();) {
        std::vector<std::string>& fields = rows.emplace_back();
        for (std::size_t i = 0; i < table.header.size(); ++i) fields.emplace_back(row->field(i));
    }
    return rows;
}

QString fact(const Table& table, const char* key) {
    for (const engine::TableFact& fact : table.facts)
        if (fact.key == key) return QString::fromStdString(fact.value);
    return {};
}

QString shown(const Rows& rows) {
    QString text;
    for (const auto& row : rows) {
        for (const std::string& field : row) text += QLatin1Char('[') + QString::fromStdString(field) + QLatin1Char(']');
        text += QLatin1Char('\n');
    }
    return text;
}

QString shown(const std::vector<engine::Issue>& issues) {
    QString text;
    for (const engine::Issue& issue : issues) text += QString::fromStdString(toString(issue)) + QLatin1Char('\n');
    return text;
}

} // namespace

void TestCsv::readsRecords_data() {
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<QString>("rows");
    QTest::addColumn<QString>("lineEnding");
    const auto row = [](const char* name, const QByteArray& text, const char* rows, const char* lineEnding) {
        QTest::newRow(name) << text << QString::fromUtf8(rows) << QString::fromLatin1(lineEnding);
    };
    row("LF", "a,b\nc,d\n", "[a][b]\n[c][d]\n", "LF");
    row("CRLF", "a,b\r\nc,d\r\n", "[a][b]\n[c][d]\n", "CRLF");
    row("CR", "a,b\rc,d\r", "[a][b]\n[c][d]\n", "CR");
    row("mixed", "a,b\nc,d\re,f\r\ng,h", "[a][b]\n[c][d]\n[e][f]\n[g][h]\n", "mixed");
    row("no end at the end", "a,b\r\nc,d", "[a][b]\n[c][d]\n", "CRLF");
    row("one line", "a,b", "[a][b]\n", "LF");
    row("empty fields", ",\na,\n,b\n", "[][]\n[a][]\n[][b]\n", "LF");
    row("quoted", "\"a\",\"b\"\n\"c\",d\n", "[a][b]\n[c][d]\n", "LF");
    row("delimiter in quotes", "a,\"b,c\"\nd,\",\"\n", "[a][b,c]\n[d][,]\n", "LF");
    row("line ends in quotes", "a,\"b\nc\r\nd\re\"\r\nf,g\r\n", "[a][b\nc\r\nd\re]\n[f][g]\n", "CRLF");
    row("doubled quotes", "a,\"say \"\"no\"\"\"\nb,\"\"\"\"\n", "[a][say \"no\"]\n[b][\"]\n", "LF");
    row("empty quotes", "a,\"\"\n\"\",b\n", "[a][]\n[][b]\n", "LF");
    row("quotes within a plain field", "a,5\" pipe\nb,\"x\"\n", "[a][5\" pipe]\n[b][x]\n", "LF");
    row("blanks are kept", " a , b\n\"c \",d\n", "[ a ][ b]\n[c ][d]\n", "LF");
    row("blank lines", "\n\na,b\n \t\n\nc,d\n\n", "[a][b]\n[c][d]\n", "LF");
    row("blank lines, CRLF", "\r\na,b\r\n\r\nc,d\r\n\r\n", "[a][b]\n[c][d]\n", "CRLF");
    row("a blank line is no record of empty fields", "a,b\n,\n\n", "[a][b]\n[][]\n", "LF");
    row("one column", "a b\n\"c\nd\"\n\"\"\n", "[a b]\n[c\nd]\n[]\n", "LF");
    row("UTF-8 with mark", "\xEF\xBB\xBF\"\u00e9\",b\nc,\u4e2d\n", "[\u00e9][b]\n[c][\u4e2d]\n", "LF");
    row("quoted at the very end", "a,\"b\"", "[a][b]\n", "LF");
    row("doubled quotes at the very end", "a,\"b\"\"\"", "[a][b\"]\n", "LF");
}

void TestCsv::readsRecords() {
    QFETCH(QByteArray, text);
    QFETCH(QString, rows);
    QFETCH(QString, lineEnding);
    TableOptions options;
    options.header = "false";
    options.delimiter = ",";
    const Table table = parsed(text.toStdString(), options);
    QCOMPARE(shown(rowsOf(table)), rows);
    QCOMPARE(shown(table.issues), QString());
    QCOMPARE(fact(table, "line_ending"), lineEnding);
    QCOMPARE(table.recordCount, static_cast<std::int64_t>(table.rowCount));
    QCOMPARE(table.sha256(), engine::sha256({text.constData(), static_cast<std::size_t>(text.size())}));
}

void TestCsv::sniffsTheDelimiter_data() {
    QTest::addColumn<QString>("text");
    QTest::addColumn<QString>("delimiter");
    QTest::newRow("comma") << "label,text\nno,a; b\nyes,c\n"
                           << ",";
    QTest::newRow("semicolon") << "label;text\nno;a, b\nyes;c, d, e\n"
                               << ";";
    QTest::newRow("tab") << "label\ttext\nno\ta, b\nyes\tc, d\n"
                         << "tab";
    QTest::newRow("pipe") << "label|text\nno|a, b\nyes|c; d\n"
                          << "|";
    QTest::newRow("commas in every sentence, tabs between") << "no\tWell, then\nyes\tWell, now\n"
                                                            << "tab";
    QTest::newRow("a comma in every sentence, semicolons between") << "no;Well, then\nyes;Well, now\n"
                                                                   << ";";
    QTest::newRow("a semicolon in every sentence, commas between") << "no,Well; then\nyes,Well; now\n"
                                                                   << ",";
    QTest::newRow("decimal commas") << "1,5;no\n2,5;yes\n"
                                    << ";";
    QTest::newRow("the other in quotes") << "no,\"a;b\"\nyes,\"c;d;e\"\nno,\"f\"\n"
                                         << ",";
    QTest::newRow("both in quotes") << "\"no\";\"a,b\"\n\"yes\";\"c,d;e\"\n"
                                    << ";";
    QTest::newRow("line ends in quotes") << "no,\"a\nb;c\"\nyes,\"d;\n\n;e\"\n"
                                         << ",";
    QTest::newRow("a few broken records") << "no,a\nyes,b\nno,c, d\nyes,e\nno,f\n"
                                          << ",";
    QTest::newRow("one column") << "Words only\nand more words\n"
                                << ",";
    QTest::newRow("nothing") << ""
                             << ",";
    QTest::newRow("one record") << "no,He came; she left\n"
                                << ",";
}

void TestCsv::sniffsTheDelimiter() {
    QFETCH(QString, text);
    QFETCH(QString, delimiter);
    const char found = engine::sniffDelimiter(text.toStdString());
    QCOMPARE(found == '\t' ? QStringLiteral("tab") : QString(QLatin1Char(found)), delimiter);
}

void TestCsv::guessesTheHeader_data() {
    QTest::addColumn<QString>("text");
    QTest::addColumn<bool>("hasHeader");
    QTest::newRow("label,text") << "label,text\nno,It rains\nyes,It shines\n" << true;
    QTest::newRow("labels recur") << "no,It rains\nyes,It shines\nno,It pours\nno,It hails\nyes,It dawns\n" << false;
    QTest::newRow("unknown names, few values below") << "mood,words\nno,It rains\nyes,It shines\nno,It pours\nyes,It dawns\n"
                                                     << true;
    QTest::newRow("unknown names, long texts below") << "mood,words\nno,It rains cats and dogs\nyes,It shines all day long\n"
                                                     << true;
    QTest::newRow("numbers below a name") << "n,remark\n1,short\n2,brief\n" << true;
    QTest::newRow("a number first") << "0,It rains\n1,It shines\n" << false;
    QTest::newRow("nameless index") << ",label,text\n0,no,It rains\n1,yes,It shines\n" << true;
    QTest::newRow("a first record that is a sentence")
        << "mixed,It rains and at times it shines as well\nno,It rains\nyes,It shines\nno,It pours\nyes,It dawns\n"
        << false;
    QTest::newRow("nothing speaks for one") << "no,It rains\nyes,It shines\n" << false;
    QTest::newRow("header that comes twice") << "label,text\nno,It rains\nlabel,text\nyes,It shines\n" << true;
    QTest::newRow("one record") << "no,It rains\n" << false;
    QTest::newRow("every label once, first row's label rare") << "mixed,Rain\nno,Sun\nyes,Snow\nno,Ice\nyes,Fog\nno,Hail\n"
                                                              << true; // cannot be told from names
}

void TestCsv::guessesTheHeader() {
    QFETCH(QString, text);
    QFETCH(bool, hasHeader);
    QCOMPARE(parsed(text.toStdString()).hasHeader, hasHeader);
    for (const char* told : {"true", "false"}) {
        TableOptions options;
        options.header = told;
        if (text.count(QLatin1Char('\n')) > 1) QCOMPARE(parsed(text.toStdString(), options).hasHeader, options.header == "true");
    }
}

void TestCsv::namesColumns() {
    QCOMPARE(parsed("1,x\n2,y\n").header, (std::vector<std::string>{"column 0", "column 1"}));
    TableOptions options;
    options.header = "true";
    const Table table = parsed("\"the label\",,text,text\na,b,c,d\n", options);
    QCOMPARE(table.header, (std::vector<std::string>{"the label", "column 1", "text", "text"}));
    QCOMPARE(shown(table.issues),
             QStringLiteral("a.csv:1: Two columns are named 'text'. Name columns by number, or rename one.\n"));
}

void TestCsv::reportsWhatIsOdd_data() {
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<QString>("rows");
    QTest::addColumn<QString>("issues");
    const auto row = [](const char* name, const QByteArray& text, const char* rows, const char* issues) {
        QTest::newRow(name) << text << QString::fromUtf8(rows) << QString::fromUtf8(issues);
    };
    row("too many fields", "a,b\n\nc,d,e\nf,g\n", "[a][b]\n[f][g]\n",
        "a.csv:3: This record has 3 fields instead of 2 and was left out. A field that holds the delimiter must stand in "
        "quotes.\n");
    row("too few fields", "a,\"b\nb\"\r\nc\r\nf,g\n", "[a][b\nb]\n[f][g]\n",
        "a.csv:3: This record has 1 field instead of 2 and was left out. A field that holds the delimiter must stand in "
        "quotes.\n");
    row("text after a quote", "a,\"b\"c\nd,\"e\"\"\" \"f\"\n", "[a][bc]\n[d][e\" \"f\"]\n",
        "a.csv:1: Text follows a closing quote and was joined to the field. Quotes within a quoted field are written twice.\n"
        "a.csv:2: Text follows a closing quote and was joined to the field. Quotes within a quoted field are written twice.\n");
    row("unclosed quote", "a,b\nc,\"d\ne,f\n\ng,h\n", "[a][b]\n",
        "a.csv:2: The quote that opens a field here is never closed; everything after it was left out. Close it.\n");
    row("unclosed quote on a later line of its record", "a,b\n\"c\nd\",\"e\nf,g\n", "[a][b]\n",
        "a.csv:3: The quote that opens a field here is never closed; everything after it was left out. Close it.\n");
    row("a quote that opens at the end", "a,b\nc,\"", "[a][b]\n",
        "a.csv:2: The quote that opens a field here is never closed; everything after it was left out. Close it.\n");
    row("NUL", QByteArray("a,b\nc,d\0d\ne,f\n", 14), "[a][b]\n[e][f]\n",
        "a.csv:2: This record holds a NUL byte and was left out.\n");
    row("bad byte", "\u00e4,\u00f6\n\u00fc,\u00df\n\u00e9,\u00e8\n\u00e4,\u00f6\n\u00fc,\u00df\nx,\xFF\n",
        "[\u00e4][\u00f6]\n[\u00fc][\u00df]\n[\u00e9][\u00e8]\n[\u00e4][\u00f6]\n[\u00fc][\u00df]\n[x][\uFFFD]\n",
        "a.csv:6: The byte 0xFF cannot be UTF-8 and became U+FFFD. Set data.encoding if the file is in another encoding.\n");
}

void TestCsv::reportsWhatIsOdd() {
    QFETCH(QByteArray, text);
    QFETCH(QString, rows);
    QFETCH(QString, issues);
    TableOptions options;
    options.header = "false";
    options.delimiter = ",";
    const Table table = parsed(text.toStdString(), options);
    QCOMPARE(shown(rowsOf(table)), rows);
    QCOMPARE(shown(table.issues), issues);
}

void TestCsv::keepsNumbersOfRecordsAndLines() {
    const Table table = parsed("label,text\r\n\r\nno,\"It\nrains\"\r\nyes,a,b\r\n\r\nyes,\"It\r\nshines\"\r\nno,end");
    QVERIFY(table.hasHeader);
    QCOMPARE(table.recordCount, 4);
    std::vector<std::int64_t> records, lines;
    const auto row = table.rows();
    while (row->next()) records.push_back(row->record()), lines.push_back(row->line());
    QCOMPARE(records, (std::vector<std::int64_t>{0, 2, 3}));
    QCOMPARE(lines, (std::vector<std::int64_t>{3, 7, 9}));
    QCOMPARE(table.issues.size(), 1u);
    QCOMPARE(table.issues[0].line, 5);
    row->seek(1);
    QCOMPARE(std::string(row->field(1)), std::string("It\r\nshines"));
}

void TestCsv::refuses_data() {
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<QString>("header");
    QTest::addColumn<QString>("delimiter");
    QTest::addColumn<QString>("says");
    const auto row = [](const char* name, const QByteArray& text, const char* header, const char* delimiter, const char* says) {
        QTest::newRow(name) << text << QString::fromLatin1(header) << QString::fromUtf8(delimiter) << QString::fromUtf8(says);
    };
    row("empty", "", "auto", "auto", "a.csv is empty.");
    row("a mark alone", "\xEF\xBB\xBF", "auto", "auto", "a.csv is empty.");
    row("blank lines only", "\n \r\n\t\n", "auto", "auto", "a.csv is empty.");
    row("only a header", "label,text\n", "auto", "auto", "a.csv has a header but no records.");
    row("only a header, told", "mood,words\n", "true", "auto", "a.csv has a header but no records.");
    row("nothing usable", "label,text\na\nb\n", "true", ",",
        "No record of a.csv can be used (2 were read). The first problem: a.csv:2: This record has 1 field");
    row("quote never closed", "\"a,b\nc,d\n", "false", "auto",
        "No record of a.csv can be used (1 were read). The first problem: a.csv:1: The quote");
    row("quote in the header never closed", "label,\"text\nc,d\n", "true", ",",
        "a.csv:1: A quote in the header is never closed.");
    row("bad header setting", "a,b\n", "yes", "auto", "data.header must be auto, true or false, got 'yes'.");
    row("bad delimiter setting", "a,b\n", "auto", "::", "data.delimiter must be auto, tab or one ASCII character");
    row("delimiter beyond ASCII", "a,b\n", "auto", "\u00a7", "data.delimiter must be auto, tab or one ASCII character");
    row("quote as delimiter", "a,b\n", "auto", "\"", "data.delimiter must be auto, tab or one ASCII character");
    row("no delimiter", "a,b\n", "auto", "", "data.delimiter must be auto, tab or one ASCII character");
    row("Excel", "PK\x03\x04 and so on", "auto", "auto", "a.csv is a zip archive or Excel workbook, not a CSV.");
    row("too many columns", QByteArray(10'000, ',') + "\n", "auto", ",",
        "a.csv:1: The first record has 10001 fields; a table may have 10000.");
}

void TestCsv::refuses() {
    QFETCH(QByteArray, text);
    QFETCH(QString, header);
    QFETCH(QString, delimiter);
    QFETCH(QString, says);
    try {
        TableOptions options;
        options.header = header.toStdString();
        options.delimiter = delimiter.toStdString();
        (void)parsed(text.toStdString(), options);
        QFAIL("not refused");
    } catch (const engine::Error& error) {
        QVERIFY2(QString::fromUtf8(error.what()).startsWith(says), error.what());
        QVERIFY(error.code() == engine::ErrorCode::BadInput);
    }
}

void TestCsv::refusesFieldsWithoutEnd() {
    for (const char* start : {"a,b\nc,d\ne,\"", "a,b\nc,d\ne,"}) {
        std::string text = start;
        text.append((std::size_t{64} << 20) + 1, 'x');
        try {
            (void)parsed(text);
            QFAIL("not refused");
        } catch (const engine::Error& error) {
            QCOMPARE(error.message(), std::string("a.csv:3: The field that begins here is longer than 64 MiB."));
        }
    }
}

void TestCsv::reportsFewOfManyProblems() {
    std::string text = "label,text\nno,It rains\n";
    for (int i = 0; i < 5000; ++i) text += "1,2,3\n";
    TableOptions options;
    options.delimiter = ",";
    const Table table = parsed(text, options);
    QCOMPARE(table.rowCount, 1u);
    QCOMPARE(table.recordCount, 5001);
    QCOMPARE(table.issues.size(), 21u);
    QCOMPARE(table.issues.back().message, std::string("4980 more records have too few or too many fields and were left out."));
}

void TestCsv::findsEveryStop() {
    // Each delimiter and line end at each place of an eight-byte word, next to bytes that differ from it by little.
    for (const char delimiter : {',', ';', '\t', '|', '\x01', '\x7F'}) {
        for (const std::string& stop : {std::string(1, delimiter), std::string("\n"), std::string("\r"), std::string("\r\n")}) {
            for (std::size_t before = 0; before < 20; ++before) {
                for (const char filler : {'a', '\x0B', '\x0C', '\x0E', '\x80', static_cast<char>(delimiter + 1),
                                          static_cast<char>(delimiter ^ 0x80)}) {
                    if (filler == delimiter || filler == '\n' || filler == '\r' || filler == '"') continue;
                    const std::string first(before, filler), text = "\"\"" + std::string(1, delimiter) + first + stop + "zz";
                    engine::RecordReader reader(text, delimiter);
                    engine::RecordView record;
                    QVERIFY(reader.next(record));
                    QCOMPARE(record.fields.size(), stop[0] == delimiter ? 3u : 2u);
                    QCOMPARE(std::string(record.fields[1].raw), first);
                    if (stop[0] != delimiter) QVERIFY(reader.next(record));
                    QCOMPARE(std::string(record.fields.back().raw), std::string("zz"));
                    QVERIFY(!reader.next(record));
                }
            }
        }
    }
}

void TestCsv::readsFiles() {
    QTemporaryDir folder;
    const std::filesystem::path path = std::filesystem::path(folder.path().toStdString()) / "d\u00e9j\u00e0.csv";
    const std::string text = "label,text\nno,\"It\nrains\"\nyes,It shines\n";
    std::ofstream(path, std::ios::binary) << text;
    const Table table = engine::openTable(path);
    QCOMPARE(table.rowCount, 2u);
    QCOMPARE(table.sha256(), engine::sha256(text));
    QCOMPARE(table.path, path);
    QCOMPARE(fact(table, "encoding"), QStringLiteral("UTF-8"));
    QCOMPARE(fact(table, "delimiter"), QStringLiteral(","));

    const auto refused = [](const std::filesystem::path& file, engine::ErrorCode code) {
        try {
            (void)engine::openTable(file);
        } catch (const engine::Error& error) {
            return error.code() == code && std::string(error.what()).find(file.string()) != std::string::npos;
        }
        return false;
    };
    QVERIFY(refused(path.parent_path() / "none.csv", engine::ErrorCode::NotFound));
    QVERIFY(refused(path.parent_path(), engine::ErrorCode::BadInput));
    QVERIFY(refused("/dev/zero", engine::ErrorCode::BadInput));
    std::ofstream(path, std::ios::binary | std::ios::trunc) << "";
    QVERIFY(refused(path, engine::ErrorCode::BadInput));
}

void TestCsv::isRecognised_data() {
    QTest::addColumn<QByteArray>("head");
    QTest::addColumn<bool>("recognised");
    QTest::newRow("text") << QByteArray("label,text\n") << true;
    QTest::newRow("one character") << QByteArray("a") << true;
    QTest::newRow("UTF-8 with mark") << QByteArray("\xEF\xBB\xBFlabel") << true;
    QTest::newRow("nothing") << QByteArray() << false;
    QTest::newRow("NUL") << QByteArray("GIF8\0\x01", 6) << false;
}

void TestCsv::isRecognised() {
    QFETCH(QByteArray, head);
    QFETCH(bool, recognised);
    const engine::TableSource* const source = engine::findSource(head.toStdString());
    QCOMPARE(source != nullptr, recognised);
    if (source) QCOMPARE(source->key, "csv");
    QCOMPARE(engine::sourceFor(head.toStdString()).key, "csv"); // which says what else it is
}

void TestCsv::stopsWithinTenThousandRecords() {
    std::string text;
    for (int i = 0; i < 20'000; ++i) text += "a,b\n";
    std::stop_source source;
    source.request_stop();
    QVERIFY_THROWS_EXCEPTION(engine::StopRequested, (void)engine::parseCsv(text, {}, "a.csv", source.get_token()));
    QTemporaryDir folder;
    const std::filesystem::path path = std::filesystem::path(folder.path().toStdString()) / "a.csv";
    std::ofstream(path, std::ios::binary) << text;
    QVERIFY_THROWS_EXCEPTION(engine::StopRequested, (void)engine::openTable(path, {}, source.get_token()));
}

void TestCsv::theArticlesData() {
    const char* folder = std::getenv("PHIBENCH_SHARED");
    const std::filesystem::path path =
        std::filesystem::path(folder ? folder : PHIBENCH_SOURCE_DIR "/../shared") / "data/all-data.csv";
    if (!std::filesystem::exists(path)) QSKIP("all-data.csv is not here");
    const Table table = engine::openTable(path);
    QCOMPARE(fact(table, "encoding"), QStringLiteral("ISO-8859-1"));
    QCOMPARE(fact(table, "delimiter"), QStringLiteral(","));
    QCOMPARE(fact(table, "line_ending"), QStringLiteral("CR"));
    QVERIFY(!table.hasHeader);
    QCOMPARE(table.header.size(), 2u);
    QCOMPARE(table.recordCount, 4846);
    QCOMPARE(table.rowCount, 4846u);
    QCOMPARE(shown(table.issues), QString());
    QCOMPARE(table.sha256(), std::string("cadf7575d2cee573f77d7293337d0bc989c67ab976753f70322d0fae5e8b507d"));
    std::map<std::string, int> counts;
    for (const auto& row : rowsOf(table)) ++counts[row[0]];
    QCOMPARE(counts, (std::map<std::string, int>{{"negative", 604}, {"neutral", 2879}, {"positive", 1363}}));
}

void TestCsv::theDefaultData() {
    const std::filesystem::path path = PHIBENCH_SOURCE_DIR "/.deps/data/opinion-sentiment.csv";
    if (!std::filesystem::exists(path)) QSKIP("the default data is not here; resources/setup.sh fetches it");
    const Table table = engine::openTable(path);
    QVERIFY(table.hasHeader);
    QCOMPARE(table.header, (std::vector<std::string>{"label", "text"}));
    QCOMPARE(table.recordCount, 5190);
    QCOMPARE(shown(table.issues), QString());
}

QTEST_APPLESS_MAIN(TestCsv)
#include "tst_csv.moc"
