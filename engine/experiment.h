// SPDX-License-Identifier: GPL-3.0-or-later
// An experiment: everything that decides a run, and the one list of fields that YAML, validation, the form,
// the command line's --set, the recorded hyperparameters and the diff of two runs all come from.
#pragma once
#include "engine/error.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace engine {

struct ModelSpec {
    std::string path = "default";   // Hugging Face folder, .gguf file, hub id, or "default"
    std::string precision = "auto"; // auto | fp32 | bf16 | nf4; auto: bf16 where the CPU multiplies it fast, else fp32
    bool double_quant = false;
    std::string compute = "auto"; // auto | fp32 | bf16 | fp16
    std::string device = "auto";  // auto | cpu | cuda; auto: a GPU where libtorch has CUDA and finds one
};

struct SplitSpec {
    std::int64_t train_per_label = 300;
    std::int64_t test_per_label = 300;
    std::int64_t eval_per_label = 50;
    std::int64_t seed = 42;
    std::int64_t shuffle_seed = 10;
};

struct DataSpec {
    std::string csv;                // relative to the experiment's file
    std::string header = "auto";    // auto | true | false
    std::string encoding = "auto";  // auto | any name ICU knows
    std::string delimiter = "auto"; // auto | one character | "tab"
    std::string label = "auto";     // column name, 0-based number, or auto (guessed)
    std::string text = "auto";
    std::vector<std::string> labels; // order = number in the report; empty: those in the data, sorted
    SplitSpec split;
};

struct PromptSpec {
    std::string text_template;                               // key "template": holds {text}, ends in {label}
    std::vector<std::pair<std::string, std::string>> labels; // optional: how a label is spelled after the question
};

struct LoraSpec {
    std::int64_t r = 16;
    double alpha = 16;
    double dropout = 0.05;
    std::string bias = "none"; // none | all | lora_only
    std::vector<std::string> targets{"all-linear"};
    bool rslora = false;
};

struct TrainSpec {
    double epochs = 4;
    std::int64_t batch_size = 8;
    std::string micro_batch_size = "auto"; // auto | a number
    double learning_rate = 2e-4;
    double weight_decay = 0.001;
    double max_grad_norm = 0.3;
    double warmup_ratio = 0.03;
    std::string schedule = "cosine"; // cosine | linear | constant
    std::string optimizer = "adamw";
    std::string loss_on = "answer"; // answer | all
    double resid_dropout = -1;      // dropout of the model's own residual branches; -1: what the model's config says
    std::int64_t max_tokens = 512;
    std::int64_t seed = 0;
    std::int64_t eval_every = 0;        // steps; 0: at the end of every epoch
    std::int64_t checkpoint_every = 50; // steps; 0: only at the end
};

struct EvaluateSpec {
    std::string method = "score"; // score | generate
    std::int64_t max_new_tokens = 3;
    std::string unanswered = "separate"; // separate | last label's name: the article maps none to neutral
    std::int64_t batch_size = 32;
};

struct Experiment {
    std::string name = "untitled";
    ModelSpec model;
    DataSpec data;
    PromptSpec prompt;
    LoraSpec lora;
    TrainSpec train;
    EvaluateSpec evaluate;
    std::filesystem::path directory; // where its file lies: relative paths start here; not a field
};

enum class FieldKind { Text, Template, Integer, Number, Flag, Choice, TextList, TextMap };

/// One setting. Values travel as text in YAML's spelling ("true", "2e-4", "[a, b]", "{a: b}").
struct Field {
    std::string key;   // "lora.r"
    std::string title; // "Rank r"
    std::string help;  // one or two sentences: what it does, usual values
    FieldKind kind = FieldKind::Text;
    double minimum = 0; // of Integer and Number
    double maximum = 0;
    std::vector<std::string> choices; // of Choice; of Text: suggestions
    bool advanced = false;            // shown only under "all settings"
    std::function<std::string(const Experiment&)> get;
    std::function<void(Experiment&, const std::string&)> set; // throws Error(BadInput) naming key and range
};

/// Every setting, in the order of the file format.
const std::vector<Field>& experimentFields();
/// The field of this key; throws Error(BadInput) with the nearest known key.
const Field& experimentField(const std::string& key);

/// Reads YAML (at most 1 MiB). Throws Error(BadInput) listing all problems with file, line and column;
/// an unknown key is one, named with the nearest known key.
Experiment loadExperiment(const std::filesystem::path& file);
Experiment parseExperiment(const std::string& yaml, const std::string& fileName, const std::filesystem::path& directory);
/// The YAML of an experiment; parseExperiment gives back the same experiment. Settings at their default are kept.
std::string toYaml(const Experiment& experiment);
/// A relative data.csv is rewritten when the file lies in another directory than the experiment's. Throws Error(Io), leaving an
/// older file whole.
void saveExperiment(const Experiment& experiment, const std::filesystem::path& file);
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
