// SPDX-License-Identifier: GPL-3.0-or-later
// Kernels run as on each kind of CPU that this one can play.
#pragma once
#include <hwy/highway.h>

#include <cstdint>
#include <vector>

namespace testing_support {

/// This CPU's dispatch targets, best first.
inline std::vector<std::int64_t> cpuTargets() {
    std::vector<std::int64_t> all;
    for (std::int64_t targets = hwy::SupportedTargets(); targets != 0; targets &= targets - 1) all.push_back(targets & -targets);
    return all;
}

/// Kernels run as on a CPU with this target, while it lives.
class OnTarget {
public:
    explicit OnTarget(std::int64_t target) { choose(target); }
    ~OnTarget() { choose(0); }
    OnTarget(const OnTarget&) = delete;
    OnTarget& operator=(const OnTarget&) = delete;

private:
    static void choose(std::int64_t target) {
        hwy::SetSupportedTargetsForTest(target);
        hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    }
};

} // namespace testing_support
