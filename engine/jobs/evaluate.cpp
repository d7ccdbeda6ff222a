// SPDX-License-Identifier: GPL-3.0-or-later
// The evaluation job: the base or an adapter on the test split.
#include "engine/exports/merge_source.h"
#include "engine/jobs/evaluation.h"
#include "engine/jobs/machine.h"
#include "engine/jobs/outcome.h"
#include "engine/train/adapter_io.h"
#include "engine/weights/hub.h"

#include <memory>
#include <optional>

namespace engine {

namespace {

std::filesystem::path adapterOf(const EvaluateJob& job, const Runs& runs) {
    if (!job.run) return job.adapter;
    for (const Artifact& artifact : runs.detail(*job.run).artifacts)
        if (artifact.kind == "adapter") return artifact.path;
    throw Error(ErrorCode::NotFound, "Run " + std::to_string(*job.run) + " has no adapter.",
                "Choose a training that is finished, or resume this one.");
}

/// A run's adapter may be tried on another model, but not on its own with other files.
void requireOwnModelUnchanged(const RunDetail& run, const Setup& setup) {
    bool own = false;
    try {
        const std::string path = parseRecorded(run.experimentYaml, "Run " + std::to_string(run.summary.id)).model.path;
        std::error_code unknown;
        own = std::filesystem::equivalent(resolveModel(path), setup.model, unknown);
    } catch (const Error&) {
        // Its own model is gone.
    }
    if (own) requireTrainedOn(run, setup.model, setup.modelSha256);
}

Outcome evaluated(const EvaluateJob& job, Runs& runs, const Sink& sink, std::stop_token stop, JobState& state) {
    useSensibleThreads();
    const std::filesystem::path adapter = adapterOf(job, runs);
    Setup setup = prepare(job.experiment, false, sink, stop);
    if (job.run) requireOwnModelUnchanged(runs.detail(*job.run), setup);
    std::shared_ptr<Lora> lora;
    if (!adapter.empty()) {
        lora = loadAdapter(adapter, setup.config);
        warnOfOtherBase(adapter, setup.model, sink);
        setup.experiment.lora = lora->spec(); // what is evaluated, whatever the experiment says
    }
    LoadedModel model = loadModel(setup, false, sink, stop);
    model.decoder.setAdapter(lora, false);
    Done done;
    done.measured.set("seconds_load", model.seconds);
    done.adapter = adapter;
    NewRun run = newRunOf(setup, lora ? RunKind::Evaluate : RunKind::Baseline);
    run.parent = job.run;
    return evaluateAsRun(model.decoder, setup, run, std::move(done), runs, sink, stop, state);
}

} // namespace

Outcome evaluate(const EvaluateJob& job, Runs& runs, const Sink& sink, std::stop_token stop) {
    JobState state;
    return concluded(runs, state, [&] { return evaluated(job, runs, sink, stop, state); });
}

} // namespace engine
