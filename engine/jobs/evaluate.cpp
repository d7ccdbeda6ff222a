// SPDX-License-Identifier: GPL-3.0-or-later
// The evaluation job: the base or an adapter on the test split; and which baseline an experiment already has.
#include "engine/files/sha256.h"
#include "engine/jobs/evaluation.h"
#include "engine/jobs/machine.h"
#include "engine/jobs/outcome.h"
#include "engine/train/adapter_io.h"
#include "engine/weights/hub.h"
#include "engine/weights/model_hash.h"

#include <chrono>
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

Outcome evaluated(const EvaluateJob& job, Runs& runs, const Sink& sink, std::stop_token stop, JobState& state) {
    useSensibleThreads();
    const std::filesystem::path adapter = adapterOf(job, runs);
    Setup setup = prepare(job.experiment, false, sink, stop);
    std::shared_ptr<Lora> lora;
    if (!adapter.empty()) {
        lora = loadAdapter(adapter, setup.config);
        warnOfOtherBase(adapter, setup.model, sink);
        setup.experiment.lora = lora->spec(); // what is evaluated, whatever the experiment says
    }
    const auto begin = std::chrono::steady_clock::now();
    Decoder decoder = Decoder::load(setup.model, setup.precision, sink, stop, setup.device);
    decoder.packForBatches(false);
    decoder.setAdapter(lora, false);
    Done done;
    done.seconds.load = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    done.adapter = adapter;

    NewRun run = newRun(setup.experiment, lora ? RunKind::Evaluate : RunKind::Baseline, setup.datasetSha256, setup.modelSha256,
                        setup.device);
    run.parent = job.run;
    done.run = state.run = runs.begin(run);
    state.recorded = true;
    Recorder recorder(runs, state.run, sink);
    return evaluateAndFinish(decoder, setup, lora ? "evaluate" : "baseline", std::move(done), runs, recorder, stop);
}

} // namespace

Outcome evaluate(const EvaluateJob& job, Runs& runs, const Sink& sink, std::stop_token stop) {
    JobState state;
    return concluded(runs, state, [&] { return evaluated(job, runs, sink, stop, state); });
}

std::optional<RunId> matchingBaseline(const Experiment& given, const Runs& runs) {
    const Experiment experiment = recorded(given);
    const std::filesystem::path model = resolveModel(experiment.model.path);
    const std::string data = sha256File(dataPath(experiment));
    return runs.matchingBaseline(newRun(experiment, RunKind::Baseline, data, modelSha256(model, {})));
}

} // namespace engine
