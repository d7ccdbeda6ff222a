// SPDX-License-Identifier: GPL-3.0-or-later
// generate and logits.
#include "app/cli.h"
#include "app/cli_file.h"
#include "app/cli_output.h"
#include "app/cli_signals.h"
#include "engine/files/new_file.h"
#include "engine/weights/hub.h"
#include "engine/weights/safetensors.h"

#include <iostream>
#include <memory>
#include <span>

namespace app {

namespace {

using namespace engine;

struct Options {
    std::string model = "default", precision = "auto", adapter;
    std::string prompt, promptFile;
    GenerateOptions generate;
    std::vector<std::int32_t> ids;
    std::string out;

    void add(CLI::App& command) {
        command.add_option("--model", model, "A Hugging Face folder, a .gguf file, a hub id, or " + namedModelsText())
            ->type_name("M")
            ->required();
        command.add_option("--adapter", adapter, "An adapter's folder")->type_name("DIR");
        command.add_option("--precision", precision, "auto, fp32, bf16 or nf4")
            ->check(CLI::IsMember({"auto", "fp32", "bf16", "nf4"}));
    }
};

int generate(const Session& session, const Options& options) {
    const std::string prompt = options.promptFile.empty() ? options.prompt : readWhole(options.promptFile);
    const std::stop_token stop = stopOnSignals();
    Progress progress(session.json);
    Playground playground(options.model, options.precision, options.adapter, progress.sink(), stop);
    const bool adapter = playground.hasAdapter();
    const Generated made = playground.generate(prompt, options.generate, adapter, adapter ? 1 : 0, progress.sink(), stop);
    progress.clear();
    if (session.json && !made.stopped)
        printJson({{"event", "result"},
                   {"ids", made.ids},
                   {"text", made.text},
                   {"tokens_per_second", {{"prefill", made.prefillTokensPerSecond}, {"decode", made.decodeTokensPerSecond}}}});
    if (!session.json) std::cout << '\n';
    std::cerr << made.ids.size() << " tokens; prompt " << numberText(made.prefillTokensPerSecond, 1) << " tokens/s, answer "
              << numberText(made.decodeTokensPerSecond, 1) << " tokens/s\n";
    return made.stopped ? kStopped : kDone;
}

int logits(const Session& session, const Options& options) {
    requireFreeFile(options.out);
    const std::stop_token stop = stopOnSignals();
    Progress progress(session.json);
    const Logits made = engine::logits(options.model, options.precision, options.adapter, options.ids, progress.sink(), stop);
    progress.clear();
    TensorView view;
    view.name = "logits";
    view.shape = {static_cast<std::int64_t>(options.ids.size()), made.vocabulary};
    view.bytes = std::as_bytes(std::span(made.values));
    writeSafetensors(options.out, {view}, {{"format", "pt"}});
    if (session.json) printJson({{"event", "result"}, {"out", options.out}, {"shape", view.shape}});
    return kDone;
}

} // namespace

void addGenerate(CLI::App& root, Session& session) {
    const auto options = std::make_shared<Options>();
    CLI::App* command = root.add_subcommand("generate", "Go on from a prompt");
    options->add(*command);
    auto* prompts = command->add_option_group("prompt");
    prompts->add_option("--prompt", options->prompt, "The prompt")->type_name("TEXT");
    prompts->add_option("--prompt-file", options->promptFile, "A file that holds the prompt; - is standard input")
        ->type_name("F");
    prompts->require_option(1);
    command->add_option("--max-new-tokens", options->generate.maxNewTokens, "At most this many tokens")
        ->capture_default_str()
        ->check(CLI::Range(0, 1'000'000));
    command->add_option("--temperature", options->generate.temperature, "0: the likeliest token")
        ->capture_default_str()
        ->check(CLI::Range(0.0, 100.0));
    command->add_option("--top-k", options->generate.topK, "Choose among the K likeliest; 0: all")
        ->capture_default_str()
        ->check(atLeast(0));
    command->add_option("--top-p", options->generate.topP, "Choose among the likeliest that together have this probability")
        ->capture_default_str()
        ->check(CLI::Range(0.0, 1.0));
    command->add_option("--seed", options->generate.seed, "Of the random choice")->capture_default_str();
    command->callback([&session, options] { session.command = [&session, options] { return generate(session, *options); }; });

    const auto logitsOptions = std::make_shared<Options>();
    command = root.add_subcommand("logits", "Write the logits of token ids as a safetensors file");
    logitsOptions->add(*command);
    command->add_option("--ids", logitsOptions->ids, "Token ids: 1,2,3")->delimiter(',')->required()->check(atLeast(0));
    command->add_option("--out", logitsOptions->out, "The file to write: tensor \"logits\" [T, V], float32")
        ->type_name("FILE")
        ->required();
    command->callback(
        [&session, logitsOptions] { session.command = [&session, logitsOptions] { return logits(session, *logitsOptions); }; });
}

} // namespace app
