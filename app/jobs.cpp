// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/jobs.h"

#include <memory>

namespace app {

using namespace engine;

Jobs engineJobs() {
    Jobs jobs;
    jobs.train = [](const TrainJob& job, Runs& runs, const Sink& sink, std::stop_token stop) {
        return train(job, runs, sink, stop);
    };
    jobs.evaluate = [](const EvaluateJob& job, Runs& runs, const Sink& sink, std::stop_token stop) {
        return evaluate(job, runs, sink, stop);
    };
    jobs.trainAndCompare = [](const Experiment& experiment, Runs& runs, const Sink& sink, std::stop_token stop,
                              const Stages& stages) { return trainAndCompare(experiment, runs, sink, stop, stages); };
    jobs.openTable = [](const std::filesystem::path& path, const TableOptions& options, std::stop_token stop) {
        return openTable(path, options, stop);
    };
    jobs.modelFacts = [](const std::string& model) { return modelFacts(model); };
    jobs.trainableParameters = [](const std::string& model, const LoraSpec& lora) { return trainableParameters(model, lora); };
    jobs.openPlayground = [](const std::string& model, const std::string& precision, const std::filesystem::path& adapter,
                             const Sink& sink, std::stop_token stop) -> Generate {
        const auto playground = std::make_shared<Playground>(model, precision, adapter, sink, stop);
        return [playground](const std::string& prompt, const GenerateOptions& options, bool useAdapter, int column,
                            const Sink& tokens, std::stop_token token) {
            return playground->generate(prompt, options, useAdapter, column, tokens, token);
        };
    };
    jobs.exporters = exporters();
    return jobs;
}

} // namespace app
