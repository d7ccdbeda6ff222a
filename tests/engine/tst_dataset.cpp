// links: engine_core test_support
// SPDX-License-Identifier: GPL-3.0-or-later
// Tables to examples: which columns, which labels, what is left out and reported.
#include "engine/data/csv/csv.h"
#include "engine/data/dataset.h"
#include "engine/data/split.h"
#include "engine/files/sha256.h"
#include "tests/support/tiny_data.h"

#include <QTemporaryDir>
#include <QTest>

using engine::Dataset;
using engine::DataSpec;
using engine::Table;

class TestDataset : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void guessesColumns_data();
    void guessesColumns();
    void findsColumns_data();
    void findsColumns();
    void numbersLabels();
    void keepsTheOrderOfTheTable();
    void reports_data();
    void reports();
    void refuses_data();
    void refuses();
    void refusesTextsAsLabels();
    void readsManyRows();
    void countsValues();
    void readsTinyData();
    void theArticlesSplit();
};

namespace {

Table table(const QString& text, const char* header = "true") {
    return engine::parseCsv(text.toStdString(), {header, "auto", ","}, "a.csv");
}

DataSpec columns(const std::string& label, const std::string& text) {
    DataSpec spec;
    spec.label = label;
    spec.text = text;
    return spec;
}

QString shown(const std::vector<engine::Issue>& issues) {
    QString text;
    for (const engine::Issue& issue : issues) text += QString::fromStdString(toString(issue)) + QLatin1Char('\n');
    return text;
}

std::string digest(const Dataset& dataset, const std::vector<std::size_t>& rows) {
    std::string text;
    for (std::size_t row : rows) text += (text.empty() ? "" : ",") + std::to_string(dataset.examples[row].record);
    return engine::sha256(text);
}

} // namespace

void TestDataset::guessesColumns_data() {
    QTest::addColumn<QString>("text");
    QTest::addColumn<int>("label");
    QTest::addColumn<int>("texts");
    const QString rows = QStringLiteral("no,It rains again today\nyes,It shines\nno,It pours all day\nyes,It dawns at five\n");
    QTest::newRow("label,text") << QStringLiteral("label,text\n") + rows << 0 << 1;
    QTest::newRow("unknown names") << QStringLiteral("a,b\n") + rows << 0 << 1;
    QTest::newRow("text first") << QStringLiteral("text,label\nIt rains,no\nIt shines,yes\nIt pours,no\nIt dawns,yes\n") << 1
                                << 0;
    QTest::newRow("numbers as labels") << QStringLiteral(
                                              "id,stars,review\n1,5,very good\n2,1,quite bad\n3,5,good again\n4,1,bad again\n")
                                       << 1 << 2;
    QTest::newRow("a name beats fewer values")
        << QStringLiteral("half,sentiment,words\na,good,so it is\na,bad,so it was\nb,fair,so it will be\nb,good,it may "
                          "be\na,bad,it is not\nb,fair,it was not\n")
        << 1 << 2;
    QTest::newRow("two texts, one named")
        << QStringLiteral(
               "url,text,label\nhttp://example.org/very/long/path/1,It rains,a\nhttp://example.org/very/long/path/2,It shines,b\n"
               "http://example.org/very/long/path/3,It pours,a\nhttp://example.org/very/long/path/4,It dawns,b\n")
        << 2 << 1;
    QTest::newRow("one column") << QStringLiteral("text\nIt rains\nIt shines\n") << -1 << 0;
    QTest::newRow("numbers only") << QStringLiteral("x,y\n1,2\n3,4\n5,6\n7,8\n") << -1 << -1;
    QTest::newRow("every value another") << QStringLiteral("x,y\na,b c\nd,e f\ng,h i\nj,k l\n") << -1 << 1;
    for (const int turns : {2, 3, 4}) { // labels that take turns, in files of which only a sample is looked at
        QString taking = QStringLiteral("a,b\n");
        for (int i = 0; i < 24000; ++i) taking += QStringLiteral("label %1,row %2 of many\n").arg(i % turns).arg(i);
        QTest::addRow("%d labels in turn", turns) << taking << 0 << 1;
    }
    QTest::newRow("two rows") << QStringLiteral("x,y\nno,it is not\nyes,it is so\n") << 0 << 1;
}

void TestDataset::guessesColumns() {
    QFETCH(QString, text);
    QFETCH(int, label);
    QFETCH(int, texts);
    const engine::ColumnGuess guess = engine::guessColumns(table(text));
    QCOMPARE(guess.label, label);
    QCOMPARE(guess.text, texts);
}

