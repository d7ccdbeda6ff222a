// SPDX-License-Identifier: GPL-3.0-or-later
// models list and get.
#include "app/cli.h"
#include "app/cli_output.h"
#include "engine/architecture/config.h"
#include "engine/weights/hub.h"

#include <iostream>
#include <memory>

namespace app {

namespace {

using namespace engine;

int list(const Session& session) {
    Json models = Json::array();
    std::vector<std::vector<std::string>> rows{{"model", "name", "format", "parameters"}};
    for (const std::string& id : installedModels(readsModelType)) {
        try {
            const ModelFacts facts = modelFacts(id);
            models.push_back({{"model", id},
                              {"name", facts.name},
                              {"family", facts.family},
                              {"format", facts.format},
                              {"path", facts.path},
                              {"parameters", facts.parameters}});
            rows.push_back({id, facts.name, facts.format, std::to_string(facts.parameters)});
        } catch (const Error& error) { // one that cannot be loaded is listed with the reason
            models.push_back({{"model", id}, {"problem", error.what()}});
            rows.push_back({id, error.message()});
        }
    }
    if (session.json)
        printJson({{"event", "result"}, {"models", models}});
    else
        std::cout << tableText(rows);
    return kDone;
}

int get(const std::string& repo, const std::string& revision) {
    throw Error(ErrorCode::BadInput, "phibench-cli cannot download models from the hub yet.",
                "Download it with `huggingface-cli download " + repo + (revision.empty() ? "" : " --revision " + revision) +
                    "`: phibench finds it in the Hugging Face cache; or give --model the path of a folder.");
}

} // namespace

void addModels(CLI::App& root, Session& session) {
    CLI::App* command = root.add_subcommand("models", "Models that can be used");
    command->require_subcommand(1);
    command->add_subcommand("list", "Those that are here")->callback([&session] {
        session.command = [&session] { return list(session); };
    });
    struct Options {
        std::string repo, revision;
    };
    const auto options = std::make_shared<Options>();
    CLI::App* download = command->add_subcommand("get", "Download one from the Hugging Face hub");
    download->add_option("REPO", options->repo, "Its hub id: owner/name")->required();
    download->add_option("--revision", options->revision, "A branch, tag or commit")->type_name("R");
    download->callback([&session, options] { session.command = [options] { return get(options->repo, options->revision); }; });
}

} // namespace app
