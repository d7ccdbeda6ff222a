// SPDX-License-Identifier: GPL-3.0-or-later
// The document keeps settings, table and dataset in step, and says what stands in the way.
#include "tests/support/fake_backend.h"
#include "ui/document.h"
#include "ui/prompt/presets.h"

#include <QDir>
#include <QFile>
#include <QSignalSpy>
#include <QUndoStack>
#include <QtTest>

using namespace testing_support;
using namespace ui;

namespace {

QString write(const QTemporaryDir& folder, const char* name, const QByteArray& bytes) {
    const QString path = folder.filePath(QLatin1String(name));
    QFile file(path);
    if (!file.open(QIODevice::WriteOnly) || file.write(bytes) != bytes.size()) qFatal("cannot write %s", name);
    return path;
}

QByteArray rows(int perLabel) {
    QByteArray csv("label,text\n");
    for (int i = 0; i < perLabel; ++i) {
        const QByteArray good =
            "good,\"The soup number " + QByteArray::number(i) + " was warm, and everybody asked for more of it.\"\n";
        const QByteArray bad =
            "bad,\"The soup number " + QByteArray::number(i) + " was cold, and nobody wanted to finish it.\"\n";
        csv += i % 3 ? good + bad : bad + good;
    }
    return csv;
}

std::vector<std::string> paths(const Document& document) {
    std::vector<std::string> all;
    for (const engine::Issue& issue : document.issues()) all.push_back(issue.path);
    return all;
}

} // namespace

class TestDocument : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void init() { m_folder = std::make_unique<QTemporaryDir>(); }
    void beginsEmpty();
    void opensCsv();
    void csvThatIsNotThere();
    void newestCsvCounts();
    void columnsAreChosen();
    void manyRowsComeLater();
    void settingsAreRefused();
    void whatStandsInTheWay();
    void templateNamesTheLabels();
    void savesAndOpens();
    void aTableNeverChangesWhichFileIsSaved();
    void undoesAndRedoes();
    void undoesAcrossFolders();
    void noticesAChangeOnDisk();
    void editsItsText();
    void doubtsAPromptForOtherData();
    void brokenYamlChangesNothing();

private:
    std::unique_ptr<QTemporaryDir> m_folder;
};

void TestDocument::beginsEmpty() {
    FakeBackend backend;
    Document document(backend);
    QVERIFY(!document.table());
    QVERIFY(!document.dataset());
    QVERIFY(!document.isModified());
    QCOMPARE(paths(document), std::vector<std::string>{"data.csv"});
}

void TestDocument::opensCsv() {
    FakeBackend backend;
    Document document(backend);
    QSignalSpy changed(&document, &Document::dataChanged);
    const QString path = write(*m_folder, "a.csv", rows(30));
    document.open(path);
    QVERIFY(document.isLoading());
    QVERIFY(!document.table());
    QCOMPARE(changed.size(), 1);
    QTRY_VERIFY(!document.isLoading());
    QVERIFY(document.table());
    QVERIFY(document.dataset());
    QCOMPARE(document.dataset()->labels, (std::vector<std::string>{"bad", "good"}));
    QCOMPARE(document.dataset()->textColumn, 1);
    QCOMPARE(document.experiment().data.csv, path.toStdString());
    QVERIFY(!document.isModified()); // it only began
    document.open(path);             // again: it may have changed
    QVERIFY(document.isLoading());
    QTRY_VERIFY(document.dataset());
    QCOMPARE(backend.tablePaths.size(), std::size_t(2));
}

void TestDocument::csvThatIsNotThere() {
    FakeBackend backend;
    Document document(backend);
    QSignalSpy failed(&document, &Document::openFailed);
    document.open(m_folder->filePath(QStringLiteral("none.csv")));
    QTRY_COMPARE(failed.size(), 1);
    QVERIFY(failed[0][0].toString().contains(QLatin1String("none.csv")));
    QVERIFY(!document.isLoading());
    QVERIFY(!document.dataProblem().isEmpty());
    QCOMPARE(paths(document), std::vector<std::string>{"data.csv"});
}

