// links: engine_core
// SPDX-License-Identifier: GPL-3.0-or-later
// The rules of the house that a program can check: how long files are, and who may include whom.
#include <QDirIterator>
#include <QRegularExpression>
#include <QTest>
#include <functional>

namespace {

constexpr int kLongest = 500, kLongestWindow = 250;

/// Folders of engine/ from the ground up: a room uses its own files, those above it in this list, and the root headers.
const QList<QStringList>& rooms() {
    static const QList<QStringList> all{{QStringLiteral("words"), QStringLiteral("files")},
                                        {QStringLiteral("kernels")},
                                        {QStringLiteral("weights")},
                                        {QStringLiteral("data")},
                                        {QStringLiteral("prompt"), QStringLiteral("text")},
                                        {QStringLiteral("doctor")},
                                        {QStringLiteral("architecture")},
                                        {QStringLiteral("model")},
                                        {QStringLiteral("train"), QStringLiteral("infer"), QStringLiteral("baselines")},
                                        {QStringLiteral("store")},
                                        {QStringLiteral("compare")},
                                        {QStringLiteral("exports"), QStringLiteral("sweep"), QStringLiteral("jobs")}};
    return all;
}

qsizetype rankOf(const QString& room) {
    for (qsizetype rank = 0; rank < rooms().size(); ++rank)
        if (rooms()[rank].contains(room)) return rank;
    return -1;
}

QString source(const char* folder) {
    return QStringLiteral(PHIBENCH_SOURCE_DIR "/") + QLatin1String(folder);
}

/// f(path from the checkout's root, lines) for every source of ours in `folder`.
void forSources(const char* folder, const std::function<void(const QString&, const QStringList&)>& f) {
    QDirIterator files(source(folder),
                       {QStringLiteral("*.h"), QStringLiteral("*.cpp"), QStringLiteral("*.cu"), QStringLiteral("*.cuh")},
                       QDir::Files, QDirIterator::Subdirectories);
    while (files.hasNext()) {
        QFile file(files.next());
        QVERIFY2(file.open(QIODevice::ReadOnly), qPrintable(file.fileName()));
        f(QDir(source(".")).relativeFilePath(file.fileName()), QString::fromUtf8(file.readAll()).split(QLatin1Char('\n')));
    }
}

/// What the lines include: names between quotes or angle brackets.
QStringList includes(const QStringList& lines) {
    static const QRegularExpression include(QStringLiteral("^\\s*#\\s*include\\s*[<\"]([^>\"]+)[>\"]"));
    QStringList names;
    for (const QString& line : lines)
        if (const auto match = include.match(line); match.hasMatch()) names.append(match.captured(1));
    return names;
}

} // namespace

class TestHouse : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void filesAreShort();
    void engineKnowsNoQt();
    void windowKnowsNoTorch();
    void arrowsGoDown();
    void rankKnowsEveryRoom();
    void listsAreWhole_data();
    void listsAreWhole();
};

void TestHouse::filesAreShort() {
    QStringList wrong;
    int seen = 0;
    for (const char* folder : {"app", "engine", "ui", "tests"})
        forSources(folder, [&](const QString& path, const QStringList& lines) {
            ++seen;
            const qsizetype count = lines.size() - 1;
            if (count > (path == QLatin1String("ui/main_window.cpp") ? kLongestWindow : kLongest))
                wrong.append(QStringLiteral("%1: %2 lines").arg(path).arg(count));
        });
    QVERIFY(seen > 300);
    QVERIFY2(wrong.isEmpty(), qPrintable(wrong.join(QLatin1Char('\n'))));
}

void TestHouse::engineKnowsNoQt() {
    static const QRegularExpression qt(QStringLiteral("^(Q[A-Z]|Qt|ui/|app/)"));
    QStringList wrong;
    forSources("engine", [&](const QString& path, const QStringList& lines) {
        for (const QString& name : includes(lines))
            if (qt.match(name).hasMatch()) wrong.append(path + QStringLiteral(" includes ") + name);
    });
    QVERIFY2(wrong.isEmpty(), qPrintable(wrong.join(QLatin1Char('\n'))));
}

void TestHouse::windowKnowsNoTorch() {
    static const QRegularExpression torch(QStringLiteral("^(torch|ATen|c10|app)/"));
    QStringList wrong;
    forSources("ui", [&](const QString& path, const QStringList& lines) {
        for (const QString& name : includes(lines))
            if (torch.match(name).hasMatch()) wrong.append(path + QStringLiteral(" includes ") + name);
    });
    QVERIFY2(wrong.isEmpty(), qPrintable(wrong.join(QLatin1Char('\n'))));
}

void TestHouse::arrowsGoDown() {
    static const QRegularExpression inRoom(QStringLiteral("^engine/([^/]+)/"));
    QStringList wrong;
    forSources("engine", [&](const QString& path, const QStringList& lines) {
        const auto from = inRoom.match(path);
        if (!from.hasMatch() || rankOf(from.captured(1)) < 0) return; // a root header, or a GPU's module
        for (const QString& name : includes(lines))
            if (const auto to = inRoom.match(name); to.hasMatch() && rankOf(to.captured(1)) > rankOf(from.captured(1)))
                wrong.append(path + QStringLiteral(" includes ") + name + QStringLiteral(", which lies above it"));
    });
    QVERIFY2(wrong.isEmpty(), qPrintable(wrong.join(QLatin1Char('\n'))));
}

void TestHouse::rankKnowsEveryRoom() {
    for (const QString& room : QDir(source("engine")).entryList(QDir::Dirs | QDir::NoDotAndDotDot))
        QVERIFY2(room == QLatin1String("cuda") || rankOf(room) >= 0, qPrintable(room + QStringLiteral(" has no rank")));
}

void TestHouse::listsAreWhole_data() {
    QTest::addColumn<QString>("list");
    QTest::addColumn<QString>("folder");
    QTest::addColumn<QString>("defines");
    QTest::addColumn<QString>("line");
    QTest::newRow("families") << "engine/architecture/families/list.h"
                              << "engine/architecture/families"
                              << "^const Family& (\\w+)\\(\\) \\{"
                              << "FAMILY(%1)";
    QTest::newRow("exports") << "engine/exports/list.h"
                             << "engine/exports"
                             << "^Exporter (\\w+)Exporter\\(\\) \\{"
                             << "EXPORTER(%1)";
    QTest::newRow("sources of tables") << "engine/data/sources.h"
                                       << "engine/data"
                                       << "^TableSource (\\w+)Source\\(\\) \\{"
                                       << "TABLE_SOURCE(%1)";
}

/// What is defined for a list and not in it is silently absent.
void TestHouse::listsAreWhole() {
    QFETCH(QString, list);
    QFETCH(QString, folder);
    QFETCH(QString, defines);
    QFETCH(QString, line);
    QFile file(source(list.toUtf8().constData()));
    QVERIFY(file.open(QIODevice::ReadOnly));
    const QString listed = QString::fromUtf8(file.readAll());
    const QRegularExpression definition(defines);
    int found = 0;
    forSources(folder.toUtf8().constData(), [&](const QString& path, const QStringList& lines) {
        for (const QString& text : lines)
            if (const auto match = definition.match(text); match.hasMatch()) {
                ++found;
                QVERIFY2(listed.contains(line.arg(match.captured(1))), qPrintable(path + QStringLiteral(" is not in ") + list));
            }
    });
    QCOMPARE(found, listed.count(line.section(QLatin1Char('%'), 0, 0)));
}

QTEST_APPLESS_MAIN(TestHouse)
#include "tst_house.moc"
