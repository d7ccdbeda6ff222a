// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/event_buffer.h"

namespace app {

namespace {

/// `newer` says all that `older` said.
bool replaces(const engine::Event& older, const engine::Event& newer) {
    if (runOfEvent(older) != runOfEvent(newer)) return false;
    if (std::holds_alternative<engine::MatrixEvent>(older)) return std::holds_alternative<engine::MatrixEvent>(newer);
    const auto* before = std::get_if<engine::ProgressEvent>(&older);
    const auto* after = std::get_if<engine::ProgressEvent>(&newer);
    return before && after && before->stage == after->stage;
}

} // namespace

engine::RunId runOfEvent(const engine::Event& event) {
    return std::visit([](const auto& e) { return e.run; }, event);
}

bool EventBuffer::push(const engine::Event& event) {
    const std::lock_guard lock(m_mutex);
    const bool first = m_events.isEmpty();
    // The matrix and its stage's progress come in turns.
    for (qsizetype back = 1; back <= 2 && back <= m_events.size(); ++back) {
        engine::Event& older = m_events[m_events.size() - back];
        if (!replaces(older, event)) continue;
        older = event;
        return first;
    }
    m_events.append(event);
    return first;
}

QList<engine::Event> EventBuffer::take() {
    const std::lock_guard lock(m_mutex);
    return std::exchange(m_events, {});
}

} // namespace app
