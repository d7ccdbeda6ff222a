// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/error.h"
#include "engine/files/sha256.h"

#include <QCryptographicHash>
#include <QFile>
#include <QTemporaryDir>
#include <QTest>

using namespace engine;

class TestSha256 : public QObject {
    Q_OBJECT
private Q_SLOTS:
    // FIPS 180-4's own examples.
    void knownAnswers_data() {
        QTest::addColumn<QByteArray>("text");
        QTest::addColumn<QByteArray>("digits");
        QTest::newRow("empty") << QByteArray() << QByteArray("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        QTest::newRow("abc") << QByteArray("abc")
                             << QByteArray("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        QTest::newRow("two blocks") << QByteArray("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")
                                    << QByteArray("248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
        QTest::newRow("a million a") << QByteArray(1000000, 'a')
                                     << QByteArray("cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    }
    void knownAnswers() {
        QFETCH(QByteArray, text);
        QFETCH(QByteArray, digits);
        QCOMPARE(sha256({text.constData(), static_cast<std::size_t>(text.size())}), digits.toStdString());
    }
    void everyLengthAgreesWithQt() {
        QByteArray bytes;
        for (int i = 0; i < 300; ++i) {
            const QByteArray expected = QCryptographicHash::hash(bytes, QCryptographicHash::Sha256).toHex();
            QCOMPARE(sha256({bytes.constData(), static_cast<std::size_t>(bytes.size())}), expected.toStdString());
            bytes += static_cast<char>(i * 37 + 11);
        }
    }
    void piecesMakeTheSameSum() {
        const QByteArray bytes = QByteArray("0123456789abcdefg").repeated(40);
        const std::string whole = sha256({bytes.constData(), static_cast<std::size_t>(bytes.size())});
        for (int piece : {1, 7, 63, 64, 65, 129}) {
            Sha256 hash;
            for (int at = 0; at < bytes.size(); at += piece)
                hash.update(bytes.constData() + at, static_cast<std::size_t>(std::min<qsizetype>(piece, bytes.size() - at)));
            QCOMPARE(hash.hex(), whole);
        }
    }
    void fileIsStreamed() {
        QTemporaryDir dir;
        QFile file(dir.filePath(QStringLiteral("f")));
        const QByteArray bytes = QByteArray("some text of ours\n").repeated(200000); // beyond one read
        QVERIFY(file.open(QIODevice::WriteOnly) && file.write(bytes) == bytes.size());
        file.close();
        QCOMPARE(sha256File(file.fileName().toStdString()),
                 QCryptographicHash::hash(bytes, QCryptographicHash::Sha256).toHex().toStdString());
    }
    void missingFileIsNotFound() {
        QTemporaryDir dir;
        try {
            sha256File(dir.filePath(QStringLiteral("nothing")).toStdString());
            QFAIL("no Error");
        } catch (const Error& error) {
            QVERIFY(error.code() == ErrorCode::NotFound);
            QVERIFY(error.message().find("nothing") != std::string::npos);
        }
        try {
            sha256File(dir.path().toStdString());
            QFAIL("no Error");
        } catch (const Error& error) {
            QVERIFY(error.code() == ErrorCode::Io); // a folder
        }
    }
};

QTEST_APPLESS_MAIN(TestSha256)
#include "tst_sha256.moc"
