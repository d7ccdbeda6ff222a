// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/jobs/evaluation.h"
#include "engine/memory.h"
#include "engine/train/batch.h"

#include <chrono>

namespace engine {

namespace {

/// Mean cross entropy of all counted tokens, for a loss on more than the answer.
double lossOnAll(const Decoder& decoder, const std::vector<Sample>& samples, std::stop_token stop) {
    SampleList list;
    for (const Sample& sample : samples) list.push_back(&sample);
    double sum = 0;
    std::int64_t counted = 0;
    for (const SampleSpan part : splitBatch(list, 0, 4096)) {
        if (stop.stop_requested()) throw StopRequested{};
        const Batch batch = makeBatch(part, 1);
        sum += decoder.loss(batch.pack, batch.targets);
        counted += batch.counted;
    }
    return counted > 0 ? sum / static_cast<double>(counted) : 0;
}

} // namespace

void LoadedModel::packForTraining() {
    const auto begin = std::chrono::steady_clock::now();
    decoder.packForBatches(true);
    seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

LoadedModel loadModel(const Setup& setup, bool training, const Sink& sink, std::stop_token stop) {
    const auto begin = std::chrono::steady_clock::now();
    LoadedModel model{Decoder::load(setup.model, setup.precision, sink, std::move(stop), setup.device)};
    model.decoder.packForBatches(training);
    model.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    return model;
}

Done evaluateAsRun(const Decoder& decoder, const Setup& setup, const NewRun& run, Done done, Runs& runs, const Sink& sink,
                   std::stop_token stop, JobState& state) {
    done.run = state.run = runs.begin(run);
    state.recorded = true;
    Recorder recorder(runs, state.run, sink, stop);
    const Stage stage = run.kind == RunKind::Baseline ? Stage::Baseline : Stage::Evaluate;
    return evaluateAndFinish(decoder, setup, stage, std::move(done), runs, recorder, std::move(stop));
}

EvalEvent evaluateSplit(const Decoder& decoder, const Setup& setup, std::stop_token stop) {
    const Classified classified =
        classify(decoder, setup.tokenizer, setup.eval, setup.answers, setup.experiment.evaluate, {}, {}, stop);
    EvalEvent event;
    event.loss = setup.experiment.train.loss_on == LossOn::All ? lossOnAll(decoder, setup.eval, stop) : classified.loss;
    event.measured = measured(score(classified.predictions, setup.answers.labels));
    return event;
}

Done evaluateAndFinish(const Decoder& decoder, const Setup& setup, Stage stage, Done done, Runs& runs, Recorder& recorder,
                       std::stop_token stop) {
    const auto begin = std::chrono::steady_clock::now();
    const Classified classified =
        classify(decoder, setup.tokenizer, setup.test, setup.answers, setup.experiment.evaluate, stage, recorder.sink(), stop);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    done.report = score(classified.predictions, setup.answers.labels);
    done.measured.set("test_loss", classified.loss);
    done.measured.set("seconds_evaluate", seconds);
    if (seconds > 0) done.measured.set("examples_per_second_evaluate", static_cast<double>(setup.test.size()) / seconds);
    done.measured.set("peak_rss_bytes", static_cast<double>(peakResidentBytes()));

    recorder.flush();
    recorder.whenFree([&] { runs.setReport(done.run, done.report, classified.predictions); });
    recorder.whenFree([&] { runs.setMeasured(done.run, done.measured); });
    recorder.whenFree([&] { done.measured = runs.summary(done.run).measured; });
    recorder.whenFree([&] { runs.finish(done.run, RunState::Done, ""); });
    return done;
}

} // namespace engine
