// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/runs_watcher.h"

#include <QFileInfo>

namespace app {

namespace {

constexpr int kSoonMs = 150, kAtLeastMs = 1500; // after the system told; without its telling

} // namespace

RunsWatcher::RunsWatcher(engine::Runs& runs, QObject* parent) : QObject(parent), m_runs(runs), m_version(runs.version()) {
    const QString file = QString::fromStdString(runs.file().string());
    m_files.addPath(QFileInfo(file).absolutePath()); // a journal comes and goes with every change
    connect(&m_files, &QFileSystemWatcher::directoryChanged, this, [this] { m_timer.start(kSoonMs); });
    connect(&m_timer, &QTimer::timeout, this, &RunsWatcher::look);
    m_timer.start(kAtLeastMs);
}

void RunsWatcher::look() {
    m_timer.start(kAtLeastMs);
    const auto version = m_runs.version();
    if (!version) return m_timer.start(kSoonMs); // being written just now
    if (std::exchange(m_version, version) != version) Q_EMIT changed();
}

} // namespace app
