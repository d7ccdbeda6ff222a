// SPDX-License-Identifier: GPL-3.0-or-later
// runs: list, show, predictions, tag, note, delete.
#include "app/cli.h"
#include "app/cli_compare.h"
#include "app/cli_output.h"

#include <ctime>
#include <iostream>
#include <memory>

namespace app {

namespace {

using namespace engine;

std::string timeText(double seconds) {
    if (seconds <= 0) return {};
    const auto time = static_cast<std::time_t>(seconds);
    std::tm parts{};
    localtime_r(&time, &parts);
    char text[32];
    return {text, std::strftime(text, sizeof text, "%Y-%m-%d %H:%M", &parts)};
}

Json summary(const RunSummary& run) {
    Json json{{"run", run.id},          {"name", run.name},         {"kind", wordOf(run.kind)},     {"state", wordOf(run.state)},
              {"started", run.started}, {"finished", run.finished}, {"exit_reason", run.exitReason}};
    addMeasured(json, run.measured);
    json.update({{"step", run.step}, {"steps", run.steps}, {"tags", run.tags}, {"note", run.note}});
    return json;
}

int list(const Session& session) {
    if (!std::filesystem::exists(session.runsFile())) {
        if (session.json)
            printJson({{"event", "result"}, {"runs", Json::array()}});
        else
            std::cout << "There are no runs in " << session.runsFile().string() << " yet.\n";
        return kDone;
    }
    const Runs runs(session.runsFile());
    std::vector<std::vector<std::string>> rows{{"run", "name", "kind", "state", "started", "step"}};
    for (const Measure* measure : briefMeasures()) rows[0].push_back(inSentence(*measure));
    rows[0].emplace_back("tags");
    Json all = Json::array();
    for (const RunSummary& run : runs.list()) {
        if (session.json) {
            all.push_back(summary(run));
            continue;
        }
        std::string tags;
        for (const std::string& tag : run.tags) tags += (tags.empty() ? "" : ", ") + tag;
        rows.push_back({std::to_string(run.id), run.name, wordOf(run.kind), wordOf(run.state), timeText(run.started),
                        run.steps > 0 ? std::to_string(run.step) + "/" + std::to_string(run.steps) : ""});
        for (const Measure* measure : briefMeasures()) {
            const auto value = run.measured.of(*measure);
            rows.back().push_back(value ? valueText(measure->unit, *value) : "");
        }
        rows.back().push_back(tags);
    }
    if (session.json)
        printJson({{"event", "result"}, {"runs", all}});
    else if (rows.size() > 1)
        std::cout << tableText(rows);
    else
        std::cout << "There are no runs in " << runs.file().string() << " yet.\n";
    return kDone;
}

int show(const Session& session, RunId id) {
    const Runs runs(session.existingRunsFile());
    const RunDetail run = runs.detail(id);
    if (session.json) {
        Json json{{"event", "result"}};
        json.update(summary(run.summary));
        json["experiment"] = run.experimentYaml;
        json["params"] = Json::object();
        for (const auto& [key, value] : run.summary.params) json["params"][key] = value;
        json["dataset_sha256"] = run.datasetSha256;
        json["model_sha256"] = run.modelSha256;
        const Json versions = Json::parse(run.versions, nullptr, false);
        json["versions"] = versions.is_discarded() ? Json(run.versions) : versions;
        json["parent"] = run.parent ? Json(*run.parent) : Json();
        if (run.report) json.update(toJson(*run.report));
        json["figures"] = Json::object();
        for (const Measure& measure : measures())
            if (const auto value = run.summary.measured.of(measure)) json["figures"][measure.key] = *value;
        json["artifacts"] = Json::array();
        for (const Artifact& a : run.artifacts)
            json["artifacts"].push_back({{"kind", a.kind}, {"path", a.path.string()}, {"sha256", a.sha256}});
        json["metrics"] = Json::object();
        for (const auto& [name, points] : run.metrics) {
            Json list = Json::array();
            for (const MetricPoint& p : points) list.push_back({p.step, p.value});
            json["metrics"][name] = list;
        }
        printJson(json);
        return kDone;
    }
    const RunSummary& s = run.summary;
    std::cout << "run " << s.id << " · " << s.name << " · " << wordOf(s.kind) << " · " << wordOf(s.state) << " · "
              << timeText(s.started) << "\n";
    if (!s.exitReason.empty()) std::cout << s.exitReason << "\n";
    if (!s.note.empty()) std::cout << "note: " << s.note << "\n";
    std::cout << "\n" << run.experimentYaml << "\n";
    if (run.report) std::cout << reportText(*run.report) << "\n";
    for (const Measure& measure : measures())
        if (const auto value = s.measured.of(measure))
            std::cout << inSentence(measure) << "  " << valueText(measure.unit, *value) << "\n";
    for (const Artifact& a : run.artifacts) std::cout << a.kind << "  " << a.path.string() << "\n";
    return kDone;
}

int predictions(const Session& session, RunId id) {
    const Runs runs(session.existingRunsFile());
    const RunDetail run = runs.detail(id);
    if (!run.report) throw Error(ErrorCode::BadInput, "Run " + std::to_string(id) + " has no predictions: it was not evaluated.");
    const std::vector<std::string>& labels = run.report->confusion.labels;
    const auto label = [&](int index) {
        return index >= 0 && static_cast<std::size_t>(index) < labels.size() ? labels[static_cast<std::size_t>(index)]
                                                                             : std::string();
    };
    std::vector<std::vector<std::string>> rows{{"record", "truth", "guess", "probability"}};
    for (const Prediction& p : runs.predictions(id)) {
        if (session.json) {
            Json probabilities = Json::object();
            for (std::size_t i = 0; i < p.probabilities.size() && i < labels.size(); ++i)
                probabilities[labels[i]] = p.probabilities[i];
            printJson({{"event", "prediction"},
                       {"record", p.record},
                       {"truth", label(p.truth)},
                       {"guess", p.guess ? Json(label(*p.guess)) : Json()},
                       {"probabilities", probabilities},
                       {"text", p.rawText}});
            continue;
        }
        const bool known = p.guess && static_cast<std::size_t>(*p.guess) < p.probabilities.size();
        rows.push_back({std::to_string(p.record), label(p.truth), p.guess ? label(*p.guess) : "no answer",
                        known ? numberText(p.probabilities[static_cast<std::size_t>(*p.guess)], 3) : ""});
    }
    if (session.json)
        printJson({{"event", "result"}, {"run", id}, {"labels", labels}});
    else
        std::cout << tableText(rows);
    return kDone;
}

int changed(const Session& session, RunId id) {
    if (session.json) printJson({{"event", "result"}, {"run", id}});
    return kDone;
}

} // namespace

void addRuns(CLI::App& root, Session& session) {
    struct Options {
        RunId run = 0;
        std::vector<RunId> runs;
        std::string text;
        bool remove = false;
    };
    const auto options = std::make_shared<Options>();
    CLI::App* command = root.add_subcommand("runs", "Look at and tidy what was run");
    command->require_subcommand(1);
    // A subcommand that takes a run, and what it does.
    const auto add = [&](const char* name, const char* help, auto work) {
        CLI::App* sub = command->add_subcommand(name, help);
        sub->callback(
            [&session, options, work] { session.command = [&session, options, work] { return work(session, *options); }; });
        return sub;
    };
    const auto addWithRun = [&](const char* name, const char* help, auto work) {
        CLI::App* sub = add(name, help, work);
        sub->add_option("RUN", options->run, "The run's number")->required()->check(atLeast(1));
        return sub;
    };
    add("list", "All runs, the newest first", [](const Session& s, const Options&) { return list(s); });
    addWithRun("show", "Everything about a run", [](const Session& s, const Options& o) { return show(s, o.run); });
    add("compare", "Runs side by side",
        [](const Session& s, const Options& o) {
            if (o.runs.size() < 2 || o.runs.size() > 64)
                throw Error(ErrorCode::BadInput, "This many runs cannot be compared: " + std::to_string(o.runs.size()) + ".",
                            "Give the numbers of two runs or more, up to 64.");
            return compareRuns(s, o.runs);
        })
        ->add_option("RUN", options->runs, "The numbers of two runs or more")
        ->required()
        ->check(atLeast(1));
    addWithRun("predictions", "What the model said of each test row",
               [](const Session& s, const Options& o) { return predictions(s, o.run); });
    CLI::App* tag = addWithRun("tag", "Give a run a tag", [](const Session& s, const Options& o) {
        Runs runs(s.existingRunsFile());
        if (o.remove)
            runs.removeTag(o.run, o.text);
        else
            runs.addTag(o.run, o.text);
        return changed(s, o.run);
    });
    tag->add_option("TAG", options->text, "The tag")->required();
    tag->add_flag("--remove", options->remove, "Take it away instead");
    addWithRun("note", "Write a note about a run; empty takes it away",
               [](const Session& s, const Options& o) {
                   Runs(s.existingRunsFile()).setNote(o.run, o.text);
                   return changed(s, o.run);
               })
        ->add_option("TEXT", options->text, "The note")
        ->required();
    addWithRun("delete", "Delete a run and its files", [](const Session& s, const Options& o) {
        Runs(s.existingRunsFile()).remove(o.run);
        return changed(s, o.run);
    });
}

} // namespace app
