// SPDX-License-Identifier: GPL-3.0-or-later
// export: a run in one of the formats that the exporters' list holds.
#include "app/cli.h"
#include "app/cli_output.h"
#include "app/cli_signals.h"
#include "engine/exports.h"

#include <iostream>
#include <memory>

namespace app {

namespace {

using namespace engine;

int exportRun(const Session& session, RunId id, const std::string& format, const std::filesystem::path& out,
              const ExportChoices& choices) {
    const Exporter& exporter = exporterNamed(exporters(), format);
    const Runs runs(session.existingRunsFile());
    const std::stop_token stop = stopOnSignals();
    Progress progress(session.json);
    const Exported done = engine::exportRun(exporter, runs, id, out, choices, progress.sink(), stop);
    progress.clear();
    for (const std::string& note : done.notes) std::cerr << note << '\n';
    if (!session.json) return kDone;
    Json result{{"event", "result"}, {"run", id}, {"format", format}, {"out", out.string()}};
    for (const auto& [name, fact] : done.facts) std::visit([&](const auto& value) { result[name] = value; }, fact);
    printJson(result);
    return kDone;
}

std::string helpOf(const std::vector<Exporter>& list) {
    std::string help;
    for (const Exporter& exporter : list) help += (help.empty() ? "" : "; ") + exporter.key + ": " + exporter.help;
    return help;
}

/// An option a key; formats may share one.
void addOptions(CLI::App& command, const std::vector<Exporter>& list, ExportChoices& choices) {
    for (const Exporter& exporter : list)
        for (const ExportOption& option : exporter.options) {
            if (command.get_option_no_throw("--" + option.key)) continue;
            std::string values;
            for (const std::string& value : option.values) values += (values.empty() ? "" : "|") + value;
            command
                .add_option_function<std::string>(
                    "--" + option.key, [&choices, key = option.key](const std::string& value) { choices[key] = value; },
                    "Of " + exporter.key + ": " + option.help + " (" + option.values.front() + " if not said)")
                ->type_name(values);
        }
}

} // namespace

void addExport(CLI::App& root, Session& session) {
    struct Options {
        RunId run = 0;
        std::string format, out;
        ExportChoices choices;
    };
    const auto options = std::make_shared<Options>();
    const std::vector<Exporter>& list = exporters();
    CLI::App* command = root.add_subcommand("export", "Write a run for other programs and people");
    command->add_option("RUN", options->run, "The run's number")->required()->check(atLeast(1));
    std::vector<std::string> keys;
    for (const Exporter& exporter : list) keys.push_back(exporter.key);
    command->add_option("--format", options->format, helpOf(list))->required()->check(CLI::IsMember(keys));
    addOptions(*command, list, options->choices);
    command->add_option("--out", options->out, "The file or folder to write")->type_name("PATH")->required();
    command->callback([&session, options] {
        session.command = [&session, options] {
            return exportRun(session, options->run, options->format, options->out, options->choices);
        };
    });
}

} // namespace app
