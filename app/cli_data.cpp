// SPDX-License-Identifier: GPL-3.0-or-later
// tokenize, split and check: what needs no weights.
#include "app/cli.h"
#include "app/cli_check.h"
#include "app/cli_output.h"
#include "engine/data/split.h"
#include "engine/text/tokenizer.h"
#include "engine/weights/gguf.h"
#include "engine/weights/hub.h"

#include <iostream>
#include <memory>

namespace app {

namespace {

using namespace engine;

Tokenizer tokenizerOf(const std::string& model) {
    const std::filesystem::path path = resolveModel(model);
    return std::filesystem::is_directory(path) ? Tokenizer::fromFolder(path) : Tokenizer::fromGguf(GgufFile(path));
}

/// Throws Error naming the line.
Json parseLine(const std::string& line, std::int64_t number, const char* wanted) {
    Json value = Json::parse(line, nullptr, false);
    if (value.is_discarded())
        throw Error(ErrorCode::BadInput, "standard input:" + std::to_string(number) + ": this is no JSON.",
                    std::string("Give ") + wanted + " a line.");
    return value;
}

std::vector<std::int32_t> idsOf(const std::string& line, std::int64_t number, const Tokenizer& tokenizer) {
    const Json value = parseLine(line, number, "an array of token ids");
    std::vector<std::int32_t> ids;
    const auto refuse = [&](const std::string& what) {
        throw Error(ErrorCode::BadInput, "standard input:" + std::to_string(number) + ": " + what,
                    "Give an array of token ids a line, such as [1, 2, 3].");
    };
    if (!value.is_array()) refuse("this is no array.");
    for (const Json& id : value) {
        if (!id.is_number_integer()) refuse(id.dump(-1, ' ', false, Json::error_handler_t::replace) + " is no token id.");
        if (id < 0 || id >= tokenizer.size())
            refuse("there is no token " + id.dump() + "; the highest is " + std::to_string(tokenizer.size() - 1) + ".");
        ids.push_back(id.get<std::int32_t>());
    }
    return ids;
}

int tokenize(const Session& session, const std::string& model, bool decode) {
    const Tokenizer tokenizer = tokenizerOf(model);
    std::string line;
    for (std::int64_t number = 1; std::getline(std::cin, line); ++number) {
        if (decode) {
            const std::string text = tokenizer.decode(idsOf(line, number, tokenizer));
            if (session.json)
                printJson(text);
            else
                std::cout << text << '\n';
            continue;
        }
        if (session.json) {
            const Json text = parseLine(line, number, "a JSON string");
            if (!text.is_string())
                throw Error(ErrorCode::BadInput, "standard input:" + std::to_string(number) + ": this is no JSON string.",
                            "Give a JSON string a line.");
            line = text.get<std::string>();
        }
        std::cout << Json(tokenizer.encode(line)).dump() << '\n';
    }
    return kDone;
}

int split(const ExperimentArguments& arguments) {
    const Experiment experiment = arguments.load();
    const DataSpec& data = experiment.data;
    const Dataset dataset = makeDataset(openTable(dataPath(experiment), tableOptions(data)), data);
    const Splits splits = engine::split(dataset, data.split);
    const auto records = [&](const std::vector<std::size_t>& indexes) {
        std::vector<std::int64_t> list;
        for (const std::size_t index : indexes) list.push_back(dataset.examples[index].record);
        return list;
    };
    printJson({{"train", records(splits.train)}, {"eval", records(splits.eval)}, {"test", records(splits.test)}});
    return kDone;
}

} // namespace

void addData(CLI::App& root, Session& session) {
    struct Options {
        std::string model;
        bool decode = false;
        ExperimentArguments experiment;
        std::vector<std::string> paths;
    };
    const auto options = std::make_shared<Options>();
    CLI::App* command = root.add_subcommand("tokenize", "Token ids of standard input, a text a line");
    command->add_option("--model", options->model, "A Hugging Face folder, a .gguf file, a hub id, or default")
        ->type_name("M")
        ->required();
    command->add_flag("--decode", options->decode, "The other way: a JSON array of ids a line");
    command->callback([&session, options] {
        session.command = [&session, options] { return tokenize(session, options->model, options->decode); };
    });

    command = root.add_subcommand("split", "The record numbers of an experiment's splits, in order of use");
    options->experiment.add(*command);
    command->callback([&session, options] { session.command = [options] { return split(options->experiment); }; });

    command = root.add_subcommand("check", "What files are and all that is wrong with them");
    command->add_option("PATH", options->paths, "A table, YAML, model folder, GGUF, safetensors or adapter")->required();
    command->callback(
        [&session, options] { session.command = [&session, options] { return checkAll(session.json, options->paths); }; });
}

} // namespace app
