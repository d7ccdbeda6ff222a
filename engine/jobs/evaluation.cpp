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

EvalEvent evaluateSplit(const Decoder& decoder, const Setup& setup, std::stop_token stop) {
    const Classified classified =
        classify(decoder, setup.tokenizer, setup.eval, setup.answers, setup.experiment.evaluate, {}, {}, stop);
    const Report report = score(classified.predictions, setup.answers.labels);
    EvalEvent event;
    event.loss = setup.experiment.train.loss_on == "all" ? lossOnAll(decoder, setup.eval, stop) : classified.loss;
    event.accuracy = report.accuracy;
    event.macro_f1 = report.macro_f1;
    return event;
}

Done evaluateAndFinish(const Decoder& decoder, const Setup& setup, const std::string& stage, Done done, Runs& runs,
                       Recorder& recorder, std::stop_token stop) {
    const auto begin = std::chrono::steady_clock::now();
    const Classified classified =
        classify(decoder, setup.tokenizer, setup.test, setup.answers, setup.experiment.evaluate, stage, recorder.sink(), stop);
    done.seconds.evaluate = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    done.report = score(classified.predictions, setup.answers.labels);
    done.report.eval_loss = classified.loss;
    if (done.seconds.evaluate > 0)
        done.evaluateExamplesPerSecond = static_cast<double>(setup.test.size()) / done.seconds.evaluate;
    done.peakRssBytes = peakResidentBytes();

    recorder.flush();
    runs.setReport(done.run, done.report, classified.predictions);
    std::vector<std::pair<std::string, double>> figures{{"seconds_load", done.seconds.load},
                                                        {"seconds_evaluate", done.seconds.evaluate},
                                                        {"examples_per_second_evaluate", done.evaluateExamplesPerSecond},
                                                        {"peak_rss_bytes", static_cast<double>(done.peakRssBytes)}};
    if (done.seconds.train > 0) {
        figures.emplace_back("seconds_train", done.seconds.train);
        figures.emplace_back("examples_per_second_train", done.trainExamplesPerSecond);
    }
    runs.setFigures(done.run, figures);
    runs.finish(done.run, RunState::Done, "");
    return done;
}

} // namespace engine
