// SPDX-License-Identifier: GPL-3.0-or-later
// Tells when another process has written the runs file.
#pragma once
#include "engine/store/runs.h"

#include <QFileSystemWatcher>
#include <QObject>
#include <QTimer>

namespace app {

class RunsWatcher : public QObject {
    Q_OBJECT
public:
    explicit RunsWatcher(engine::Runs& runs, QObject* parent = nullptr);

Q_SIGNALS:
    void changed();

private:
    void look();

    engine::Runs& m_runs;
    QFileSystemWatcher m_files; // where the system tells; else the timer alone finds it
    QTimer m_timer;
    std::optional<std::int64_t> m_version;
};

} // namespace app
