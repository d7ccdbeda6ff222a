// links: engine engine_core libtorch
// SPDX-License-Identifier: GPL-3.0-or-later
// Which device computes, and in which precision there.
#include "engine/architecture/precision.h"
#include "engine/model/device.h"

#include <QTest>

using namespace engine;

class TestDevice : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void devices();
};

void TestDevice::devices() {
    QVERIFY(chooseDevice("cpu").is_cpu());
    QVERIFY_EXCEPTION_THROWN(chooseDevice("tpu"), Error);
    QCOMPARE(chooseDevice("auto").is_cuda(), gpuCount() > 0);
    if (gpuCount() == 0) {
        try {
            chooseDevice("cuda");
            QFAIL("Nothing was thrown.");
        } catch (const Error& error) {
            qInfo("%s", error.what());
            QCOMPARE(static_cast<int>(error.code()), static_cast<int>(ErrorCode::BadInput));
            QVERIFY(QString::fromStdString(error.message()).startsWith(QStringLiteral("model.device is cuda, but ")));
        }
    }
    QVERIFY_EXCEPTION_THROWN(parsePrecision("auto", "fp16"), Error);
    QCOMPARE(toString(parsePrecision("auto", "fp16", false, true)), std::string("fp16"));
    QCOMPARE(toString(parsePrecision("auto", "auto", false, true)), std::string("bf16"));
    QVERIFY(parsePrecision("nf4", "fp16", false, true).held == Precision::Held::Nf4);
}

QTEST_APPLESS_MAIN(TestDevice)
#include "tst_device.moc"
