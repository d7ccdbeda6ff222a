// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/jobs/setup.h"
#include "engine/jobs/machine.h"
#include "engine/model/device.h"
#include "engine/prompt/doubts.h"
#include "engine/train/adapter_io.h"
#include "engine/weights/gguf.h"
#include "engine/weights/hub.h"
#include "engine/weights/model_hash.h"

#include <algorithm>

namespace engine {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostIssues = 10; // told one by one

bool isGguf(const fs::path& model) {
    return !fs::is_directory(model);
}

void checkSettings(const Experiment& experiment) {
    const std::vector<Issue> issues = validate(experiment);
    if (!hasErrors(issues)) return;
    std::string all;
    for (const Issue& issue : issues)
        if (issue.severity == Severity::Error) all += (all.empty() ? "" : "\n") + toString(issue);
    throw Error(ErrorCode::BadInput, all);
}

void tellIssues(const std::vector<Issue>& issues, const Sink& sink) {
    if (!sink) return;
    for (std::size_t i = 0; i < std::min(kMostIssues, issues.size()); ++i)
        sink(LogEvent{0, issues[i].severity, toString(issues[i])});
    if (issues.size() > kMostIssues)
        warn(sink, "There are " + std::to_string(issues.size() - kMostIssues) +
                       " more remarks like these; the Data page or phibench-cli check lists all.");
}

} // namespace

void warn(const Sink& sink, const std::string& message) {
    if (sink) sink(LogEvent{0, Severity::Warning, message});
}

void warnOfOtherBase(const fs::path& adapter, const fs::path& model, const Sink& sink) {
    if (const std::string base = otherBase(adapter, model); !base.empty())
        warn(sink, "The adapter " + adapter.string() + " says that it was trained on " + base + ", not on " + model.string() +
                       ": what it gives here may be nonsense.");
}

void tellStage(const Sink& sink, Stage stage) {
    if (sink) sink(ProgressEvent{0, stage, 0, 0, 0, -1});
}

Experiment recorded(const Experiment& experiment) {
    Experiment absolute = withAbsolutePaths(experiment);
    const fs::path model = experiment.model.path;
    std::error_code error;
    if (model.is_relative() && !findNamedModel(experiment.model.path)) {
        const fs::path beside = experiment.directory / model;
        // A hub id may look like a relative path: only what is there counts.
        if (fs::exists(beside, error)) absolute.model.path = fs::absolute(beside).lexically_normal().string();
    }
    return absolute;
}

NewRun newRunOf(const Setup& setup, RunKind kind) {
    NewRun run;
    run.name = setup.experiment.name;
    run.kind = kind;
    run.experimentYaml = toYaml(setup.experiment);
    run.params = paramsOf(setup.experiment);
    run.datasetSha256 = setup.datasetSha256;
    run.modelSha256 = setup.modelSha256;
    run.versions = versionsJson(setup.device.str());
    return run;
}

Tokenizer tokenizerOf(const fs::path& model) {
    return isGguf(model) ? Tokenizer::fromGguf(GgufFile(model)) : Tokenizer::fromFolder(model);
}

void checkTokenizer(const Tokenizer& tokenizer, const DecoderConfig& config, const fs::path& model) {
    if (tokenizer.size() <= config.vocab_size) return;
    throw Error(ErrorCode::BadInput,
                model.string() + ": the tokenizer has " + std::to_string(tokenizer.size()) +
                    " tokens, but the model's vocabulary has " + std::to_string(config.vocab_size) + ".",
                "Tokenizer and weights do not belong together: fetch the model again.");
}

Setup prepare(const Experiment& given, bool training, const Sink& sink, std::stop_token stop) {
    const auto checkStop = [&] {
        if (stop.stop_requested()) throw StopRequested{};
    };
    checkSettings(given);
    const Experiment experiment = recorded(given);
    const fs::path model = resolveModel(experiment.model.path);
    const DecoderConfig config = configOf(model);
    const at::Device device = chooseDevice(experiment.model.device);
    const Precision precision =
        parsePrecision(experiment.model.precision, experiment.model.compute, experiment.model.double_quant, !device.is_cpu());
    if (training) static_cast<void>(chooseTargets(config, experiment.lora.targets));

    tellStage(sink, Stage::ReadData);
    const Table table = openTable(dataPath(experiment), tableOptions(experiment.data), stop);
    const Dataset dataset = makeDataset(table, experiment.data);
    std::vector<Issue> issues = table.issues;
    issues.insert(issues.end(), dataset.issues.begin(), dataset.issues.end());
    tellIssues(issues, sink);
    tellIssues(promptDoubts(experiment.prompt, dataset, table.header), sink);
    const Splits splits = split(dataset, experiment.data.split);
    checkStop();

    Setup setup{experiment, model, config, precision, device, tokenizerOf(model), {}, {}, {}, {}, table.sha256(stop), {}};
    checkTokenizer(setup.tokenizer, config, model);
    // A generated answer needs positions too.
    const bool generates = experiment.evaluate.method == EvaluationMethod::Generate;
    const std::int64_t most =
        std::min(experiment.train.max_tokens, config.max_positions - (generates ? experiment.evaluate.max_new_tokens : 0));
    SampleEncoder encoder(setup.tokenizer, PromptTemplate(experiment.prompt, dataset.labels), dataset.labels, most,
                          experiment.train.loss_on == LossOn::All);
    setup.answers = encoder.answers();
    if (training) {
        setup.train = encoder.encode(dataset.examples, splits.train, stop);
        setup.eval = encoder.encode(dataset.examples, splits.eval, stop);
    }
    setup.test = encoder.encode(dataset.examples, splits.test, stop);
    if (encoder.cut() > 0)
        warn(sink, std::to_string(encoder.cut()) + (encoder.cut() == 1 ? " text was" : " texts were") +
                       " cut at the end to fit into " + std::to_string(most) + " tokens with the prompt (train.max_tokens).");
    if (generates)
        for (std::size_t i = 0; i < setup.answers.ids.size(); ++i)
            if (static_cast<std::int64_t>(setup.answers.ids[i].size()) > experiment.evaluate.max_new_tokens)
                warn(sink, "The label \"" + setup.answers.labels[i] + "\" is " + std::to_string(setup.answers.ids[i].size()) +
                               " tokens long, more than evaluate.max_new_tokens allows, so it cannot be found.");
    setup.modelSha256 = modelSha256(model, stop);
    checkStop();
    return setup;
}

} // namespace engine
