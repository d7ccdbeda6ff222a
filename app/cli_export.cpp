// SPDX-License-Identifier: GPL-3.0-or-later
// export: a run's adapter for PEFT or merged into its model, its predictions and metrics as CSV, or a page to send to somebody.
#include "app/cli.h"
#include "app/cli_file.h"
#include "app/cli_html.h"
#include "app/cli_output.h"
#include "app/cli_signals.h"
#include "engine/files/new_file.h"
#include "engine/merge.h"
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
    if (!run.report)
        throw Error(ErrorCode::BadInput, "Run " + std::to_string(run.summary.id) + " has no predictions: it was not evaluated.");
    writeWhole(out, predictionsCsv(run, runs.predictions(run.summary.id)));
}

void exportPeft(const RunDetail& run, const fs::path& out) {
    const fs::path adapter = adapterFolder(run);
    fs::path target = fs::absolute(out).lexically_normal();
    if (!target.has_filename()) target = target.parent_path(); // "adapter/"
    requireFree(target);
    NewFolder folder(target);
    std::error_code problem;
    fs::copy(adapter, folder.path(), fs::copy_options::recursive, problem);
    if (problem) throw Error(ErrorCode::Io, out.string() + " cannot be written: " + problem.message() + ".");
    folder.commit();
}

Json exportMerged(const Session& session, const Runs& runs, RunId id, const fs::path& out) {
    const std::stop_token stop = stopOnSignals();
    Progress progress(session.json);
    const Merged merged = mergeRun(runs, id, out, progress.sink(), stop);
    progress.clear();
    std::cerr << merged.parameters << " parameters in " << merged.type << ", " << bytesText(merged.bytes) << " in "
              << merged.files << (merged.files == 1 ? " file" : " files") << '\n';
    if (!merged.remark.empty()) std::cerr << "note: " << merged.remark << '\n';
    return {{"dtype", merged.type},
            {"parameters", merged.parameters},
            {"bytes", merged.bytes},
            {"files", merged.files},
            {"remark", merged.remark}};
}

int exportRun(const Session& session, RunId id, const std::string& format, const fs::path& out) {
    if (format == "gguf" || format == "mlflow" || format == "tensorboard")
        throw Error(ErrorCode::BadInput, "phibench-cli cannot export to " + format + " yet.",
                    "It can to peft, safetensors, csv and html.");
    const Runs runs(session.existingRunsFile());
    const RunDetail run = runs.detail(id);
    Json result{{"event", "result"}, {"run", id}, {"format", format}, {"out", out.string()}};
    if (format == "peft")
        exportPeft(run, out);
    else if (format == "safetensors")
        result.update(exportMerged(session, runs, id, out));
    else if (format == "csv")
        writeCsv(runs, run, out);
    else
        writeWhole(out, htmlReport(runs, run));
    if (session.json) printJson(result);
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
    command->add_option("RUN", options->run, "The run's number")->required()->check(atLeast(1));
    command
        ->add_option("--format", options->format,
                     "peft: the adapter's folder; safetensors: the model with the adapter merged into it, a folder; csv: the "
                     "predictions (PATH.csv), or a folder with the metrics as well; html: a page")
        ->required()
        ->check(CLI::IsMember({"peft", "safetensors", "gguf", "mlflow", "tensorboard", "csv", "html"}));
    command->add_option("--out", options->out, "The file or folder to write")->type_name("PATH")->required();
    command->callback([&session, options] {
        session.command = [&session, options] { return exportRun(session, options->run, options->format, options->out); };
    });
}

} // namespace app
