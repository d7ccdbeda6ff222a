// SPDX-License-Identifier: GPL-3.0-or-later
// A thread that does one thing after another, and gives way to the window's where both want a processor.
#pragma once
#include <QThread>
#include <functional>

namespace app {

class Worker {
public:
    explicit Worker(const QString& name);
    /// Waits until all that was posted is done: stop what is long before.
    ~Worker();
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;
    /// From any thread. `work` must not throw.
    void post(std::function<void()> work);

private:
    QThread m_thread;
    QObject* m_receiver; // lives on m_thread
};

} // namespace app