void TestDocument::newestCsvCounts() {
    FakeBackend backend;
    backend.holdTables = true;
    Document document(backend);
    document.open(write(*m_folder, "old.csv", rows(5)));
    document.open(write(*m_folder, "new.csv", rows(9)));
    backend.releaseTables(); // both answers, the old one first
    QVERIFY(document.table());
    QCOMPARE(document.table()->recordCount, 18);
}

void TestDocument::columnsAreChosen() {
    FakeBackend backend;
    Document document(backend);
    document.open(write(*m_folder, "a.csv", rows(30)));
    QTRY_VERIFY(document.dataset());
    const std::size_t read = backend.tablePaths.size();
    QVERIFY(document.set(QStringLiteral("data.text"), QStringLiteral("no such column")));
    QVERIFY(!document.dataset());
    QVERIFY(document.dataProblem().contains(QLatin1String("no such column")));
    QCOMPARE(paths(document), std::vector<std::string>{"data.csv"});
    QVERIFY(document.set(QStringLiteral("data.text"), QStringLiteral("text")));
    QVERIFY(document.dataset());
    QCOMPARE(backend.tablePaths.size(), read); // the file was not read again for that
    QVERIFY(document.set(QStringLiteral("data.header"), QStringLiteral("false")));
    QVERIFY(document.isLoading()); // for this it is
    QTRY_COMPARE(backend.tablePaths.size(), read + 1);
}