void TestDataset::findsColumns_data() {
    QTest::addColumn<QString>("label");
    QTest::addColumn<QString>("text");
    QTest::addColumn<int>("labelColumn");
    QTest::addColumn<int>("textColumn");
    QTest::newRow("names") << "mood"
                           << "words" << 0 << 1;
    QTest::newRow("numbers") << "0"
                             << "1" << 0 << 1;
    QTest::newRow("a name that is a number") << "0"
                                             << "2" << 0 << 3;
    QTest::newRow("a number past that") << "3"
                                        << "words" << 3 << 1;
    QTest::newRow("guessed") << "auto"
                             << "auto" << 0 << 1;
    QTest::newRow("one guessed") << "auto"
                                 << "words" << 0 << 1;
}

void TestDataset::findsColumns() {
    QFETCH(QString, label);
    QFETCH(QString, text);
    QFETCH(int, labelColumn);
    QFETCH(int, textColumn);
    const Table source = table(QStringLiteral("mood,words,id,2\nno,It rains again today,1,x\nyes,It shines again,2,y\nno,It "
                                              "pours all day,3,x\nyes,It dawns at five,4,y\n"));
    const Dataset dataset = engine::makeDataset(source, columns(label.toStdString(), text.toStdString()));
    QCOMPARE(dataset.labelColumn, labelColumn);
    QCOMPARE(dataset.textColumn, textColumn);
}

void TestDataset::numbersLabels() {
    const Table source = table(QStringLiteral("l,t\npositive,a b\nnegative,c d\nneutral,e f\npositive,g h\n"));
    Dataset dataset = engine::makeDataset(source, columns("l", "t"));
    QCOMPARE(dataset.labels, (std::vector<std::string>{"negative", "neutral", "positive"}));
    QCOMPARE(dataset.counts, (std::vector<std::int64_t>{1, 1, 2}));
    QCOMPARE(dataset.examples[0].label, 2);
    DataSpec spec = columns("l", "t");
    spec.labels = {"positive", "neutral", "negative"};
    dataset = engine::makeDataset(source, spec);
    QCOMPARE(dataset.labels, spec.labels);
    QCOMPARE(dataset.counts, (std::vector<std::int64_t>{2, 1, 1}));
    QCOMPARE(dataset.examples[0].label, 0);
}

void TestDataset::keepsTheOrderOfTheTable() {
    const Table source = table(QStringLiteral("l,t\na,one\nb,two,three\nb,\nb,  four \na,five\n"));
    const Dataset dataset = engine::makeDataset(source, columns("l", "t"));
    QCOMPARE(dataset.examples.size(), 3u);
    QCOMPARE(dataset.examples[0].record, 0);
    QCOMPARE(dataset.examples[1].record, 3);
    QCOMPARE(dataset.examples[1].text, std::string("  four "));
    QCOMPARE(dataset.examples[2].record, 4);
}

void TestDataset::reports_data() {
    QTest::addColumn<QString>("text");
    QTest::addColumn<QString>("labels");
    QTest::addColumn<QString>("issues");
    const auto row = [](const char* name, const char* text, const char* labels, const char* issues) {
        QTest::newRow(name) << QStringLiteral("l,t\n") + QString::fromUtf8(text) << QString::fromLatin1(labels)
                            << QString::fromUtf8(issues);
    };
    row("nothing", "a,one\nb,two\n", "", "");
    row("blank texts", "a,one\nb,\nb,two\na,\" \n\t\"\na,\u00a0\u3000\n", "",
        "a.csv:3: 3 rows have a blank text and were left out; this is the first.\n");
    row("blank label", "a,one\nb,two\n ,three\n", "", "a.csv:4: 1 row has a blank label and was left out; this is the first.\n");
    row("not in the list", "a,one\nc,two\nb,three\nc,four\n", "a,b",
        "a.csv:3: 2 rows have the label 'c', which is not in data.labels, and were left out; this is the first.\n");
    row("spelled otherwise", "a,one\nb,two\n A ,three\n", "a,b",
        "a.csv:4: 1 row has the label ' A ', which is not in data.labels, and was left out; this is the first. It differs from "
        "'a' only by case or blanks around it.\n");
    row("no row", "a,one\nb,two\n", "a,b,c", "No row has the label 'c' of data.labels.\n");
    row("alike", "\u00c4,one\nb,two\n\u00e4,three\n\u00e4 ,four\n", "",
        "a.csv:4: The labels '\u00c4' and '\u00e4' differ only by case or blanks around them. Are they one?\n"
        "a.csv:5: The labels '\u00c4' and '\u00e4 ' differ only by case or blanks around them. Are they one?\n");
    row("repeated rows", "a,one\nb,two\na,one\na,one\n", "",
        "a.csv:4: 2 rows repeat the text and label of an earlier row; this is the first, it repeats line 2. One may be trained "
        "on and the other tested.\n");
    row("torn text", "a,one\nb,two\nb,one\n", "",
        "a.csv:4: 1 row repeats an earlier text under another label; this is the first: 'b', but 'a' on line 2.\n");
    row("the first of many", "b,x\na,one\nb,two\nb,two\nb,two\na,one\n", "",
        "a.csv:5: 3 rows repeat the text and label of an earlier row; this is the first, it repeats line 4. One may be trained "
        "on and the other tested.\n");
}

