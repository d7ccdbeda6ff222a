// SPDX-License-Identifier: GPL-3.0-or-later
// A job's events on their way from its thread to the window's.
#pragma once
#include "engine/events.h"

#include <QList>
#include <mutex>

namespace app {

class EventBuffer {
public:
    /// True when nothing was waiting: the reader must be woken. A matrix or progress of the same stage replaces the one it
    /// follows.
    bool push(const engine::Event& event);
    QList<engine::Event> take();

private:
    std::mutex m_mutex;
    QList<engine::Event> m_events;
};

/// 0: not known yet.
engine::RunId runOfEvent(const engine::Event& event);

} // namespace app