void TestDocument::manyRowsComeLater() {
    FakeBackend backend;
    Document document(backend);
    document.open(write(*m_folder, "many.csv", rows(12'000)));
    QTRY_VERIFY(document.table());
    QTRY_VERIFY(document.dataset());
    QCOMPARE(document.dataset()->examples.size(), std::size_t(24'000));
    document.set(QStringLiteral("data.text"), QStringLiteral("0")); // asked for…
    document.set(QStringLiteral("data.text"), QStringLiteral("1")); // …and no longer wanted
    QTRY_VERIFY(!document.isLoading());
    QTRY_VERIFY(document.dataset());
    QCOMPARE(document.dataset()->textColumn, 1);
}

void TestDocument::settingsAreRefused() {
    FakeBackend backend;
    Document document(backend);
    QSignalSpy changed(&document, &Document::experimentChanged);
    QString problem;
    QVERIFY(!document.set(QStringLiteral("lora.r"), QStringLiteral("0"), &problem));
    QVERIFY(problem.contains(QLatin1String("lora.r")));
    QCOMPARE(document.experiment().lora.r, 16);
    QCOMPARE(changed.size(), 0);
    QVERIFY(document.set(QStringLiteral("lora.r"), QStringLiteral("8"), &problem));
    QVERIFY(problem.isEmpty());
    QCOMPARE(document.experiment().lora.r, 8);
    QCOMPARE(changed.size(), 1);
    QVERIFY(document.set(QStringLiteral("lora.r"), QStringLiteral("8")));
    QCOMPARE(changed.size(), 1); // nothing changed, nothing is said
}

void TestDocument::whatStandsInTheWay() {
    FakeBackend backend;
    Document document(backend);
    document.open(write(*m_folder, "a.csv", rows(30)));
    QTRY_VERIFY(document.dataset());
    QCOMPARE(paths(document), std::vector<std::string>{"data.split"}); // 300 a label are not there
    document.set(QStringLiteral("data.split.train_per_label"), QStringLiteral("15"));
    document.set(QStringLiteral("data.split.test_per_label"), QStringLiteral("10"));
    document.set(QStringLiteral("data.split.eval_per_label"), QStringLiteral("5"));
    QCOMPARE(paths(document), std::vector<std::string>());
    document.set(QStringLiteral("prompt.template"), QStringLiteral("no places at all"));
    QVERIFY(!paths(document).empty());
    for (const std::string& path : paths(document)) QCOMPARE(path, std::string("prompt.template"));
}

void TestDocument::templateNamesTheLabels() {
    FakeBackend backend;
    Document document(backend);
    QCOMPARE(document.experiment().prompt.text_template, defaultTemplate().toStdString());
    document.open(write(*m_folder, "a.csv", rows(30)));
    QTRY_VERIFY(document.dataset());
    QCOMPARE(document.experiment().prompt.text_template, defaultTemplate({"bad", "good"}).toStdString());
    document.set(QStringLiteral("prompt.template"), QStringLiteral("Mine: {text} {label}"));
    document.useData(write(*m_folder, "b.csv", rows(40)));
    QTRY_VERIFY(document.dataset());
    QCOMPARE(document.experiment().prompt.text_template, std::string("Mine: {text} {label}"));
    QCOMPARE(document.experiment().name, std::string("b"));
    document.open(write(*m_folder, "c.csv", rows(20)));
    QTRY_VERIFY(document.dataset());
    QCOMPARE(document.experiment().prompt.text_template, defaultTemplate({"bad", "good"}).toStdString());
}

void TestDocument::aTableNeverChangesWhichFileIsSaved() {
    FakeBackend backend;
    Document document(backend);
    write(*m_folder, "a.csv", rows(30));
    const QByteArray yaml =
        "# mine\nname: soup # good\ndata: {csv: a.csv}\nprompt: {template: \"{text} {label}\"}\nlora:\n  r: 3 # small\n";
    const QString path = write(*m_folder, "a.yaml", yaml);
    document.open(path);
    QTRY_VERIFY(document.dataset());
    document.open(write(*m_folder, "b.csv", rows(40)));
    QVERIFY(document.filePath().isEmpty());
    QCOMPARE(document.experiment().lora.r, engine::Experiment().lora.r);
    QCOMPARE(document.experiment().name, std::string("b"));
    QVERIFY(!document.isModified());

    // With the experiment, on purpose: its file keeps comments, order and the relative path's kind.
    document.open(path);
    document.useData(m_folder->filePath(QStringLiteral("b.csv")));
    QCOMPARE(document.filePath(), path);
    QVERIFY(document.isModified());
    QVERIFY(document.save(path));
    QFile saved(path);
    QVERIFY(saved.open(QIODevice::ReadOnly));
    QCOMPARE(saved.readAll(), QByteArray(yaml).replace("a.csv", "b.csv"));
}

void TestDocument::undoesAndRedoes() {
    FakeBackend backend;
    Document document(backend);
    document.open(write(*m_folder, "a.csv", rows(30)));
    QTRY_VERIFY(document.dataset());
    const std::string yaml = document.yaml();
    for (const char* typed : {"F", "Fi", "Fit: {text} {label}"})
        document.set(QStringLiteral("prompt.template"), QLatin1String(typed));
    document.set(QStringLiteral("lora.r"), QStringLiteral("3"));
    document.set(QStringLiteral("data.label"), QStringLiteral("text"));
    document.set(QStringLiteral("data.text"), QStringLiteral("label"));
    QCOMPARE(document.history().count(), 4); // what was typed in one go is one step
    QCOMPARE(document.history().undoText(), QStringLiteral("Text column"));
    QVERIFY(document.isModified());
    const std::string changed = document.yaml();
    while (document.history().canUndo()) document.history().undo();
    QCOMPARE(document.yaml(), yaml);
    QVERIFY(!document.isModified()); // nothing is left of it
    QTRY_VERIFY(document.dataset());
    QCOMPARE(document.dataset()->labels, (std::vector<std::string>{"bad", "good"}));
    while (document.history().canRedo()) document.history().redo();
    QCOMPARE(document.yaml(), changed);
    // Back and forth within one step leaves none.
    document.begin();
    document.set(QStringLiteral("lora.r"), QStringLiteral("3"));
    document.set(QStringLiteral("lora.r"), QStringLiteral("16"));
    QVERIFY(!document.isModified());
}

void TestDocument::undoesAcrossFolders() {
    FakeBackend backend;
    Document document(backend);
    write(*m_folder, "a.csv", rows(30));
    document.open(write(*m_folder, "a.yaml", "data: {csv: a.csv}\nprompt: {template: \"{text} {label}\"}\n"));
    document.set(QStringLiteral("lora.r"), QStringLiteral("3"));
    QVERIFY(QDir(m_folder->path()).mkdir(QStringLiteral("other")));
    QVERIFY(document.save(m_folder->filePath(QStringLiteral("other/a.yaml"))));
    QCOMPARE(document.experiment().data.csv, std::string("../a.csv"));
    document.history().undo();
    QCOMPARE(document.experiment().lora.r, 16);
    QCOMPARE(engine::dataPath(document.experiment()).string(), m_folder->filePath(QStringLiteral("a.csv")).toStdString());
}

void TestDocument::noticesAChangeOnDisk() {
    FakeBackend backend;
    Document document(backend);
    const QString path = write(*m_folder, "a.yaml", "name: one\n");
    document.open(path);
    QVERIFY(!document.isChangedOnDisk());
    write(*m_folder, "a.yaml", "name: two\n");
    QVERIFY(document.isChangedOnDisk());
    QVERIFY(document.save(path)); // whoever saves was asked
    QVERIFY(!document.isChangedOnDisk());
}

void TestDocument::editsItsText() {
    FakeBackend backend;
    Document document(backend);
    const QString path = write(*m_folder, "a.yaml", "name: one\nlora: {r: 3} # three\n");
    document.open(path);
    document.setYaml(document.yaml());
    QVERIFY(!document.isModified());
    document.setYaml("# new\nname: one\nlora: {r: 3} # three\n");
    QVERIFY(document.isModified()); // comments are worth keeping, too
    document.set(QStringLiteral("lora.r"), QStringLiteral("4"));
    QCOMPARE(document.yaml(), std::string("# new\nname: one\nlora: {r: 4} # three\n"));
    QVERIFY_EXCEPTION_THROWN(document.setYaml("lora: {rank: 3}\n"), engine::Error);
    QCOMPARE(document.experiment().lora.r, 4);
    document.history().undo();
    document.history().undo();
    QVERIFY(!document.isModified());
    QCOMPARE(document.yaml(), std::string("name: one\nlora: {r: 3} # three\n"));
}

void TestDocument::doubtsAPromptForOtherData() {
    FakeBackend backend;
    Document document(backend);
    document.open(write(*m_folder, "a.csv", rows(30)));
    QTRY_VERIFY(document.dataset());
    QVERIFY(document.doubts().empty());
    document.set(QStringLiteral("prompt.template"), QStringLiteral("Is it negative, neutral or positive? {text} {label}"));
    QCOMPARE(document.doubts().size(), std::size_t(1));
}

void TestDocument::savesAndOpens() {
    FakeBackend backend;
    Document document(backend);
    document.open(write(*m_folder, "a.csv", rows(30)));
    QTRY_VERIFY(document.dataset());
    document.set(QStringLiteral("lora.r"), QStringLiteral("4"));
    const QString yaml = m_folder->filePath(QStringLiteral("mine.yaml"));
    QString problem;
    QVERIFY2(document.save(yaml, &problem), qPrintable(problem));
    QVERIFY(!document.isModified());
    QCOMPARE(document.filePath(), yaml);
    QCOMPARE(document.experiment().data.csv, std::string("a.csv")); // beside it: the folder can be moved
    document.set(QStringLiteral("lora.r"), QStringLiteral("5"));
    QVERIFY(document.isModified());

    Document other(backend);
    other.open(yaml);
    QCOMPARE(other.experiment().lora.r, 4);
    QVERIFY(!other.isModified());
    QTRY_VERIFY(other.dataset());
    QVERIFY(!other.save(m_folder->filePath(QStringLiteral("no/such/folder/x.yaml")), &problem));
    QVERIFY(!problem.isEmpty());
    QCOMPARE(other.filePath(), yaml);
}

void TestDocument::brokenYamlChangesNothing() {
    FakeBackend backend;
    Document document(backend);
    document.set(QStringLiteral("lora.r"), QStringLiteral("4"));
    QSignalSpy failed(&document, &Document::openFailed);
    document.open(write(*m_folder, "bad.yaml", "lora: {rank: 3}\n"));
    QCOMPARE(failed.size(), 1);
    QVERIFY(failed[0][0].toString().contains(QLatin1String("rank")));
    QCOMPARE(document.experiment().lora.r, 4);
    QVERIFY(document.filePath().isEmpty());
}

QTEST_MAIN(TestDocument)
#include "tst_document.moc"
