// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/jobs/outcome.h"

#include <c10/util/Exception.h>
#include <new>

namespace engine {

namespace {

Error outOfMemory() {
    return Error(ErrorCode::OutOfMemory, "There is not enough memory.",
                 "Lower train.micro_batch_size, train.max_tokens or evaluate.batch_size, or choose a smaller model.");
}

void endInStore(Runs& runs, const JobState& state, RunState ended, const std::string& reason) {
    if (!state.recorded) return;
    try {
        runs.finish(state.run, ended, reason);
    } catch (const std::exception&) {
        // The store itself may be what failed. Unless it can be told later, the next process finds the run interrupted.
        runs.finishLater(state.run, ended, reason);
    }
}

} // namespace

Error currentError() {
    try {
        throw;
    } catch (const Error& error) { return error; } catch (const std::bad_alloc&) {
        return outOfMemory();
    } catch (const c10::Error& error) {
        const std::string text = error.what_without_backtrace();
        if (text.find("allocate memory") != std::string::npos) return outOfMemory();
        return Error(ErrorCode::Internal, "libtorch: " + text);
    } catch (const std::filesystem::filesystem_error& error) {
        return Error(ErrorCode::Io, error.path1().string() + ": " + error.code().message() + ".");
    } catch (const std::exception& error) { return Error(ErrorCode::Internal, error.what()); } catch (...) {
        return Error(ErrorCode::Internal, "An unknown failure.");
    }
}

Outcome concluded(Runs& runs, JobState& state, const std::function<Outcome()>& work) {
    try {
        return work();
    } catch (const StopRequested&) {
        endInStore(runs, state, RunState::Stopped, "stopped by the user");
        return Stopped{state.run, state.checkpoint, state.step};
    } catch (...) {
        const Error error = currentError();
        endInStore(runs, state, RunState::Failed, error.what());
        return Failed{state.run, error.code(), error.message(), error.hint()};
    }
}

} // namespace engine
