// SPDX-License-Identifier: GPL-3.0-or-later
// export: a run's adapter for PEFT, its predictions and metrics as CSV, or a page to send to somebody.
#include "app/cli.h"
#include "app/cli_file.h"
#include "app/cli_html.h"
#include "app/cli_output.h"

#include <iostream>
#include <memory>

namespace app {

namespace {

using namespace engine;
namespace fs = std::filesystem;

/// RFC 4180; what a spreadsheet would take for a formula is made text.
std::string cell(std::string text) {
    if (!text.empty() && std::string("=+-@\t\r").find(text[0]) != std::string::npos) text.insert(0, "'");
    if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
    std::string quoted = "\"";
    for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
    return quoted + "\"";
}

std::string predictionsCsv(const Report& report, const std::vector<Prediction>& predictions) {
    const std::vector<std::string>& labels = report.confusion.labels;
    const auto name = [&](int index) { return index >= 0 && static_cast<std::size_t>(index) < labels.size() ? labels[static_cast<std::size_t>(index)] : std::string(); };
    std::string csv = "record,truth,guess";
    for (const std::string& label : labels) csv += "," + cell("probability of " + label);
    csv += ",text\n";
    for (const Prediction& p : predictions) {
        csv += std::to_string(p.record) + "," + cell(name(p.truth)) + "," + (p.guess ? cell(name(*p.guess)) : "");
        for (std::size_t i = 0; i < labels.size(); ++i) csv += "," + (i < p.probabilities.size() ? Json(p.probabilities[i]).dump() : std::string());
        csv += "," + cell(p.rawText) + "\n";
    }
    return csv;
}

std::string metricsCsv(const RunDetail& run) {
    std::string csv = "metric,step,value\n";
    for (const auto& [name, points] : run.metrics)
        for (const MetricPoint& p : points) csv += cell(name) + "," + std::to_string(p.step) + "," + Json(p.value).dump() + "\n";
    return csv;
}

/// `out` ends in .csv: the predictions; else a folder with predictions.csv and metrics.csv.
void exportCsv(const Runs& runs, const RunDetail& run, const fs::path& out) {
    if (!run.report) throw Error(ErrorCode::BadInput, "Run " + std::to_string(run.summary.id) + " has no predictions: it was not evaluated.");
    const std::string predictions = predictionsCsv(*run.report, runs.predictions(run.summary.id));
    if (out.extension() == ".csv") return writeWhole(out, predictions);
    std::error_code problem;
    fs::create_directories(out, problem);
    if (problem) throw Error(ErrorCode::Io, out.string() + " cannot be made: " + problem.message() + ".");
    writeWhole(out / "predictions.csv", predictions);
    writeWhole(out / "metrics.csv", metricsCsv(run));
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
    else if (format == "csv") exportCsv(runs, run, out);
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
    command->add_option("--format", options->format, "peft: the adapter's folder; csv: the predictions, or with a folder the metrics as well; html: a page")
        ->required()->check(CLI::IsMember({"peft", "safetensors", "gguf", "mlflow", "tensorboard", "csv", "html"}));
    command->add_option("--out", options->out, "The file or folder to write")->type_name("PATH")->required();
    command->callback([&session, options] { session.command = [&session, options] { return exportRun(session, options->run, options->format, options->out); }; });
}

} // namespace app
