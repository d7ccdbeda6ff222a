// SPDX-License-Identifier: GPL-3.0-or-later
// CSVs read in parts, by bits and on several threads are what RecordReader alone makes of them.
#include "engine/data/csv/csv.h"
#include "engine/data/csv/rows.h"
#include "engine/data/csv/scan.h"
#include "engine/words/utf8.h"

#include <QTemporaryDir>
#include <QTest>
#include <fstream>
#include <hwy/targets.h>
#include <numeric>
#include <random>

using engine::CsvOddity;
using engine::CsvOddRecord;
using engine::CsvStore;
using engine::CsvText;

class TestCsvIndex : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void cleanup();
    void isWhatRecordReaderReads_data();
    void isWhatRecordReaderReads();
    void readsRealisticText();
    void guessesWhereRecordsBegin_data();
    void guessesWhereRecordsBegin();
    void checksUtf8InParts();
    void isUtf8IsFindMalformed_data();
    void isUtf8IsFindMalformed();
    void findsRows();
    void noticesThatAFileHasChanged();
    void standsNowhereAfterAFailure();
    void recordsLongerThanAWindow();
};

namespace {

// The instructions that vector code is to use; 0: the best there are.
void use(std::int64_t target) {
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

void addTargets() {
    QTest::addColumn<qint64>("target");
    for (std::int64_t targets = hwy::SupportedTargets(); targets != 0; targets &= targets - 1)
        QTest::newRow(hwy::TargetName(targets & -targets)) << qint64(targets & -targets);
}

struct Row {
    std::int64_t record = 0, line = 0;
    std::vector<std::string> fields;
    bool operator==(const Row&) const = default;
};

struct Read {
    std::vector<Row> rows;
    std::vector<std::tuple<CsvOddity, std::int64_t, std::size_t>> odd;
    std::array<std::int64_t, 4> oddCounts{};
    std::array<bool, 4> ends{};
    std::int64_t records = 0;
    bool operator==(const Read&) const = default;
};

// Record by record, as the format is defined.
Read plainly(const std::string& text, char delimiter, std::size_t columns) {
    Read read;
    engine::RecordReader reader(text, delimiter);
    engine::RecordView record;
    const auto add = [&](CsvOddity oddity, std::int64_t line) {
        if (++read.oddCounts[std::size_t(oddity)] <= engine::IssueList::kKept)
            read.odd.emplace_back(oddity, line, record.fieldCount);
    };
    while (reader.next(record)) {
        read.ends[std::size_t(record.end)] = true;
        const std::int64_t number = read.records++;
        if (record.quoteLine > 0)
            add(CsvOddity::UnclosedQuote, record.quoteLine);
        else if (record.fieldCount != columns)
            add(CsvOddity::WrongFieldCount, record.line);
        else if (record.raw.find('\0') != std::string_view::npos)
            add(CsvOddity::Nul, record.line);
        else {
            if (record.textAfterQuote) add(CsvOddity::TextAfterQuote, record.line);
            Row& row = read.rows.emplace_back(Row{number, record.line, {}});
            for (const engine::FieldView& field : record.fields) row.fields.push_back(field.text());
        }
    }
    read.ends[0] = false; // no line end is none
    return read;
}

// The same rows, each by itself and in batches.
std::vector<Row> rowByRow(engine::Rows& rows, std::size_t columns) {
    std::vector<Row> read;
    while (rows.next()) {
        Row& to = read.emplace_back(Row{rows.record(), rows.line(), {}});
        for (std::size_t i = 0; i < columns; ++i) to.fields.emplace_back(rows.field(i));
    }
    return read;
}

std::vector<Row> inBatches(engine::Rows& rows, std::size_t columns, std::size_t rowCount) {
    std::vector<std::size_t> all(columns);
    std::iota(all.begin(), all.end(), std::size_t{0});
    std::vector<Row> read;
    engine::RowBatch batch;
    while (read.size() < rowCount) {
        rows.read(read.size(), rowCount, all, batch);
        if (batch.size() == 0) throw std::logic_error("a batch without rows");
        for (std::size_t i = 0; i < batch.size(); ++i) {
            Row& to = read.emplace_back(Row{batch.records[i], batch.lines[i], {}});
            for (std::size_t column = 0; column < columns; ++column) to.fields.emplace_back(batch.fields[i * columns + column]);
        }
    }
    return read;
}

Read inParts(std::shared_ptr<const CsvText> text, char delimiter, std::size_t columns, std::size_t partBytes) {
    CsvStore store;
    store.text = std::move(text);
    store.shape = {.delimiter = delimiter, .columns = columns};
    const auto tally = engine::indexRecords(*store.text, 0, 1, store.shape, {.partBytes = partBytes});
    if (!tally) throw std::logic_error("UTF-8 was not to be checked");
    store.anchors = tally->anchors;
    store.rowCount = tally->rows;
    store.shape.mayHoldNuls = tally->oddCounts[std::size_t(CsvOddity::Nul)] > 0;
    Read read;
    read.records = tally->records;
    read.oddCounts = tally->oddCounts;
    read.ends = tally->ends;
    read.ends[0] = false;
    for (const CsvOddRecord& record : tally->odd) read.odd.emplace_back(record.oddity, record.line, record.fieldCount);
    read.rows = rowByRow(*store.rows(), columns);
    if (read.rows.size() != store.rowCount) throw std::logic_error("rows were counted wrongly");
    if (inBatches(*store.rows(), columns, store.rowCount) != read.rows) throw std::logic_error("batches are not the rows");
    return read;
}

// Text of pieces that are drawn by weight.
std::string drawn(std::mt19937& random, const std::vector<std::pair<std::string, int>>& pieces, int count) {
    std::vector<double> weights;
    for (const auto& piece : pieces) weights.push_back(piece.second);
    std::discrete_distribution<std::size_t> which(weights.begin(), weights.end());
    std::string text;
    for (int i = 0; i < count; ++i) text += pieces[which(random)].first;
    return text;
}

const std::vector<std::pair<std::string, int>>& pieces(const QString& kind) {
    static const std::vector<std::pair<std::string, int>> anything{
        {"\"", 6}, {",", 6},    {"\n", 3},  {"\r", 2},  {"\r\n", 2}, {std::string(1, '\0'), 1}, {"a", 4}, {" ", 2}, {"\t", 1},
        {"é", 1},  {"\"\"", 2}, {",\"", 3}, {"\",", 3}, {"\"\n", 2}};
    static const std::vector<std::pair<std::string, int>> wellFormed{
        {"a,b\n", 8},
        {"a,\"b, c\"\n", 8},
        {"x,\"one\ntwo\"\n", 6},
        {"\"say \"\"no\"\"\",\"\"\"\"\n", 4},
        {"\"\",\n", 2},
        {"\n", 1},
        {" \t\n", 1},
        {"long text that goes on and on and on and on and on and on and on and on,ü\n", 3}};
    static const std::vector<std::pair<std::string, int>> nearlyWellFormed = [&] {
        auto all = wellFormed;
        all.insert(all.end(), {{"5\" pipe,c\n", 1},
                               {"a,\"b\"c\n", 1},
                               {"a\n", 1},
                               {"a,b,c\r\n", 1},
                               {"a,b\r", 1},
                               {std::string("a,\0\n", 4), 1},
                               {",\"\r\n\r\"\r\n", 1}});
        return all;
    }();
    static const std::vector<std::pair<std::string, int>> strayQuotes{
        {"he said \"so\", and,b\n", 2}, {"\"", 1}, {"a\"b,c\n", 9}, {"a,b\n", 9}};
    return kind == QLatin1String("anything")      ? anything
           : kind == QLatin1String("well-formed") ? wellFormed
           : kind == QLatin1String("nearly")      ? nearlyWellFormed
                                                  : strayQuotes;
}

} // namespace

void TestCsvIndex::cleanup() {
    use(0);
}

void TestCsvIndex::isWhatRecordReaderReads_data() {
    QTest::addColumn<qint64>("target");
    QTest::addColumn<QString>("kind");
    for (std::int64_t targets = hwy::SupportedTargets(); targets != 0; targets &= targets - 1) {
        for (const char* kind : {"anything", "well-formed", "nearly", "stray quotes"})
            QTest::addRow("%s, %s", hwy::TargetName(targets & -targets), kind)
                << qint64(targets & -targets) << QString::fromLatin1(kind);
    }
}

void TestCsvIndex::isWhatRecordReaderReads() {
    QFETCH(qint64, target);
    QFETCH(QString, kind);
    use(target);
    QTemporaryDir folder;
    const std::filesystem::path path = std::filesystem::path(folder.path().toStdString()) / "a.csv";
    std::mt19937 random(5);
    std::size_t rows = 0;
    for (int round = 0; round < 60; ++round) {
        const std::string text = drawn(random, pieces(kind), std::uniform_int_distribution(1, 160)(random));
        for (const std::size_t columns : {1, 2, 3}) {
            const Read expected = plainly(text, ',', columns);
            rows += expected.rows.size();
            for (const std::size_t partBytes : {1, 2, 3, 7, 16, 63, 64, 65, 100, 1000, 100'000}) {
                if (inParts(CsvText::take(text, "a.csv"), ',', columns, partBytes) == expected) continue;
                QFAIL(qPrintable(QStringLiteral("round %1, %2 columns, parts of %3: %4")
                                     .arg(round)
                                     .arg(columns)
                                     .arg(partBytes)
                                     .arg(QString::fromUtf8(QByteArray::fromStdString(text).toPercentEncoding(" ,")))));
            }
            if (round % 20 > 0) continue;
            std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
            QVERIFY(inParts(CsvText::open(path, {}, 0), ',', columns, 50) == expected);
        }
    }
    QVERIFY(rows > 200);
}

void TestCsvIndex::readsRealisticText() {
    // Enough for many anchors and windows of a file.
    std::mt19937 random(6);
    const std::string text = drawn(random, pieces(QStringLiteral("nearly")), 60'000);
    QTemporaryDir folder;
    const std::filesystem::path path = std::filesystem::path(folder.path().toStdString()) / "a.csv";
    std::ofstream(path, std::ios::binary) << text;
    const Read expected = plainly(text, ',', 2);
    for (const std::size_t partBytes : {1'000, 100'000, 10'000'000}) {
        QVERIFY(inParts(CsvText::take(text, "a.csv"), ',', 2, partBytes) == expected);
        QVERIFY(inParts(CsvText::open(path, {}, 0), ',', 2, partBytes) == expected);
    }
}

void TestCsvIndex::guessesWhereRecordsBegin_data() {
    QTest::addColumn<QString>("part");
    QTest::addColumn<int>("first");
    QTest::newRow("no quotes") << QStringLiteral("b\nc,d\n") << 2;
    QTest::newRow("within quotes") << QStringLiteral("b\nb\"\nc,d\n") << 5;
    QTest::newRow("before quotes") << QStringLiteral("x,\"b\nb\"\nc,d\n") << 8;
    QTest::newRow("doubled quotes tell nothing") << QStringLiteral("so,\"\"\nb\"\"\nb\"\nc\n") << 13;
    QTest::newRow("CR LF") << QStringLiteral("b\r\nc,d") << 3;
    QTest::newRow("CR") << QStringLiteral("b\rc,d") << 2;
    QTest::newRow("CR at the end") << QStringLiteral("bc\r") << -1;
    QTest::newRow("LF at the end") << QStringLiteral("bc\n") << -1;
    QTest::newRow("none") << QStringLiteral("bc") << -1;
}

void TestCsvIndex::guessesWhereRecordsBegin() {
    QFETCH(QString, part);
    QFETCH(int, first);
    const std::string text = part.toStdString();
    const std::size_t found = engine::guessFirstRecord(text, ',');
    QCOMPARE(found == std::string::npos ? -1 : int(found), first);
}

void TestCsvIndex::checksUtf8InParts() {
    const std::string good = "a,é\nb,中\nc,\U0001F600\n";
    const engine::CsvShape shape{.delimiter = ',', .columns = 2};
    std::vector<std::string> bad;
    for (std::size_t at = 0; at <= good.size(); ++at) {
        bad.push_back(good.substr(0, at) + "\x80" + good.substr(at));
        bad.push_back(good.substr(0, at) + "\xF0" + good.substr(at));
        if (at < good.size() && (good[at] & 0x80)) bad.push_back(good.substr(0, at) + good.substr(at + 1));
    }
    for (const std::size_t partBytes : {1, 2, 3, 4, 5, 100}) {
        QVERIFY(engine::indexRecords(*CsvText::take(good, "a.csv"), 0, 1, shape, {.partBytes = partBytes, .checkUtf8 = true}));
        for (const std::string& text : bad)
            QVERIFY(
                !engine::indexRecords(*CsvText::take(text, "a.csv"), 0, 1, shape, {.partBytes = partBytes, .checkUtf8 = true}));
    }
}

void TestCsvIndex::isUtf8IsFindMalformed_data() {
    addTargets();
}

void TestCsvIndex::isUtf8IsFindMalformed() {
    QFETCH(qint64, target);
    use(target);
    // Every sequence of a lead and two or three bytes at the borders of what is allowed, at each place of a vector.
    const std::string bytes(
        "\x00\x41\x7F\x80\x8F\x90\x9F\xA0\xBF\xC0\xC1\xC2\xDF\xE0\xE1\xEC\xED\xEE\xEF\xF0\xF1\xF3\xF4\xF5\xFF", 25);
    std::size_t good = 0, count = 0;
    for (const char a : bytes)
        for (const char b : bytes)
            for (const char c : bytes)
                for (const char d : bytes) {
                    const std::string text = std::string(60 + count % 10, 'x') + a + b + c + d + std::string(count % 70, 'y');
                    const bool expected = engine::findMalformed(text).offset == std::string::npos;
                    if (engine::isUtf8(text) != expected)
                        QFAIL(qPrintable(QString::fromLatin1(QByteArray::fromStdString(text).toHex())));
                    good += expected;
                    ++count;
                }
    QVERIFY(good > 1000 && good < count);
    std::mt19937 random(7);
    for (int round = 0; round < 3000; ++round) {
        std::string text =
            drawn(random, {{"a", 8}, {"é", 2}, {"中", 2}, {"\U0001F600", 2}}, std::uniform_int_distribution(0, 150)(random));
        QVERIFY(engine::isUtf8(text));
        if (text.empty()) continue;
        text[std::uniform_int_distribution<std::size_t>(0, text.size() - 1)(random)] ^=
            static_cast<char>(1 << std::uniform_int_distribution(0, 7)(random));
        QCOMPARE(engine::isUtf8(text), engine::findMalformed(text).offset == std::string::npos);
    }
}

void TestCsvIndex::findsRows() {
    std::string text = "label,text\n";
    for (int i = 0; i < 20'000; ++i) text += i % 7 == 3 ? "left out\n\n" : "l,\"text\n" + std::to_string(i) + "\"\n";
    const engine::Table table = engine::parseCsv(text, {}, "a.csv");
    std::vector<std::int64_t> records, lines;
    const auto rows = table.rows();
    while (rows->next()) records.push_back(rows->record()), lines.push_back(rows->line());
    QCOMPARE(records.size(), table.rowCount);
    std::mt19937 random(8);
    for (int i = 0; i < 2000; ++i) {
        const std::size_t row = std::uniform_int_distribution<std::size_t>(0, table.rowCount - 1)(random);
        rows->seek(row);
        QCOMPARE(rows->row(), row);
        QCOMPARE(rows->record(), records[row]);
        QCOMPARE(rows->line(), lines[row]);
        QCOMPARE(std::string(rows->field(1)), "text\n" + std::to_string(records[row]));
        QVERIFY(rows->findLine(lines[row]) == row);
        QVERIFY(rows->findLine(lines[row] + 1) == row);
        QVERIFY(rows->findRecord(records[row]) == row);
        QCOMPARE(std::string(rows->field(1)), "text\n" + std::to_string(records[row]));
    }
    QVERIFY(!rows->findLine(1) && rows->findLine(1'000'000) == table.rowCount - 1);
    QVERIFY(!rows->findRecord(3) && !rows->findRecord(20'000) && !rows->findRecord(-1));
}

void TestCsvIndex::noticesThatAFileHasChanged() {
    QTemporaryDir folder;
    const std::filesystem::path path = std::filesystem::path(folder.path().toStdString()) / "a.csv";
    for (const std::string& other : {std::string("a,b\n"), std::string("a,b\nc,d\ne,f\n"), std::string("x,y\nz,w\n")}) {
        std::ofstream(path, std::ios::binary | std::ios::trunc) << "a,b\nc,d\n";
        std::filesystem::last_write_time(path, std::filesystem::file_time_type::clock::now() - std::chrono::hours(1));
        const auto text = CsvText::open(path, {}, 0);
        engine::CsvBuffer buffer;
        QCOMPARE(text->view(4, 100, buffer), std::string_view("c,d\n"));
        std::ofstream(path, std::ios::binary | std::ios::trunc) << other;
        try {
            (void)text->view(0, 100, buffer);
            QFAIL("not noticed");
        } catch (const engine::Error& error) { QCOMPARE(error.message(), path.string() + " changed after it was opened."); }
    }
    std::ofstream(path, std::ios::binary | std::ios::trunc) << "a,b\nc,d\n";
    const engine::Table table = engine::openTable(path);
    std::filesystem::remove(path); // a file as small as this one is held
    const auto rows = table.rows();
    QVERIFY(rows->next());
}

void TestCsvIndex::standsNowhereAfterAFailure() {
    QTemporaryDir folder;
    const std::filesystem::path path = std::filesystem::path(folder.path().toStdString()) / "large.csv";
    const std::string text(1000, 't');
    constexpr std::size_t kRows = 70'000; // more than is held
    {
        std::ofstream file(path, std::ios::binary);
        for (std::size_t i = 0; i < kRows; ++i) file << i << ',' << text << '\n';
    }
    const auto changed = [](const auto& read) {
        try {
            read();
        } catch (const engine::Error& error) { return error.message().ends_with("changed after it was opened."); }
        return false;
    };
    const engine::Table table = engine::openTable(path, {.header = "false"});
    QCOMPARE(table.rowCount, kRows);
    const auto rows = table.rows();
    rows->seek(10);
    QCOMPARE(rows->field(0), std::string_view("10"));
    std::ofstream(path, std::ios::binary | std::ios::app) << 'x';
    QVERIFY(changed([&] {
        while (rows->next()) continue;
    })); // what was read before may still be given
    const std::size_t last = rows->row();
    QVERIFY(last < kRows - 1);
    for (int again = 0; again < 3; ++again) {
        QVERIFY(changed([&] { rows->seek(last); }));
        QVERIFY(changed([&] { rows->seek(kRows - 1); }));
        QVERIFY(changed([&] { rows->next(); }));
    }
    const auto others = table.rows();
    QVERIFY(changed([&] { others->next(); }));
    QVERIFY(changed([&] { others->findRecord(5); }));
    QVERIFY(changed([&] { others->findLine(5); }));
}

void TestCsvIndex::recordsLongerThanAWindow() {
    QTemporaryDir folder;
    const std::filesystem::path path = std::filesystem::path(folder.path().toStdString()) / "a.csv";
    const std::string text = "a,b\nc,\"" + std::string(3'000'000, 'x') + "\n\"\ne,f\n";
    std::ofstream(path, std::ios::binary) << text;
    const Read read = inParts(CsvText::open(path, {}, 0), ',', 2, 100'000);
    QCOMPARE(read.rows.size(), 3u);
    QVERIFY(read == plainly(text, ',', 2));
}

QTEST_APPLESS_MAIN(TestCsvIndex)
#include "tst_csv_index.moc"
