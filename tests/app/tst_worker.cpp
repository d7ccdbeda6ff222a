// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/worker.h"

#include <QSemaphore>
#include <QtTest>
#include <atomic>
#include <sys/resource.h>
#include <thread>
#include <unistd.h>

class TestWorker : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void givesWayToTheWindow() {
        const auto niceness = [] { return ::getpriority(PRIO_PROCESS, static_cast<id_t>(::gettid())); };
        const int before = niceness();
        if (before > 14) QSKIP("this process is as nice as can be already");
        std::atomic<int> own = before, ofAThread = before;
        QSemaphore done;
        app::Worker worker(QStringLiteral("worker"));
        worker.post([&] {
            own = niceness();
            std::jthread([&] { ofAThread = niceness(); }).join();
            done.release();
        });
        QVERIFY(done.tryAcquire(1, 10000));
        QVERIFY(own > before);
        QCOMPARE(ofAThread.load(), own.load());
        QCOMPARE(niceness(), before);
    }
};

QTEST_GUILESS_MAIN(TestWorker)
#include "tst_worker.moc"