void TestDataset::reports() {
    QFETCH(QString, text);
    QFETCH(QString, labels);
    QFETCH(QString, issues);
    DataSpec spec = columns("l", "t");
    for (const QString& label : labels.split(QLatin1Char(','), Qt::SkipEmptyParts)) spec.labels.push_back(label.toStdString());
    const Dataset dataset = engine::makeDataset(table(text), spec);
    QString expected = issues;
    if (expected.startsWith(QLatin1String("No row"))) expected.prepend(QLatin1String("a.csv: "));
    QCOMPARE(shown(dataset.issues), expected);
    QVERIFY(!engine::hasErrors(dataset.issues));
}

void TestDataset::refuses_data() {
    QTest::addColumn<QString>("text");
    QTest::addColumn<QString>("header");
    QTest::addColumn<QString>("columns");
    QTest::addColumn<QString>("labels");
    QTest::addColumn<QString>("says");
    const QString rows = QStringLiteral("label,text\na,one\nb,two\n");
    const char* none = "";
    QTest::newRow("unknown name")
        << rows << "true"
        << "lable,text" << none
        << "a.csv has no column 'lable' (data.label). Did you mean 'label'? Its columns are 'label', 'text'.";
    QTest::newRow("very unknown name") << rows << "true"
                                       << "label,sentences" << none
                                       << "a.csv has no column 'sentences' (data.text). Its columns are 'label', 'text'.";
    QTest::newRow("name without header") << rows << "false"
                                         << "label,1" << none
                                         << "a.csv has no header, so no column 'label' (data.label). Its columns are 0 to 1; set "
                                            "data.header to true if its first line names them.";
    QTest::newRow("number too high")
        << rows << "true"
        << "0,2" << none << "data.text is 2, but a.csv has 2 columns, counted from 0. Its columns are 'label', 'text'.";
    QTest::newRow("number far too high") << rows << "true"
                                         << "0,99999999999999999999999" << none << "data.text is 99999999999999999999999, but";
    QTest::newRow("negative number") << rows << "true"
                                     << "-1,1" << none << "a.csv has no column '-1' (data.label).";
    QTest::newRow("same column") << rows << "true"
                                 << "0,label" << none << "data.label and data.text are both column 0 of a.csv.";
    QTest::newRow("doubled name") << "text,text\na,b\nc,d\n"
                                  << "true"
                                  << "text,1" << none << "a.csv has more than one column 'text'.";
    QTest::newRow("no label column")
        << "x,y\na,b c\nd,e f\ng,h i\n"
        << "true"
        << "auto,auto" << none
        << "Which column of a.csv holds the labels cannot be told. Set data.label to one of its columns: 'x', 'y'.";
    QTest::newRow("no text column")
        << "x,y\n1,2\n3,4\n"
        << "true"
        << "auto,auto" << none
        << "Which column of a.csv holds the texts cannot be told. Set data.text to one of its columns: 'x', 'y'.";
    QTest::newRow("one label")
        << "label,text\na,one\na,two\n"
        << "true"
        << "0,1" << none << "Every row of a.csv that can be used (2 of 2) has the label 'a'; telling labels apart takes two.";
    QTest::newRow("one label of two")
        << rows << "true"
        << "0,1"
        << "a,c"
        << "Every row of a.csv that can be used (1 of 2) has the label 'a'; telling labels apart takes two.";
    QTest::newRow("one label of the whole records")
        << "label,text\na,one\nb,two, too\na,three\nb,four, again\n"
        << "true"
        << "0,1" << none
        << "Every row of a.csv that can be used (2 of 4 records; 2 were left out, the first on line 3: 3 fields instead of 2) "
           "has the label 'a'; telling labels apart takes two. Check data.label, data.labels and the records that were left "
           "out.";
    QTest::newRow("no label of the whole records")
        << "label,text\na,\nb,two, too\n"
        << "true"
        << "0,1" << none
        << "No row of a.csv can be used (0 of 2 records; 1 was left out, the first on line 3: 3 fields instead of 2): blank";
    QTest::newRow("blank rows only")
        << "label,text\na,\n ,two\n"
        << "true"
        << "0,1" << none
        << "No row of a.csv can be used (0 of 2): blank labels 1, blank texts 1, labels that are not in data.labels 0.";
    QTest::newRow("no such labels") << rows << "true"
                                    << "0,1"
                                    << "x,y"
                                    << "No row of a.csv can be used (0 of 2): blank labels 0, blank texts 0, labels that are not "
                                       "in data.labels 2 (the first is 'a').";
    QTest::newRow("label listed twice") << rows << "true"
                                        << "0,1"
                                        << "a,b,a"
                                        << "data.labels has 'a' twice.";
}

