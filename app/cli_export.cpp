// SPDX-License-Identifier: GPL-3.0-or-later
// export: a run's adapter for PEFT, its predictions and metrics as CSV, or a page to send to somebody.
#include "app/cli.h"
#include "app/cli_file.h"
#include "app/cli_html.h"
#include "app/cli_output.h"
#include "engine/store/exports.h"

#include <iostream>
#include <memory>

namespace app {

namespace {

using namespace engine;
namespace fs = std::filesystem;

/// `out` ends in .csv: the predictions; else a folder with metrics and everything else as well.
void writeCsv(const Runs& runs, const RunDetail& run, const fs::path& out) {
    if (out.extension() != ".csv") return exportCsv(runs, run.summary.id, out);
    if (!run.report) throw Error(ErrorCode::BadInput, "Run " + std::to_string(run.summary.id) + " has no predictions: it was not evaluated.");
    writeWhole(out, predictionsCsv(run, runs.predictions(run.summary.id)));
}

void exportPeft(const RunDetail& run, const fs::path& out) {
    fs::path adapter;
    for (const Artifact& a : run.artifacts)
        if (a.kind == "adapter") adapter = a.path;
    if (adapter.empty()) throw Error(ErrorCode::BadInput, "Run " + std::to_string(run.summary.id) + " has no adapter.", "Only a training that was finished has one.");
    if (!fs::is_directory(adapter)) throw Error(ErrorCode::NotFound, "The adapter of run " + std::to_string(run.summary.id) + " is no longer at " + adapter.string() + ".");
    std::error_code problem;
    if (fs::exists(out, problem) && !(fs::is_directory(out, problem) && fs::is_empty(out, problem)))
        throw Error(ErrorCode::BadInput, out.string() + " is there already.", "Give --out a new folder.");
    fs::path part = fs::absolute(out).lexically_normal();
    if (part.filename().empty()) part = part.parent_path();
    const fs::path target = part;
    part += ".part";
    fs::remove_all(part, problem);
    problem.clear();
    fs::create_directories(target.parent_path(), problem);
    if (!problem) fs::copy(adapter, part, fs::copy_options::recursive, problem);
    if (!problem) fs::rename(part, target, problem);
    if (!problem) return;
    std::error_code ignored;
    fs::remove_all(part, ignored);
    throw Error(ErrorCode::Io, out.string() + " cannot be written: " + problem.message() + ".");
}

int exportRun(const Session& session, RunId id, const std::string& format, const fs::path& out) {
    if (format == "safetensors" || format == "gguf" || format == "mlflow" || format == "tensorboard")
        throw Error(ErrorCode::BadInput, "phibench-cli cannot export to " + format + " yet.", "It can to peft, csv and html.");
    const Runs runs(session.existingRunsFile());
    const RunDetail run = runs.detail(id);
    if (format == "peft") exportPeft(run, out);
    else if (format == "csv") writeCsv(runs, run, out);
    else writeWhole(out, htmlReport(runs, run));
    if (session.json) printJson({{"event", "result"}, {"run", id}, {"format", format}, {"out", out.string()}});
    return kDone;
}

} // namespace

void addExport(CLI::App& root, Session& session) {
    struct Options {
        RunId run = 0;
        std::string format, out;
    };
    const auto options = std::make_shared<Options>();
    CLI::App* command = root.add_subcommand("export", "Write a run for other programs and people");
    command->add_option("RUN", options->run, "The run's number")->required()->check(CLI::PositiveNumber);
    command->add_option("--format", options->format, "peft: the adapter's folder; csv: the predictions (PATH.csv), or a folder with the metrics as well; html: a page")
        ->required()->check(CLI::IsMember({"peft", "safetensors", "gguf", "mlflow", "tensorboard", "csv", "html"}));
    command->add_option("--out", options->out, "The file or folder to write")->type_name("PATH")->required();
    command->callback([&session, options] { session.command = [&session, options] { return exportRun(session, options->run, options->format, options->out); }; });
}

} // namespace app
