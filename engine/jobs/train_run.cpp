// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/jobs/train_run.h"
#include "engine/files/sha256.h"
#include "engine/footprint.h"
#include "engine/train/adapter_io.h"
#include "engine/train/checkpoint_settings.h"
#include "engine/weights/hub.h"

#include <utility>

namespace engine {

TrainRun::TrainRun(const Setup& setup, std::optional<RunId> resume, Runs& runs, const Sink& sink, std::stop_token stop,
                   JobState& state)
    : m_setup(setup), m_resume(resume), m_runs(runs), m_sink(sink), m_stop(std::move(stop)), m_state(state) {}

void TrainRun::check() {
    m_identity = {trainingSettings(m_setup.experiment), m_setup.datasetSha256, m_setup.modelSha256, {}};
    if (m_resume) m_checkpoint = findCheckpoint(*m_resume);
    m_steps = trainingSteps(m_setup.train.size(), m_setup.experiment.train);
    m_lora = std::make_shared<Lora>(m_setup.config, m_setup.experiment.lora,
                                    static_cast<std::uint64_t>(m_setup.experiment.train.seed));
    m_optimizer.emplace(*m_lora, m_setup.experiment.train.weight_decay);
    tellFootprint();
}

Done TrainRun::run(Decoder& decoder, double loadSeconds) {
    decoder.setAdapter(m_lora, true);
    if (m_checkpoint) m_training = readCheckpoint(*m_checkpoint, *m_lora, *m_optimizer, m_identity);
    begin();
    if (!fitted(decoder)) throw StopRequested{};
    Done done;
    done.run = m_state.run;
    done.measured.set("seconds_load", loadSeconds);
    if (m_training.seconds > 0) {
        done.measured.set("seconds_train", m_training.seconds);
        done.measured.set("examples_per_second_train", static_cast<double>(m_training.examples) / m_training.seconds);
    }
    done.adapter = save();
    return evaluateAndFinish(decoder, m_setup, Stage::Evaluate, std::move(done), m_runs, *m_recorder, m_stop);
}

/// Where to go on from; nothing when the run was stopped before its first checkpoint: it starts again from its first step,
/// which is the same. Throws Error(Io) where no checkpoint is whole.
std::optional<std::filesystem::path> TrainRun::findCheckpoint(RunId run) {
    const RunDetail detail = m_runs.detail(run);
    const std::string name = "Run " + std::to_string(run);
    if (detail.summary.kind != RunKind::Train)
        throw Error(ErrorCode::BadInput, name + " is no training, so it cannot be resumed.");
    if (detail.summary.state == RunState::Done)
        throw Error(ErrorCode::BadInput, name + " is finished, so there is nothing to go on with.", "Start a new run.");
    std::string changed;
    m_identity.recorded = detail.summary.params;
    for (const Difference& difference : diff(parseRecorded(detail.experimentYaml, name), m_setup.experiment))
        if (experimentField(difference.key).decidesTraining())
            changed +=
                (changed.empty() ? "" : ", ") + difference.key + " (" + difference.left + ", now " + difference.right + ")";
    const std::string hint = "Resume it with its own settings, or start a new run.";
    if (!changed.empty()) throw Error(ErrorCode::BadInput, name + " was begun with other settings: " + changed + ".", hint);
    if (detail.datasetSha256 != m_setup.datasetSha256)
        throw Error(ErrorCode::BadInput,
                    name + " was begun with other data: " + dataPath(m_setup.experiment).string() + " has changed since.", hint);
    if (detail.modelSha256 != m_setup.modelSha256)
        throw Error(ErrorCode::BadInput,
                    name + " was begun with another model: " + m_setup.model.string() + " has changed since.", hint);
    std::vector<std::string> damaged;
    auto found = newestCheckpoint(m_runs.artifactDirectory(run) / "checkpoints", damaged);
    if (!found && !damaged.empty())
        throw Error(ErrorCode::Io, damaged.front(),
                    name + " has no whole checkpoint to go on from: start a new run. The damaged one is left as it is.");
    for (const std::string& wrong : damaged) warn(m_sink, wrong + " An older state is used instead.");
    if (!found) warn(m_sink, name + " has no checkpoint yet, so it starts again from its first step.");
    return found;
}

void TrainRun::tellFootprint() const {
    if (!m_sink || !m_setup.device.is_cpu()) return; // it knows the processor's way
    const Footprint expected = footprint(m_setup.config, m_lora->parameterCount(), m_setup.experiment, lengthsOf(m_setup.train));
    m_sink(LogEvent{0, Severity::Note, toString(expected)});
}

void TrainRun::begin() {
    if (m_resume) {
        m_runs.reopen(m_state.run);
        m_state.recorded = true;
        m_runs.truncateMetrics(m_state.run, m_training.step);
    } else {
        m_state.run = m_runs.begin(newRunOf(m_setup, RunKind::Train));
        m_state.recorded = true;
    }
    m_state.step = m_training.step;
    if (m_checkpoint) m_state.checkpoint = *m_checkpoint;
    m_runs.setSteps(m_state.run, m_training.step, m_steps);
    m_folder = m_runs.artifactDirectory(m_state.run);
    m_recorder.emplace(m_runs, m_state.run, m_sink, m_stop);
    m_recorder->push(ProgressEvent{0, Stage::Train, m_training.step, m_steps, 0, -1});
}

bool TrainRun::fitted(Decoder& decoder) {
    Fit fit{decoder, *m_optimizer, m_setup.train, m_setup.experiment.train, {}, {}};
    if (!m_setup.eval.empty()) fit.evaluate = [this, &decoder] { return evaluateSplit(decoder, m_setup, m_stop); };
    fit.checkpoint = [this](const TrainState& state) {
        keepWhatIsHeld(); // a run killed later resumes from here: what led here must be in the store
        m_state.checkpoint = writeCheckpoint(checkpointFolder(), state, *m_lora, *m_optimizer, m_identity);
        m_recorder->keep({"checkpoint", m_state.checkpoint, checkpointSha256(m_state.checkpoint)});
        m_recorder->tryFlush();
    };
    const Sink sink = [this](const Event& event) {
        const auto* step = std::get_if<StepEvent>(&event);
        if (step) m_state.step = step->step;
        m_recorder->push(event);
        if (step)
            m_recorder->push(
                ProgressEvent{0, Stage::Train, step->step, step->steps, step->examples_per_second, step->eta_seconds});
    };
    try {
        const bool whole = engine::fit(fit, m_training, sink, m_stop);
        if (whole)
            m_recorder->tryFlush(); // what is left is written with the report
        else if (!m_recorder->tryFlush(m_runs.patience()))
            warn(m_sink, "The figures of the last steps could not be recorded. The checkpoint is whole: the run can go on.");
        return whole;
    } catch (...) {
        keepWhatIsHeld();
        throw;
    }
}

/// The steps so far; where the store cannot take them now they stay held.
void TrainRun::keepWhatIsHeld() {
    try {
        m_recorder->tryFlush();
    } catch (const Error&) {}
}

std::filesystem::path TrainRun::save() {
    tellStage(m_recorder->sink(), Stage::Save);
    const std::filesystem::path folder = m_folder / "adapter";
    const std::string& path = m_setup.experiment.model.path;
    saveAdapter(*m_lora, folder, findNamedModel(path) ? m_setup.model.string() : path);
    m_recorder->keep({"adapter", folder, sha256File(folder / "adapter_model.safetensors")});
    return folder;
}

} // namespace engine
