// SPDX-License-Identifier: GPL-3.0-or-later
// phibench-cli's entry: arguments, the one place where errors become exit codes.
#include "app/cli.h"
#include "app/cli_output.h"
#include "engine/jobs.h"
#include "engine/words/nearest.h"
#include "engine/words/quoting.h"

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <iostream>

namespace app {

std::filesystem::path Session::existingRunsFile() const {
    const std::filesystem::path file = runsFile();
    if (!std::filesystem::exists(file))
        throw engine::Error(engine::ErrorCode::NotFound, "There is no runs file at " + file.string() + ".",
                            "Train something first, or name another with --db.");
    return file;
}

CLI::Validator atLeast(std::int64_t least) {
    return CLI::Validator(
        [least](const std::string& text) {
            std::int64_t value = 0;
            const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
            if (problem == std::errc{} && end == text.data() + text.size() && value >= least) return std::string();
            return "\"" + text + "\" is no whole number from " + std::to_string(least) + " on";
        },
        "");
}

void ExperimentArguments::add(CLI::App& command) {
    command.add_option("EXPERIMENT", file, "The experiment's YAML file")->type_name("FILE");
    command.add_option("--set", settings, "Change a setting, e.g. lora.r=8; may be given several times")
        ->type_name("KEY=VALUE")
        ->allow_extra_args(false);
}

engine::Experiment ExperimentArguments::load() const {
    if (file.empty())
        throw engine::Error(engine::ErrorCode::BadInput, "No experiment was named.", "Give the path of its YAML file.");
    engine::Experiment experiment = engine::loadExperiment(file);
    apply(experiment);
    return experiment;
}

engine::Experiment ExperimentArguments::loadOver(engine::Experiment recorded) const {
    engine::Experiment experiment = file.empty() ? std::move(recorded) : engine::loadExperiment(file, recorded);
    apply(experiment);
    return experiment;
}

void ExperimentArguments::apply(engine::Experiment& experiment) const {
    for (const std::string& assignment : settings)
        engine::applySettingFrom(experiment, assignment, std::filesystem::current_path());
}

namespace {

int exitCode(engine::ErrorCode code) {
    return code == engine::ErrorCode::BadInput || code == engine::ErrorCode::NotFound ? kBadInput : kFailed;
}

/// The options that stand before or after every command, which CLI11 shows with the program only.
void tellCommonOptions(CLI::App& command) {
    for (CLI::App* sub : command.get_subcommands([](const CLI::App*) { return true; })) {
        if (!sub->get_name().empty())
            sub->footer("Options of every command:\n  --json                      Events and the result on standard output as "
                        "JSON Lines\n"
                        "  --db FILE                   The runs file");
        tellCommonOptions(*sub);
    }
}

/// Throws Error(BadInput) where the first word is no verb, with the nearest one.
void requireVerb(const CLI::App& root, int argc, const char* const* argv) {
    int at = 1;
    while (at < argc && argv[at][0] == '-') at += std::string_view(argv[at]) == "--db" ? 2 : 1;
    if (at >= argc) return;
    std::vector<std::string> verbs;
    for (const CLI::App* verb : root.get_subcommands([](const CLI::App*) { return true; })) verbs.push_back(verb->get_name());
    const std::string word = argv[at];
    if (std::find(verbs.begin(), verbs.end(), word) != verbs.end()) return;
    const std::string near = engine::nearestKey(word, verbs);
    throw engine::Error(engine::ErrorCode::BadInput, "There is no command " + engine::quote(word) + ".",
                        near.empty() ? "phibench-cli --help lists them." : "Did you mean " + near + "?");
}

int run(Session& session) {
    try {
        const int code = session.command();
        std::cout.flush();
        if (code == kDone && !std::cout) throw outputLost();
        return code;
    } catch (const engine::StopRequested&) {
        printProblem("Stopped.");
        return kStopped;
    } catch (const engine::Error& error) {
        printError(session.json, error.code(), error.message(), error.hint());
        return exitCode(error.code());
    } catch (const std::bad_alloc&) {
        printError(session.json, engine::ErrorCode::OutOfMemory, "There is not enough memory.",
                   "Close other programs or choose a smaller model.");
    } catch (const std::exception& error) { printError(session.json, engine::ErrorCode::Internal, error.what(), {}); }
    return kFailed;
}

} // namespace

int exitCodeOf(const engine::Outcome& outcome) {
    if (std::holds_alternative<engine::Stopped>(outcome)) return kStopped;
    if (const auto* failed = std::get_if<engine::Failed>(&outcome)) return exitCode(failed->code);
    return kDone;
}

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN); // a reader that is gone is an error like any other, so that a run ends in order
    Session session;
    CLI::App root("Fine-tune and evaluate small language models with LoRA on a labelled CSV.", "phibench-cli");
    root.set_version_flag("--version",
                          [] { return std::string("phibench-cli " PHIBENCH_VERSION "\n") + engine::engineDescription(); });
    root.add_flag("--json", session.json, "Events and the result on standard output as JSON Lines");
    root.add_option("--db", session.db, "The runs file")->type_name("FILE");
    root.require_subcommand(1);
    root.fallthrough();
#define VERBS(name) add##name(root, session);
#include "app/cli_verbs.h"
#undef VERBS
    tellCommonOptions(root);
    try {
        requireVerb(root, argc, argv);
        root.parse(argc, argv);
    } catch (const engine::Error& error) {
        printError(session.json, error.code(), error.message(), error.hint());
        return exitCode(error.code());
    } catch (const CLI::ParseError& error) { return root.exit(error, std::cout, std::cerr) == 0 ? kDone : kBadInput; }
    return run(session);
}

} // namespace app

int main(int argc, char** argv) {
    const int code = app::main(argc, argv);
    std::fflush(nullptr);
    std::_Exit(code); // everything of ours is closed; libtorch takes 65 ms to unregister its operators
}