void TestDataset::refuses() {
    QFETCH(QString, text);
    QFETCH(QString, header);
    QFETCH(QString, columns);
    QFETCH(QString, labels);
    QFETCH(QString, says);
    DataSpec spec =
        ::columns(columns.section(QLatin1Char(','), 0, 0).toStdString(), columns.section(QLatin1Char(','), 1).toStdString());
    for (const QString& label : labels.split(QLatin1Char(','), Qt::SkipEmptyParts)) spec.labels.push_back(label.toStdString());
    const Table source = table(text, header.toLatin1().constData());
    try {
        (void)engine::makeDataset(source, spec);
        QFAIL("not refused");
    } catch (const engine::Error& error) {
        QVERIFY2(QString::fromUtf8(error.what()).startsWith(says), error.what());
        QVERIFY(error.code() == engine::ErrorCode::BadInput);
        QVERIFY(!error.hint().empty());
    }
}

void TestDataset::refusesTextsAsLabels() {
    QString text = QStringLiteral("label,text\n");
    for (int i = 0; i < 1001; ++i) text += QStringLiteral("a,sentence %1\n").arg(i);
    try {
        (void)engine::makeDataset(table(text), columns("text", "label"));
        QFAIL("not refused");
    } catch (const engine::Error& error) {
        QCOMPARE(error.message(), std::string("Column 1 of a.csv has 1001 different values; there may be 1000 labels."));
    }
}

