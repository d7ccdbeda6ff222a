// SPDX-License-Identifier: GPL-3.0-or-later
// The training job, alone and with the model as it was beside it.
#include "engine/jobs/machine.h"
#include "engine/jobs/train_run.h"

#include <optional>

namespace engine {

namespace {

/// One setup and one decoder for before and after.
class BeforeAndAfter {
public:
    BeforeAndAfter(const Experiment& experiment, Runs& runs, const Sink& sink, const std::stop_token& stop, const Stages& stages)
        : m_experiment(experiment), m_runs(runs), m_sink(sink), m_stop(stop), m_stages(stages) {}

    Compared run() {
        Compared compared;
        compared.outcome = concluded(m_runs, m_before, [&] { return before(compared.baseline); });
        const auto* done = std::get_if<Done>(&compared.outcome);
        if (!compared.baseline || !done) tell(m_stages.ends, compared.outcome);
        if (!done) return compared;
        compared.baseline = done->run;
        tell(m_stages.begins, RunKind::Train);
        compared.outcome = concluded(m_runs, m_after, [&] { return after(); });
        tell(m_stages.ends, compared.outcome);
        return compared;
    }

private:
    template <typename Listener, typename What> static void tell(const Listener& listener, const What& what) {
        if (listener) listener(what);
    }

    /// The baseline; only its number where it was `found`.
    Outcome before(std::optional<RunId>& found) {
        useSensibleThreads();
        m_setup.emplace(prepare(m_experiment, true, m_sink, m_stop));
        m_training.emplace(*m_setup, std::nullopt, m_runs, m_sink, m_stop, m_after);
        m_training->check();
        found = m_runs.matchingBaseline(newRunOf(*m_setup, RunKind::Baseline));
        if (!found) tell(m_stages.begins, RunKind::Baseline);
        m_model.emplace(loadModel(*m_setup, found.has_value(), m_sink, m_stop));
        Done done;
        if (found) {
            done.run = *found;
            return done;
        }
        done.measured.set("seconds_load", m_model->seconds);
        return evaluateAsRun(m_model->decoder, *m_setup, newRunOf(*m_setup, RunKind::Baseline), std::move(done), m_runs, m_sink,
                             m_stop, m_before);
    }

    Outcome after() {
        if (m_stop.stop_requested()) throw StopRequested{};
        if (m_before.recorded) m_model->packForTraining();
        return m_training->run(m_model->decoder, m_model->seconds);
    }

    const Experiment& m_experiment;
    Runs& m_runs;
    const Sink& m_sink;
    std::stop_token m_stop;
    const Stages& m_stages;
    JobState m_before, m_after;
    std::optional<Setup> m_setup;
    std::optional<TrainRun> m_training;
    std::optional<LoadedModel> m_model;
};

} // namespace

Outcome train(const TrainJob& job, Runs& runs, const Sink& sink, std::stop_token stop) {
    JobState state;
    return concluded(runs, state, [&]() -> Outcome {
        useSensibleThreads();
        if (job.resume) state.run = *job.resume;
        const Setup setup = prepare(job.experiment, true, sink, stop);
        TrainRun training(setup, job.resume, runs, sink, stop, state);
        training.check();
        LoadedModel model = loadModel(setup, true, sink, stop);
        return training.run(model.decoder, model.seconds);
    });
}

Compared trainAndCompare(const Experiment& experiment, Runs& runs, const Sink& sink, std::stop_token stop, const Stages& stages) {
    return BeforeAndAfter(experiment, runs, sink, stop, stages).run();
}

} // namespace engine
