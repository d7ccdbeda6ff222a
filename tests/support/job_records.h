// SPDX-License-Identifier: GPL-3.0-or-later
// What a job told while it ran, and what is found of it in the store.
#pragma once
#include "engine/events.h"
#include "engine/store/runs.h"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace testing_support {

/// What a sink heard.
struct Heard {
    std::vector<engine::Event> events;
    std::function<void(const engine::Event&)> then;
    engine::Sink sink() {
        return [this](const engine::Event& event) {
            events.push_back(event);
            if (then) then(event);
        };
    }
    template <class T> std::vector<T> all() const {
        std::vector<T> found;
        for (const engine::Event& event : events)
            if (const auto* one = std::get_if<T>(&event)) found.push_back(*one);
        return found;
    }
    bool warned(const std::string& text) const {
        for (const engine::LogEvent& log : all<engine::LogEvent>())
            if (log.message.find(text) != std::string::npos) return true;
        return false;
    }
};

inline const std::vector<engine::MetricPoint>* metric(const engine::RunDetail& detail, const std::string& name) {
    for (const auto& [key, points] : detail.metrics)
        if (key == name) return &points;
    return nullptr;
}

inline std::optional<engine::Artifact> artifact(const engine::RunDetail& detail, const std::string& kind) {
    for (const engine::Artifact& one : detail.artifacts)
        if (one.kind == kind) return one;
    return std::nullopt;
}

} // namespace testing_support
