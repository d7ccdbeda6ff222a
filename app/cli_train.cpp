// SPDX-License-Identifier: GPL-3.0-or-later
// train and evaluate.
#include "app/cli.h"
#include "app/cli_compare.h"
#include "app/cli_signals.h"

#include <iostream>
#include <memory>

namespace app {

namespace {

using namespace engine;

void printDone(const Runs& runs, const Done& done) {
    const RunDetail detail = runs.detail(done.run);
    std::cout << "run " << done.run << " · " << detail.summary.name << " · " << wordOf(detail.summary.kind) << "\n"
              << reportText(done.report) << "\n";
    const auto text = [&](const char* key) { return valueText(measure(key).unit, done.measured[key].value_or(0)); };
    std::cout << "load " << text("seconds_load");
    if (done.measured["seconds_train"])
        std::cout << ", training " << text("seconds_train") << " (" << text("examples_per_second_train") << " examples/s)";
    std::cout << ", evaluation " << text("seconds_evaluate") << " (" << text("examples_per_second_evaluate")
              << " examples/s), peak memory " << text("peak_rss_bytes") << "\n";
    if (!done.adapter.empty()) std::cout << "adapter: " << done.adapter.string() << "\n";
    if (detail.summary.kind == RunKind::Baseline) return;
    const std::optional<RunId> baseline = runs.matchingBaseline(detail);
    if (!baseline) return;
    const RunDetail before = runs.detail(*baseline);
    if (!before.report) return;
    std::cout << "\nbefore (run " << *baseline << ", baseline): " << briefText(before.summary.measured, "   ") << "\n"
              << matrixText(before.report->confusion) << "accuracy "
              << differenceText(Unit::Share, done.report.accuracy - before.report->accuracy) << "\n";
}

/// As far as that can be read: another process may hold the file.
bool isEvaluation(const Runs& runs, RunId run) {
    try {
        return runs.summary(run).kind != RunKind::Train;
    } catch (const Error&) { return false; }
}

std::string stoppedSentence(const Runs& runs, const Stopped& stopped) {
    if (stopped.run == 0) return "Stopped before a run began.";
    const std::string run = "Run " + std::to_string(stopped.run) + " was stopped";
    if (isEvaluation(runs, stopped.run)) return run + "; an evaluation begins anew the next time.";
    return run + " after step " + std::to_string(stopped.step) + ".";
}

/// Of an outcome that is not done.
void tellUnfinished(const Session& session, const Runs& runs, const Outcome& outcome) {
    if (const auto* stopped = std::get_if<Stopped>(&outcome)) {
        const std::string run = std::to_string(stopped->run);
        std::string sentence = stoppedSentence(runs, *stopped);
        if (!stopped->checkpoint.empty())
            sentence += " Its checkpoint is " + stopped->checkpoint.string() + "; train --resume " + run + " goes on from there.";
        printProblem(sentence);
    } else if (const auto* failed = std::get_if<Failed>(&outcome)) {
        printError(session.json, failed->code, failed->message, failed->hint);
    }
}

/// A run is whole where its reader went away; what was told of it is not.
void checkToldOf(RunId id) {
    std::cout.flush();
    const std::string run = std::to_string(id);
    if (!std::cout) throw outputLost("Run " + run + " is done and recorded (phibench-cli runs show " + run + "), but ");
}

int finish(const Session& session, const Runs& runs, const Outcome& outcome) {
    const auto* done = std::get_if<Done>(&outcome);
    if (!done)
        tellUnfinished(session, runs, outcome);
    else if (session.json)
        writeJson(resultOf(*done));
    else
        printDone(runs, *done);
    if (done) checkToldOf(done->run);
    return exitCodeOf(outcome);
}

int finish(const Session& session, const Runs& runs, const Compared& compared) {
    const auto* done = std::get_if<Done>(&compared.outcome);
    if (!done || !compared.baseline) return finish(session, runs, compared.outcome);
    const Comparison comparison = compare(runs, {*compared.baseline, done->run});
    if (session.json) {
        Json result = resultOf(*done);
        result["baseline"] = *compared.baseline;
        result["comparison"] = comparisonJson(comparison);
        writeJson(result);
    } else
        std::cout << comparisonText(comparison) << "adapter: " << done->adapter.string() << "\n";
    checkToldOf(done->run);
    return kDone;
}

struct Options {
    ExperimentArguments experiment;
    std::string adapter;
    RunId run = 0;
    bool compare = false;
};

/// Read before a runs file is made, so that a bad experiment leaves none behind.
TrainJob jobOf(const Session& session, const Options& options) {
    if (options.run == 0) return {options.experiment.load(), {}};
    const RunDetail detail = Runs(session.existingRunsFile()).detail(options.run);
    return {options.experiment.loadOver(parseRecorded(detail.experimentYaml, "Run " + std::to_string(options.run))), options.run};
}

int train(const Session& session, const Options& options) {
    const TrainJob job = jobOf(session, options);
    const std::stop_token stop = stopOnSignals(); // from here on: an experiment may come from a pipe that nobody writes to
    Runs runs(session.runsFile());
    Progress progress(session.json);
    if (options.compare) {
        const Compared compared = trainAndCompare(job.experiment, runs, progress.sink(), stop, {});
        progress.clear();
        return finish(session, runs, compared);
    }
    const Outcome outcome = engine::train(job, runs, progress.sink(), stop);
    progress.clear();
    return finish(session, runs, outcome);
}

int evaluate(const Session& session, const Options& options) {
    EvaluateJob job;
    job.experiment = options.experiment.load();
    job.adapter = options.adapter;
    if (options.run > 0) job.run = options.run;
    const std::stop_token stop = stopOnSignals();
    Runs runs(session.runsFile());
    Progress progress(session.json);
    const Outcome outcome = engine::evaluate(job, runs, progress.sink(), stop);
    progress.clear();
    return finish(session, runs, outcome);
}

} // namespace

void addTrain(CLI::App& root, Session& session) {
    const auto options = std::make_shared<Options>();
    CLI::App* command = root.add_subcommand("train", "Train an adapter and evaluate it on the test split");
    options->experiment.add(*command);
    CLI::Option* resume = command->add_option("--resume", options->run, "Go on from this run's checkpoint");
    resume->type_name("RUN")->check(atLeast(1));
    command
        ->add_flag("--compare", options->compare,
                   "Evaluate the model as it is first, unless that is recorded already, and compare the two runs")
        ->excludes(resume);
    command->callback([&session, options] { session.command = [&session, options] { return train(session, *options); }; });

    const auto evaluation = std::make_shared<Options>();
    command = root.add_subcommand("evaluate", "Evaluate the model as it is, or an adapter, on the test split");
    evaluation->experiment.add(*command);
    CLI::Option* adapter = command->add_option("--adapter", evaluation->adapter, "The adapter's folder")->type_name("DIR");
    command->add_option("--run", evaluation->run, "The run whose adapter to evaluate")
        ->type_name("RUN")
        ->check(atLeast(1))
        ->excludes(adapter);
    command->callback(
        [&session, evaluation] { session.command = [&session, evaluation] { return evaluate(session, *evaluation); }; });
}

} // namespace app
