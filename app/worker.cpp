// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/worker.h"

namespace app {

Worker::Worker(const QString& name) : m_receiver(new QObject) {
    m_thread.setObjectName(name);
    m_receiver->moveToThread(&m_thread);
    QObject::connect(&m_thread, &QThread::finished, m_receiver, &QObject::deleteLater);
    m_thread.start();
}

Worker::~Worker() {
    post([this] { m_thread.quit(); });
    m_thread.wait();
}

void Worker::post(std::function<void()> work) {
    QMetaObject::invokeMethod(m_receiver, std::move(work), Qt::QueuedConnection);
}

} // namespace app
