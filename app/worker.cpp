// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/worker.h"

#include <sys/resource.h>
#include <unistd.h>

namespace app {
namespace {

constexpr int kNiceness =
    5; // a third of the window's share where both want the processor (sched(7)); all of it where the window wants none

/// On Linux niceness is a thread's own, and the threads that it starts, OpenMP's among them, take it.
void giveWayToTheWindow() {
    const auto self = static_cast<id_t>(::gettid());
    ::setpriority(PRIO_PROCESS, self, ::getpriority(PRIO_PROCESS, self) + kNiceness);
}

} // namespace

Worker::Worker(const QString& name) : m_receiver(new QObject) {
    m_thread.setObjectName(name);
    m_receiver->moveToThread(&m_thread);
    QObject::connect(&m_thread, &QThread::finished, m_receiver, &QObject::deleteLater);
    m_thread.start();
    post(giveWayToTheWindow);
}

Worker::~Worker() {
    post([this] { m_thread.quit(); });
    m_thread.wait();
}

void Worker::post(std::function<void()> work) {
    QMetaObject::invokeMethod(m_receiver, std::move(work), Qt::QueuedConnection);
}

} // namespace app
