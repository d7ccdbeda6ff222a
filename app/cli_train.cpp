// SPDX-License-Identifier: GPL-3.0-or-later
// train and evaluate.
#include "app/cli.h"
#include "app/cli_output.h"
#include "app/cli_signals.h"

#include <iostream>
#include <memory>

namespace app {

namespace {

using namespace engine;

void printDone(const Runs& runs, const Done& done) {
    const RunDetail detail = runs.detail(done.run);
    std::cout << "run " << done.run << " · " << detail.summary.name << " · " << toString(detail.summary.kind) << "\n"
              << reportText(done.report) << "\n";
    std::cout << "load " << secondsText(done.seconds.load);
    if (done.seconds.train > 0)
        std::cout << ", training " << secondsText(done.seconds.train) << " (" << numberText(done.trainExamplesPerSecond, 1)
                  << " examples/s)";
    std::cout << ", evaluation " << secondsText(done.seconds.evaluate) << " (" << numberText(done.evaluateExamplesPerSecond, 1)
              << " examples/s), peak memory " << bytesText(done.peakRssBytes) << "\n";
    if (!done.adapter.empty()) std::cout << "adapter: " << done.adapter.string() << "\n";
    if (detail.summary.kind == RunKind::Baseline) return;
    const std::optional<RunId> baseline = runs.matchingBaseline(likeOf(detail));
    if (!baseline) return;
    const RunDetail before = runs.detail(*baseline);
    if (!before.report) return;
    std::cout << "\nbefore (run " << *baseline << ", baseline): accuracy " << numberText(before.report->accuracy, 4)
              << "   macro F1 " << numberText(before.report->macro_f1, 4) << "\n"
              << matrixText(before.report->confusion) << "accuracy "
              << signedPoints(done.report.accuracy - before.report->accuracy) << "\n";
}

int finish(const Session& session, const Runs& runs, const Outcome& outcome) {
    if (const auto* done = std::get_if<Done>(&outcome)) {
        if (session.json)
            printJson(resultOf(*done));
        else
            printDone(runs, *done);
    } else if (const auto* stopped = std::get_if<Stopped>(&outcome)) {
        std::string sentence =
            "Run " + std::to_string(stopped->run) + " was stopped after step " + std::to_string(stopped->step) + ".";
        if (!stopped->checkpoint.empty())
            sentence += " Its checkpoint is " + stopped->checkpoint.string() + "; train --resume " +
                        std::to_string(stopped->run) + " goes on from there.";
        printProblem(sentence);
    } else {
        const auto& failed = std::get<Failed>(outcome);
        printError(session.json, failed.code, failed.message, failed.hint);
    }
    return exitCodeOf(outcome);
}

struct Options {
    ExperimentArguments experiment;
    std::string adapter;
    RunId run = 0;
};

int train(const Session& session, const Options& options) {
    std::optional<RunId> resume;
    if (options.run > 0) resume = options.run;
    // Before the runs file is opened, so that a bad experiment leaves none behind.
    std::optional<Experiment> experiment;
    if (!options.experiment.file.empty() || !resume) experiment = options.experiment.load();
    const std::stop_token stop = stopOnSignals(); // from here on: an experiment may come from a pipe that nobody writes to
    Runs runs(session.runsFile());
    if (!experiment) experiment = options.experiment.load(runs.detail(*resume).experimentYaml);
    Progress progress(session.json);
    const Outcome outcome = engine::train({*experiment, resume}, runs, progress.sink(), stop);
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
    command->add_option("--resume", options->run, "Go on from this run's checkpoint")->type_name("RUN")->check(atLeast(1));
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