void TestDataset::readsManyRows() {
    // Some megabytes, which several threads read by stretches.
    const std::vector<std::string> labels{"pos", "neg", "neu"}; // not in the order of their numbers
    std::string text = "l,t\n";
    std::vector<engine::Example> expected;
    std::int64_t line = 2, blankLine = 0, repeatLine = 0, tornLine = 0, earlierLine = 0, keptLine = 0;
    for (int i = 0; i < 60'000; ++i) {
        const std::size_t label = i < 50'000 ? std::size_t(i % 2) : std::size_t(i % 3);
        std::string words = std::string(60, char('a' + i % 26)) + ",\nrow " + std::to_string(i);
        if (i == 40'000) earlierLine = line;
        if (i == 59'000) words = std::string(60, char('a' + 40'000 % 26)) + ",\nrow 40000", tornLine = line;
        if (i == 30'000) keptLine = line;
        if (i == 45'000) words = std::string(60, char('a' + 30'000 % 26)) + ",\nrow 30000", repeatLine = line;
        if (i == 45'000)
            text += labels[0] + ",\"" + words + "\"\n", expected.push_back({i, words, 2});
        else if (i % 20'000 == 7)
            text += labels[label] + ",\"" + "\n" + "\"\n", blankLine = blankLine == 0 ? line : blankLine;
        else
            text += labels[label] + ",\"" + words + "\"\n", expected.push_back({i, words, label == 0 ? 2 : label == 1 ? 0 : 1});
        line += 2;
    }
    const Table source = table(QString::fromStdString(text));
    const Dataset dataset = engine::makeDataset(source, columns("l", "t"));
    QCOMPARE(dataset.labels, (std::vector<std::string>{"neg", "neu", "pos"}));
    QCOMPARE(dataset.examples.size(), expected.size());
    std::vector<std::int64_t> counts(3);
    for (std::size_t i = 0; i < expected.size(); ++i) {
        if (dataset.examples[i].record != expected[i].record || dataset.examples[i].text != expected[i].text ||
            dataset.examples[i].label != expected[i].label)
            QFAIL(qPrintable(QStringLiteral("example %1").arg(i)));
        ++counts[std::size_t(expected[i].label)];
    }
    QCOMPARE(dataset.counts, counts);
    const QString issues =
        QStringLiteral(
            "a.csv:%1: 3 rows have a blank text and were left out; this is the first.\n"
            "a.csv:%2: 1 row repeats the text and label of an earlier row; this is the first, it repeats line %3. One may be "
            "trained on and the other tested.\n"
            "a.csv:%4: 1 row repeats an earlier text under another label; this is the first: 'neu', but 'pos' on line %5.\n")
            .arg(blankLine)
            .arg(repeatLine)
            .arg(keptLine)
            .arg(tornLine)
            .arg(earlierLine);
    QCOMPARE(shown(dataset.issues), issues);

    engine::LabelCounts values;
    QCOMPARE(shown(engine::checkDataset(source, columns("l", "t"), values)), issues);
    std::int64_t rows = 0;
    for (const auto& [value, count] : values) rows += count;
    QCOMPARE(values.size(), 3u);
    QCOMPARE(rows, 60'000);
    QVERIFY(values == engine::countValues(source, 0));
}

void TestDataset::countsValues() {
    const Table source = table(QStringLiteral("l,t\nb,one\na,\n,two\nb,three\n\"say \"\"no\"\" to all of them\",four\n"));
    const engine::LabelCounts expected{{"", 1}, {"a", 1}, {"b", 2}, {"say \"no\" to all of them", 1}};
    QVERIFY(engine::countValues(source, 0) == expected);
    // They are there, too, where the table is refused.
    const Table one = table(QStringLiteral("l,t\na,one\na,two\n"));
    engine::LabelCounts counts;
    QVERIFY_THROWS_EXCEPTION(engine::Error, (void)engine::checkDataset(one, columns("l", "t"), counts));
    QVERIFY((counts == engine::LabelCounts{{"a", 2}}));
}

void TestDataset::readsTinyData() {
    QTemporaryDir folder;
    const auto file = testing_support::writeTinyCsv(std::filesystem::path(folder.path().toStdString()) / "tiny.csv", 60);
    const Dataset dataset = engine::makeDataset(engine::openTable(file), DataSpec{});
    QCOMPARE(dataset.labels, testing_support::tinyLabels());
    QCOMPARE(dataset.counts, (std::vector<std::int64_t>{60, 60, 60}));
    QCOMPARE(shown(dataset.issues), QString());
}

// Sums printed by data/make_split_golden.py all-data.csv.
void TestDataset::theArticlesSplit() {
    const char* folder = std::getenv("PHIBENCH_SHARED");
    const std::filesystem::path path =
        std::filesystem::path(folder ? folder : PHIBENCH_SOURCE_DIR "/../shared") / "data/all-data.csv";
    if (!std::filesystem::exists(path)) QSKIP("all-data.csv is not here");
    const Dataset dataset = engine::makeDataset(engine::openTable(path), DataSpec{});
    QCOMPARE(dataset.labels, (std::vector<std::string>{"negative", "neutral", "positive"}));
    QCOMPARE(dataset.counts, (std::vector<std::int64_t>{604, 2879, 1363}));
    QVERIFY(shown(dataset.issues).contains(QLatin1String("6 rows repeat the text and label of an earlier row")));
    const engine::Splits splits = engine::split(dataset, {});
    QCOMPARE(splits.train.size(), 900u);
    QCOMPARE(digest(dataset, splits.train), std::string("4dacfc3be23aada7b13d1c519da1e81d71e5ab0460c8e6f39fcfc61be3890651"));
    QCOMPARE(digest(dataset, splits.eval), std::string("bde57d019def650d3c91eef28efd5c941672470e54e85414bfc854d271580da9"));
    QCOMPARE(digest(dataset, splits.test), std::string("a271ba6e635f27baadd2030143c58f43d2527c8a225bc746d5e008d5eeaba5e5"));
}

QTEST_APPLESS_MAIN(TestDataset)
#include "tst_dataset.moc"
