// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/error.h"

#include <algorithm>

namespace engine {

std::string toString(const Issue& issue) {
    std::string where = issue.path;
    if (issue.line > 0) where += (where.empty() ? "line " : ":") + std::to_string(issue.line);
    if (issue.line > 0 && issue.column > 0) where += ":" + std::to_string(issue.column);
    return where.empty() ? issue.message : where + ": " + issue.message;
}

bool hasErrors(const std::vector<Issue>& issues) {
    return std::any_of(issues.begin(), issues.end(), [](const Issue& i) { return i.severity == Severity::Error; });
}

} // namespace engine
