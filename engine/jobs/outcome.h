// SPDX-License-Identifier: GPL-3.0-or-later
// The one place where what a job throws becomes its outcome.
#pragma once
#include "engine/jobs.h"

namespace engine {

/// What is being handled (called in a catch block) as an Error: of ours as it is, others translated.
Error currentError();

/// f's result; what it throws that is no Error is translated.
template <class F> auto translated(const F& f) {
    try {
        return f();
    } catch (const StopRequested&) { throw; } catch (...) {
        throw currentError();
    }
}

/// How far a job got, for whoever has to end it.
struct JobState {
    RunId run = 0;         // 0: not begun in the store
    bool recorded = false; // the store holds it as running
    std::filesystem::path checkpoint;
    std::int64_t step = 0;
};

/// Runs `work`; whatever it throws becomes Stopped or Failed, and a run that was begun is ended accordingly in the store.
Outcome concluded(Runs& runs, JobState& state, const std::function<Outcome()>& work);

} // namespace engine
