// SPDX-License-Identifier: GPL-3.0-or-later
// Before and after as the engine goes about it, made of the jobs that a test fakes.
#pragma once
#include "app/jobs.h"

#include <optional>

namespace testing_support {

/// `found`: the baseline that there is already. Both outlive what is returned.
inline auto oneAfterTheOther(const app::Jobs& jobs, const std::optional<engine::RunId>& found) {
    using namespace engine;
    return [&jobs, &found](const Experiment& given, Runs& runs, const Sink& sink, std::stop_token stop, const Stages& stages) {
        Compared compared{found, {}};
        if (!found) {
            stages.begins(RunKind::Baseline);
            compared.outcome = jobs.evaluate({given, {}, {}}, runs, sink, stop);
            stages.ends(compared.outcome);
            const auto* evaluated = std::get_if<Done>(&compared.outcome);
            if (!evaluated) return compared;
            compared.baseline = evaluated->run;
        }
        stages.begins(RunKind::Train);
        compared.outcome = jobs.train({given, {}}, runs, sink, stop);
        stages.ends(compared.outcome);
        return compared;
    };
}

} // namespace testing_support
