// SPDX-License-Identifier: GPL-3.0-or-later
// Issues of one file, few of each kind however many there are.
#pragma once
#include "engine/error.h"

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace engine {

/// Keeps the first kKept issues of a kind and counts the rest in one more issue.
class IssueList {
public:
    static constexpr std::int64_t kKept = 20;

    explicit IssueList(std::string path) : m_path(std::move(path)) {}

    /// `kind` names the rest ("records have too few or too many fields"); `message()` is only asked of those kept.
    template <class Message> void add(Severity severity, std::int64_t line, const char* kind, const Message& message) {
        Kind& group = of(severity, kind);
        if (++group.count <= kKept) m_issues.push_back(issue(severity, line, message()));
    }
    /// `count` more of a kind that has been added to, or none.
    void count(Severity severity, const char* kind, std::int64_t count) {
        if (count > 0) of(severity, kind).count += count;
    }
    /// Appends to `issues`.
    void moveTo(std::vector<Issue>& issues) {
        for (const Kind& kind : m_kinds) {
            if (kind.count > kKept)
                m_issues.push_back(issue(kind.severity, 0, std::to_string(kind.count - kKept) + " more " + kind.name + "."));
        }
        issues.insert(issues.end(), std::make_move_iterator(m_issues.begin()), std::make_move_iterator(m_issues.end()));
        m_issues.clear();
        m_kinds.clear();
    }

private:
    struct Kind {
        Severity severity;
        std::string name;
        std::int64_t count;
    };

    Kind& of(Severity severity, const char* name) {
        for (Kind& kind : m_kinds) {
            if (kind.name == name) return kind;
        }
        return m_kinds.emplace_back(Kind{severity, name, 0});
    }
    Issue issue(Severity severity, std::int64_t line, std::string message) const {
        constexpr std::int64_t kMost = std::numeric_limits<int>::max();
        return {severity, m_path, static_cast<int>(line < kMost ? line : kMost), 0, std::move(message)};
    }

    std::string m_path;
    std::vector<Issue> m_issues;
    std::vector<Kind> m_kinds;
};

} // namespace engine
