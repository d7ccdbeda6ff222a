// SPDX-License-Identifier: GPL-3.0-or-later
// An experiment: everything that decides a run. Its settings and what is said of them stand in settings.h.
#pragma once
#include "engine/error.h"
#include "engine/settings.h"

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace engine {

struct Experiment {
    std::string name = "untitled";
    ModelSpec model;
    DataSpec data;
    PromptSpec prompt;
    LoraSpec lora;
    TrainSpec train;
    EvaluateSpec evaluate;
    std::filesystem::path directory; // where its file lies: relative paths start here; not a field

    /// As the sections' visit().
    template <class Setting> static void visit(const Setting& setting) {
        setting(
            &Experiment::name,
            {.key = "name", .title = "Name", .help = "What the run is called in the runs table.", .decides = Decides::Nothing});
    }
    /// Hands an accessor of each section, (auto& experiment) -> auto&, to `section`, in the order of the file.
    template <class Section> static void visitSections(const Section& section) {
        section([](auto& e) -> auto& { return e; });
        section([](auto& e) -> auto& { return e.model; });
        section([](auto& e) -> auto& { return e.data; });
        section([](auto& e) -> auto& { return e.data.split; });
        section([](auto& e) -> auto& { return e.prompt; });
        section([](auto& e) -> auto& { return e.lora; });
        section([](auto& e) -> auto& { return e.train; });
        section([](auto& e) -> auto& { return e.evaluate; });
    }
};

/// Every setting, in the order of the file format.
const std::vector<Field>& experimentFields();
/// The field of this key, or none.
const Field* findField(const std::string& key);
/// Throws Error(BadInput) for a key that is none, saying what may have been meant.
const Field& experimentField(const std::string& key);
/// What a setting is where nothing is said of it.
const Experiment& defaultExperiment();

/// The text of an experiment's file, 1 MiB and a byte at most. Throws Error: NotFound, BadInput for a folder, Io.
std::string experimentText(const std::filesystem::path& file);
/// Reads YAML (at most 1 MiB); settings that it does not name are as in `rest`. Throws Error(BadInput) listing all problems with
/// file, line and column; an unknown key is one, named with what may have been meant.
Experiment loadExperiment(const std::filesystem::path& file, const Experiment& rest = defaultExperiment());
Experiment parseExperiment(const std::string& yaml, const std::string& fileName, const std::filesystem::path& directory,
                           const Experiment& rest = defaultExperiment());
/// Reads what a run recorded, never today's defaults: a setting that its version did not know is as the field says of `before`.
/// `runName` ("Run 7") begins what is thrown: Error(BadInput) also for a record with settings of a newer version.
Experiment parseRecorded(const std::string& yaml, const std::string& runName);
/// Settings by key as a run records them.
using Params = std::vector<std::pair<std::string, std::string>>;
Params paramsOf(const Experiment& experiment);
/// Recorded settings completed as parseRecorded() does; those of a newer version stay.
Params completed(Params recorded);
/// The YAML of an experiment; parseExperiment gives back the same experiment. Settings at their default are kept.
std::string toYaml(const Experiment& experiment);
/// `yaml`, the text of an experiment's file, with these settings: what has not changed keeps its place, spelling and comments.
/// Where its layout is not understood: toYaml().
std::string editedYaml(const std::string& yaml, const Experiment& experiment);
/// A relative data.csv is rewritten when the file lies in another directory than the experiment's. With the text that the
/// experiment was read from, what is written is that text edited. Gives what was written. Throws Error(Io), leaving an older file
/// whole.
std::string saveExperiment(const Experiment& experiment, const std::filesystem::path& file, const std::string& readFrom = {});
/// "lora.r=8": throws Error(BadInput). Lists may also be written "q_proj, v_proj".
void applySetting(Experiment& experiment, const std::string& assignment);
/// The same for a person at a prompt: a relative data.csv starts at `workingDirectory`, not at the experiment's file.
void applySettingFrom(Experiment& experiment, const std::string& assignment, const std::filesystem::path& workingDirectory);
/// Everything wrong with the settings themselves (ranges, template, contradictions), without opening data or model.
std::vector<Issue> validate(const Experiment& experiment);
/// The data file, resolved against the experiment's directory.
std::filesystem::path dataPath(const Experiment& experiment);
/// The same experiment with data.csv absolute: what a run records, so that it can be read back from anywhere.
Experiment withAbsolutePaths(Experiment experiment);

struct Difference {
    std::string key, left, right;
};
/// The settings in which two experiments differ.
std::vector<Difference> diff(const Experiment& left, const Experiment& right);

} // namespace engine
