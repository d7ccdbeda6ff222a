// SPDX-License-Identifier: GPL-3.0-or-later
// Recognises a path by its content and checks it as that.
#include "engine/check.h"
#include "engine/data/split.h"
#include "engine/jobs.h"
#include "engine/jobs/check_model.h"
#include "engine/prompt/doubts.h"
#include "engine/prompt/template.h"

#include <algorithm>
#include <chrono>
#include <fstream>

namespace engine {

namespace fs = std::filesystem;

std::string toString(FileKind kind) {
    switch (kind) {
    case FileKind::Table: return "table";
    case FileKind::Experiment: return "experiment";
    case FileKind::ModelFolder: return "model";
    case FileKind::Gguf: return "gguf";
    case FileKind::Safetensors: return "safetensors";
    case FileKind::Adapter: return "adapter";
    case FileKind::RunsFile: return "runs";
    case FileKind::Unknown: break;
    }
    return "unknown";
}

void addProblem(CheckResult& result, const Error& error) {
    // Errors begin with the file that they are of; an issue says it beside its message.
    const std::string path = result.path.string(), text = error.what();
    if (std::ranges::any_of(result.issues,
                            [&](const Issue& i) { return i.message == text || text == i.path + ": " + i.message; }))
        return; // met again on another way to it
    if (!text.starts_with(path)) return void(result.issues.push_back({Severity::Error, path, 0, 0, text}));
    const std::size_t colon = text.find(": "), blank = text.find(' ', path.size());
    if (colon == std::string::npos || blank < colon) return void(result.issues.push_back({Severity::Error, {}, 0, 0, text}));
    result.issues.push_back({Severity::Error, text.substr(0, colon), 0, 0, text.substr(colon + 2)});
}

namespace {

std::string lower(std::string text) {
    for (char& c : text)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return text;
}

bool hasTableEnding(const std::string& extension) {
    const auto isOne = [&](const char* ending) { return extension == std::string(".") + ending; };
    const auto sources = tableSources();
    return std::any_of(sources.begin(), sources.end(), [&](const TableSource& source) {
        return std::any_of(source.endings.begin(), source.endings.end(), isOne);
    });
}

// `source` is filled where it is a table.
FileKind kindOf(const fs::path& path, std::string& source) {
    if (fs::is_directory(path)) {
        for (const char* name : {"adapter_config.json", "adapter_model.safetensors", "adapters.safetensors"})
            if (fs::exists(path / name)) return FileKind::Adapter;
        return FileKind::ModelFolder;
    }
    std::ifstream in(path, std::ios::binary);
    std::string head(kTableHead, '\0');
    in.read(head.data(), static_cast<std::streamsize>(head.size()));
    head.resize(static_cast<std::size_t>(in.gcount()));
    const std::string extension = lower(path.extension().string());
    if (head.starts_with("GGUF") || extension == ".gguf") return FileKind::Gguf;
    if (head.starts_with(std::string_view("SQLite format 3\0", 16))) return FileKind::RunsFile;
    // A safetensors file begins with the length of its header, and that with "{".
    if (extension == ".safetensors" || (head.size() > 8 && head[8] == '{' && head[6] == '\0' && head[7] == '\0'))
        return FileKind::Safetensors;
    if (extension == ".yaml" || extension == ".yml") return FileKind::Experiment;
    const TableSource* const found = findSource(head);
    const bool isJson = extension == ".json" || extension == ".jsonl"; // any text may be a CSV, but what is called JSON is none
    if (isJson && (!found || found == &tableSources().back())) return FileKind::Unknown;
    if (!hasTableEnding(extension) && !found) return FileKind::Unknown;
    source = sourceFor(head).key;
    return FileKind::Table;
}

std::string tableTitles() {
    std::string all;
    for (const TableSource& source : tableSources()) all += (all.empty() ? "" : ", ") + std::string(source.title);
    return all;
}

void checkTable(CheckResult& result, std::stop_token stop) {
    CheckedTable facts;
    const auto begin = std::chrono::steady_clock::now();
    const Table table = openTable(result.path, {}, stop);
    facts.readSeconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    facts.records = table.recordCount;
    facts.facts = table.facts;
    facts.header = table.hasHeader;
    facts.columns = table.header;
    const ColumnGuess guess = guessColumns(table);
    facts.labelColumn = guess.label;
    facts.textColumn = guess.text;
    result.table = facts;
    result.issues = table.issues;
    if (guess.label < 0 || guess.text < 0) {
        if (guess.label >= 0) result.table->labelCounts = countValues(table, static_cast<std::size_t>(guess.label));
        result.issues.push_back({Severity::Warning, result.path.string(), 0, 0,
                                 std::string("No column looks like the ") + (guess.label < 0 ? "labels" : "text") +
                                     "; an experiment must name data.label and data.text."});
        return;
    }
    DataSpec spec;
    spec.label = std::to_string(guess.label);
    spec.text = std::to_string(guess.text);
    const std::vector<Issue> issues = checkDataset(table, spec, result.table->labelCounts);
    const auto known = [&](const Issue& issue) {
        return std::any_of(result.issues.begin(), result.issues.end(),
                           [&](const Issue& i) { return i.line == issue.line && i.message == issue.message; });
    };
    for (const Issue& issue : issues)
        if (!known(issue)) result.issues.push_back(issue);
}

void checkExperiment(CheckResult& result, std::stop_token stop) {
    const Experiment experiment = loadExperiment(result.path);
    const auto fact = [&](const std::string& name, const CheckResult::Value& value) { result.facts.emplace_back(name, value); };
    fact("name", experiment.name);
    fact("model", experiment.model.path);
    fact("csv", dataPath(experiment).string());
    for (const Issue& issue : validate(experiment)) result.issues.push_back(issue);
    const auto attempt = [&](const std::string& key, const auto& step) {
        try {
            step();
        } catch (const Error& error) { result.issues.push_back({Severity::Error, key, 0, 0, error.what()}); }
    };
    attempt("data", [&] {
        const DataSpec& data = experiment.data;
        const Table table = openTable(dataPath(experiment), tableOptions(data), stop);
        const Dataset dataset = makeDataset(table, data);
        fact("examples", static_cast<std::int64_t>(dataset.examples.size()));
        for (const Issue& issue : dataset.issues) result.issues.push_back(issue);
        attempt("data.split", [&] {
            const Splits splits = split(dataset, data.split);
            fact("train", static_cast<std::int64_t>(splits.train.size()));
            fact("eval", static_cast<std::int64_t>(splits.eval.size()));
            fact("test", static_cast<std::int64_t>(splits.test.size()));
        });
        attempt("prompt.template", [&] { PromptTemplate{experiment.prompt, dataset.labels}; });
        for (const Issue& issue : promptDoubts(experiment.prompt, dataset, table.header)) result.issues.push_back(issue);
    });
    attempt("model.path", [&] {
        const ModelFacts model = modelFacts(experiment.model.path);
        fact("parameters", model.parameters);
        fact("trainable_parameters", trainableParameters(experiment.model.path, experiment.lora));
    });
}

} // namespace

CheckResult check(const fs::path& path, std::stop_token stop) {
    CheckResult result;
    result.path = path;
    try {
        std::error_code problem;
        if (!fs::exists(path, problem))
            throw Error(ErrorCode::NotFound, path.string() + " does not exist.", "Is the path right?");
        // Opening a pipe would wait for whoever writes to it.
        if (!fs::is_regular_file(path, problem) && !fs::is_directory(path, problem))
            throw Error(ErrorCode::BadInput, path.string() + " is neither a file nor a folder.", "Save it to a file first.");
        if (std::ifstream probe(path); !probe)
            throw Error(ErrorCode::Io, path.string() + " cannot be opened.", "May you read it?");
        result.kind = kindOf(path, result.source);
        switch (result.kind) {
        case FileKind::Table: checkTable(result, stop); break;
        case FileKind::Experiment: checkExperiment(result, stop); break;
        case FileKind::ModelFolder: checkModelFolder(result); break;
        case FileKind::Gguf: checkGguf(result); break;
        case FileKind::Safetensors: checkSafetensors(result); break;
        case FileKind::Adapter: checkAdapter(result); break;
        case FileKind::RunsFile: break;
        case FileKind::Unknown:
            if (lower(path.extension().string()) == ".json")
                throw Error(ErrorCode::BadInput, path.string() + " is JSON, which says nothing alone.",
                            "Give the folder of the model or adapter that it belongs to.");
            for (const char* pickle : {".bin", ".pt", ".pth", ".pkl", ".ckpt"})
                if (lower(path.extension().string()) == pickle)
                    throw Error(ErrorCode::BadInput,
                                path.string() + " is a Python pickle by its name, which could run any code when opened.",
                                "Give weights as safetensors or GGUF.");
            throw Error(ErrorCode::BadInput, path.string() + " is no file that Phibench knows.",
                        "It knows " + tableTitles() + ", YAML, GGUF, safetensors, and folders of models and adapters.");
        }
    } catch (const Error& error) { addProblem(result, error); } catch (const fs::filesystem_error& error) {
        result.issues.push_back({Severity::Error, path.string(), 0, 0, error.code().message()});
    }
    return result;
}

} // namespace engine
