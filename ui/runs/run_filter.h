// SPDX-License-Identifier: GPL-3.0-or-later
// What is typed above the runs table: words, or conditions such as `r >= 16 and macro_f1 > 0.8`.
#pragma once
#include "engine/store/runs.h"

#include <QString>
#include <QStringList>
#include <functional>

namespace ui {

/// condition: FIELD = != < <= > >= ~ VALUE, joined by and, or, not and brackets; things side by side must both hold. A word or
/// "quoted words" alone are looked for in name, tags, note, kind and state. Values: 0.8, 80%, 2e-4, 5min, done, "two words"; ~
/// finds a part.
class RunFilter {
public:
    RunFilter() = default;
    /// Of text that means nothing, problem() says what and where, and everything matches.
    explicit RunFilter(const QString& text);

    bool matches(const engine::RunSummary& run) const { return !m_test || m_test(run); }
    QString problem() const { return m_problem; }
    bool isEmpty() const { return !m_test; }

    /// The names that conditions may use, for completion and help.
    static QStringList fields();

private:
    std::function<bool(const engine::RunSummary&)> m_test;
    QString m_problem;
};

} // namespace ui
