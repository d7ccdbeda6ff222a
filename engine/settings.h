// SPDX-License-Identifier: GPL-3.0-or-later
// Every setting of an experiment, once: a member with its default and, in the same struct's visit(), what is said of it. YAML,
// validation, the form, the command line's --set, the recorded hyperparameters, resuming and the diff of two runs read this.
#pragma once
#include "engine/schedules.h"
#include "engine/words/enum_words.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace engine {

struct Experiment;

enum class FieldKind { Text, Template, Integer, Number, Flag, Choice, TextList, TextMap };

/// Whose numbers a setting decides: those of a training, which can go on only while it stays as it was, or those of an
/// evaluation, so that a baseline serves only runs that share it.
enum class Decides { Nothing, Training, Evaluation, Both };

/// One setting. Values travel as text in YAML's spelling ("true", "2e-4", "[a, b]", "{a: b}").
struct Field {
    std::string key;                  // "lora.r"
    std::string title;                // "Rank r"
    std::string help;                 // one or two sentences: what it does, usual values
    FieldKind kind = FieldKind::Text; // said of words only: numbers, flags, enums, lists and maps are known by their type
    double minimum = 0;               // of Integer and Number
    double maximum = 0;
    std::vector<std::string> choices = {}; // of Choice; of Text: suggestions
    bool advanced = true;                  // shown only under "all settings"
    Decides decides = Decides::Both;
    /// The value of runs whose version did not know this setting; none for the settings of version 0.1, which every run records.
    std::optional<std::string> before = {};
    std::function<std::string(const Experiment&)> get = {};
    std::function<void(Experiment&, const std::string&)> set = {}; // throws Error(BadInput) naming key and range

    bool decidesTraining() const { return decides == Decides::Training || decides == Decides::Both; }
    bool decidesEvaluation() const { return decides == Decides::Evaluation || decides == Decides::Both; }
};

/// Which of the model's biases are trained: PEFT's `bias`.
enum class TrainedBiases { None, All, LoraOnly };
constexpr std::array<EnumWord<TrainedBiases>, 3> wordsOf(TrainedBiases) {
    return {{{TrainedBiases::None, "none"}, {TrainedBiases::All, "all"}, {TrainedBiases::LoraOnly, "lora_only"}}};
}
/// Which tokens' cross entropy is trained on: the label's, or the whole prompt's.
enum class LossOn { Answer, All };
constexpr std::array<EnumWord<LossOn>, 2> wordsOf(LossOn) {
    return {{{LossOn::Answer, "answer"}, {LossOn::All, "all"}}};
}
enum class EvaluationMethod { Score, Generate };
constexpr std::array<EnumWord<EvaluationMethod>, 2> wordsOf(EvaluationMethod) {
    return {{{EvaluationMethod::Score, "score"}, {EvaluationMethod::Generate, "generate"}}};
}

inline constexpr double kLargestSeed = 4294967295; // numpy's seeds end here

/// What a member's type and range cannot say of its value: each throws Error(BadInput) naming the field, `text` being what was
/// given.
void autoOrCount(const Field& field, const std::string& text, std::string& value); // "auto", or a number from 1 to 65536
void notBetweenMinusOneAndZero(const Field& field, const std::string& text, double& value);
void someLayer(const Field& field, const std::string& text, std::vector<std::string>& value);

/// What model.path may be, and names to offer for it.
std::string modelHelp();
std::vector<std::string> modelSuggestions();

struct ModelSpec {
    std::string path = "default";   // Hugging Face folder, .gguf file, hub id, or a named model
    std::string precision = "auto"; // auto | fp32 | bf16 | nf4; auto: bf16 where the CPU multiplies it fast, else fp32
    bool double_quant = false;
    std::string compute = "auto"; // auto | fp32 | bf16 | fp16
    std::string device = "auto";  // auto | cpu | cuda; auto: a GPU where libtorch has CUDA and finds one

    template <class Setting> static void visit(const Setting& setting) {
        using M = ModelSpec;
        setting(&M::path,
                {.key = "model.path", .title = "Model", .help = modelHelp(), .choices = modelSuggestions(), .advanced = false});
        setting(&M::precision,
                {.key = "model.precision",
                 .title = "Precision",
                 .help = "How the frozen weights are held. auto: bf16 where the processor multiplies it fast, else fp32.",
                 .kind = FieldKind::Choice,
                 .choices = {"auto", "fp32", "bf16", "nf4"}});
        setting(&M::double_quant, {.key = "model.double_quant",
                                   .title = "Double quantisation",
                                   .help = "Quantises the scales of nf4 weights as well: 0.4 bit a weight less."});
        setting(&M::compute, {.key = "model.compute",
                              .title = "Compute in",
                              .help = "The type that products are computed in. auto: as the weights are held. fp16 needs a GPU.",
                              .kind = FieldKind::Choice,
                              .choices = {"auto", "fp32", "bf16", "fp16"}});
        setting(&M::device, {.key = "model.device",
                             .title = "Device",
                             .help = "What computes. auto: a GPU where libtorch has CUDA and finds one, else the processor.",
                             .kind = FieldKind::Choice,
                             .choices = {"auto", "cpu", "cuda"},
                             .decides = Decides::Nothing}); // but for the last bits
    }
};

struct SplitSpec {
    std::int64_t train_per_label = 300;
    std::int64_t test_per_label = 300;
    std::int64_t eval_per_label = 50;
    std::int64_t seed = 42;
    std::int64_t shuffle_seed = 10;

    template <class Setting> static void visit(const Setting& setting) {
        using S = SplitSpec;
        setting(&S::train_per_label, {.key = "data.split.train_per_label",
                                      .title = "Training rows a label",
                                      .help = "Rows drawn from each label to train on.",
                                      .minimum = 1,
                                      .maximum = 1e7,
                                      .advanced = false});
        setting(&S::test_per_label, {.key = "data.split.test_per_label",
                                     .title = "Test rows a label",
                                     .help = "Rows drawn from each label to judge the model by; never trained on.",
                                     .minimum = 1,
                                     .maximum = 1e7,
                                     .advanced = false});
        setting(&S::eval_per_label, {.key = "data.split.eval_per_label",
                                     .title = "Evaluation rows a label",
                                     .help = "Rows drawn from each label, with replacement, to watch while training. 0: none.",
                                     .minimum = 0,
                                     .maximum = 1e7});
        setting(&S::seed, {.key = "data.split.seed",
                           .title = "Split seed",
                           .help = "Decides which rows are drawn.",
                           .minimum = 0,
                           .maximum = kLargestSeed});
        setting(&S::shuffle_seed, {.key = "data.split.shuffle_seed",
                                   .title = "Order seed",
                                   .help = "Decides the order of the training rows and the evaluation rows.",
                                   .minimum = 0,
                                   .maximum = kLargestSeed});
    }
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

    template <class Setting> static void visit(const Setting& setting) {
        using D = DataSpec;
        setting(&D::csv, {.key = "data.csv",
                          .title = "CSV file",
                          .help = "The labelled data; a relative path starts at the experiment's file.",
                          .decides = Decides::Nothing}); // what it holds does, and is recorded as a sum
        setting(&D::header, {.key = "data.header",
                             .title = "First line is a header",
                             .help = "Whether the first line names the columns. auto: guessed.",
                             .kind = FieldKind::Choice,
                             .choices = {"auto", "true", "false"}});
        setting(&D::encoding, {.key = "data.encoding",
                               .title = "Encoding",
                               .help = "The file's encoding; auto: found from its bytes.",
                               .choices = {"auto", "UTF-8", "windows-1252", "ISO-8859-1", "UTF-16"}});
        setting(&D::delimiter, {.key = "data.delimiter",
                                .title = "Delimiter",
                                .help = "What stands between two fields: one character, tab, or auto.",
                                .choices = {"auto", ",", ";", "tab", "|"}});
        setting(&D::label, {.key = "data.label",
                            .title = "Label column",
                            .help = "The column with the right answer: its name or its number from 0. auto: guessed.",
                            .choices = {"auto"}});
        setting(&D::text, {.key = "data.text",
                           .title = "Text column",
                           .help = "The column with the text: its name or its number from 0. auto: guessed.",
                           .choices = {"auto"}});
        setting(&D::labels, {.key = "data.labels",
                             .title = "Labels",
                             .help = "The labels in the order of the report; rows with another label are left out. Empty: those "
                                     "in the data, sorted."});
    }
};

struct PromptSpec {
    std::string text_template;                               // key "template": holds {text}, ends in {label}
    std::vector<std::pair<std::string, std::string>> labels; // optional: how a label is spelled after the question

    template <class Setting> static void visit(const Setting& setting) {
        using P = PromptSpec;
        setting(
            &P::text_template,
            {.key = "prompt.template",
             .title = "Template",
             .help = "What the model reads: {text} is the row's text; {label}, at the very end, is the answer it learns to give.",
             .kind = FieldKind::Template});
        setting(&P::labels, {.key = "prompt.labels",
                             .title = "Labels as spelled",
                             .help = "How each label is written after the question. Left out: as in the data."});
    }
};

struct LoraSpec {
    std::int64_t r = 16;
    double alpha = 16;
    double dropout = 0.05;
    TrainedBiases bias = TrainedBiases::None;
    std::vector<std::string> targets{"all-linear"};
    bool rslora = false;

    template <class Setting> static void visit(const Setting& setting) {
        using L = LoraSpec;
        setting(&L::r, {.key = "lora.r",
                        .title = "Rank r",
                        .help = "Size of the adapter's bottleneck: more can learn more and costs more. Usual: 4 to 64.",
                        .minimum = 1,
                        .maximum = 1024,
                        .advanced = false,
                        .decides = Decides::Training});
        setting(&L::alpha, {.key = "lora.alpha",
                            .title = "Alpha",
                            .help = "Scales the adapter by alpha / r. Usual: r or 2 r.",
                            .minimum = 0.001,
                            .maximum = 65536,
                            .advanced = false,
                            .decides = Decides::Training});
        setting(&L::dropout, {.key = "lora.dropout",
                              .title = "Dropout",
                              .help = "Share of the adapter's inputs dropped while training. Usual: 0 to 0.1.",
                              .minimum = 0,
                              .maximum = 0.99,
                              .advanced = false,
                              .decides = Decides::Training});
        setting(&L::bias, {.key = "lora.bias",
                           .title = "Train biases",
                           .help = "Which of the model's biases are trained too.",
                           .decides = Decides::Training});
        setting(&L::targets,
                {.key = "lora.targets",
                 .title = "Target layers",
                 .help = "all-linear, layer names such as q_proj and v_proj, or a regular expression for the layer's whole path.",
                 .choices = {"all-linear", "q_proj", "k_proj", "v_proj", "o_proj", "dense", "gate_proj", "up_proj", "down_proj",
                             "fc1", "fc2", "Wqkv", "out_proj"},
                 .decides = Decides::Training},
                someLayer);
        setting(&L::rslora, {.key = "lora.rslora",
                             .title = "Rank-stabilised",
                             .help = "Scales by alpha / √r instead of alpha / r, which keeps large ranks useful.",
                             .decides = Decides::Training});
    }
};

struct TrainSpec {
    double epochs = 4;
    std::int64_t batch_size = 8;
    std::string micro_batch_size = "auto"; // auto | a number
    double learning_rate = 2e-4;
    double weight_decay = 0.001;
    double max_grad_norm = 0.3;
    double warmup_ratio = 0.03;
    std::string schedule = "cosine"; // a key of schedules()
    std::string optimizer = "adamw";
    LossOn loss_on = LossOn::Answer;
    double resid_dropout = -1; // dropout of the model's own residual branches; -1: what the model's config says
    std::int64_t max_tokens = 512;
    std::int64_t seed = 0;
    std::int64_t eval_every = 0;        // steps; 0: at the end of every epoch
    std::int64_t checkpoint_every = 50; // steps; 0: only at the end

    template <class Setting> static void visit(const Setting& setting) {
        using T = TrainSpec;
        setting(&T::epochs, {.key = "train.epochs",
                             .title = "Epochs",
                             .help = "How often the training rows are gone through. Usual: 1 to 5.",
                             .minimum = 0.001,
                             .maximum = 10000,
                             .advanced = false,
                             .decides = Decides::Training});
        setting(&T::batch_size, {.key = "train.batch_size",
                                 .title = "Batch size",
                                 .help = "Rows a step of the optimiser. Usual: 4 to 32.",
                                 .minimum = 1,
                                 .maximum = 65536,
                                 .advanced = false,
                                 .decides = Decides::Training});
        setting(&T::micro_batch_size,
                {.key = "train.micro_batch_size",
                 .title = "Micro batch size",
                 .help = "Rows computed at once; fewer need less memory and change no result. auto: as many as is quick.",
                 .choices = {"auto"},
                 .decides = Decides::Training}, // dropout's draws
                autoOrCount);
        setting(&T::learning_rate, {.key = "train.learning_rate",
                                    .title = "Learning rate",
                                    .help = "Size of the steps at their largest. Usual: 5e-5 to 5e-4.",
                                    .minimum = 0,
                                    .maximum = 10,
                                    .advanced = false,
                                    .decides = Decides::Training});
        setting(&T::weight_decay, {.key = "train.weight_decay",
                                   .title = "Weight decay",
                                   .help = "Pulls the adapter's weights towards zero at every step.",
                                   .minimum = 0,
                                   .maximum = 10,
                                   .decides = Decides::Training});
        setting(&T::max_grad_norm, {.key = "train.max_grad_norm",
                                    .title = "Gradient clipping",
                                    .help = "The gradient is scaled down to this norm. 0: never.",
                                    .minimum = 0,
                                    .maximum = 1e6,
                                    .decides = Decides::Training});
        setting(&T::warmup_ratio, {.key = "train.warmup_ratio",
                                   .title = "Warm-up",
                                   .help = "Share of the steps in which the learning rate rises from 0.",
                                   .minimum = 0,
                                   .maximum = 1,
                                   .decides = Decides::Training});
        setting(&T::schedule, {.key = "train.schedule",
                               .title = "Schedule",
                               .help = "How the learning rate goes on after the warm-up. " + scheduleTitles(),
                               .kind = FieldKind::Choice,
                               .choices = scheduleKeys(),
                               .decides = Decides::Training});
        setting(&T::optimizer, {.key = "train.optimizer",
                                .title = "Optimiser",
                                .help = "AdamW with float32 moments.",
                                .kind = FieldKind::Choice,
                                .choices = {"adamw"},
                                .decides = Decides::Training});
        setting(&T::loss_on, {.key = "train.loss_on",
                              .title = "Loss on",
                              .help = "answer: only the label's tokens count. all: the whole prompt counts, as in the article.",
                              .decides = Decides::Training});
        setting(&T::resid_dropout,
                {.key = "train.resid_dropout",
                 .title = "Residual dropout",
                 .help = "Dropout of the model's own residual branches while training. -1: what the model's config says (Phi-2: "
                         "0.1).",
                 .minimum = -1,
                 .maximum = 0.99,
                 .decides = Decides::Training},
                notBetweenMinusOneAndZero);
        setting(&T::max_tokens, {.key = "train.max_tokens",
                                 .title = "Longest prompt",
                                 .help = "Tokens of a prompt with its answer; longer texts are cut.",
                                 .minimum = 8,
                                 .maximum = 1e6}); // cut when evaluating, too
        setting(&T::seed, {.key = "train.seed",
                           .title = "Seed",
                           .help = "Decides the adapter's first weights, the order of rows and the dropout.",
                           .minimum = 0,
                           .maximum = kLargestSeed,
                           .decides = Decides::Training});
        setting(&T::eval_every, {.key = "train.eval_every",
                                 .title = "Evaluate every",
                                 .help = "Steps between evaluations. 0: at the end of every epoch.",
                                 .minimum = 0,
                                 .maximum = 1e9,
                                 .decides = Decides::Nothing});
        setting(&T::checkpoint_every, {.key = "train.checkpoint_every",
                                       .title = "Checkpoint every",
                                       .help = "Steps between checkpoints. 0: only at the end.",
                                       .minimum = 0,
                                       .maximum = 1e9,
                                       .decides = Decides::Nothing});
    }
};

struct EvaluateSpec {
    EvaluationMethod method = EvaluationMethod::Score;
    std::int64_t max_new_tokens = 3;
    std::string unanswered = "separate"; // separate | last label's name: the article maps none to neutral
    std::int64_t batch_size = 32;

    template <class Setting> static void visit(const Setting& setting) {
        using E = EvaluateSpec;
        setting(&E::method, {.key = "evaluate.method",
                             .title = "Method",
                             .help = "score compares the labels' probabilities. generate lets the model write and looks for a "
                                     "label, as in the article.",
                             .decides = Decides::Evaluation});
        setting(&E::max_new_tokens, {.key = "evaluate.max_new_tokens",
                                     .title = "New tokens",
                                     .help = "How much generate lets the model write.",
                                     .minimum = 1,
                                     .maximum = 4096,
                                     .decides = Decides::Evaluation});
        setting(&E::unanswered,
                {.key = "evaluate.unanswered",
                 .title = "Unanswered rows",
                 .help = "separate counts rows without an answer on their own. A label's name counts them as that label (the "
                         "article: neutral).",
                 .choices = {"separate"},
                 .decides = Decides::Evaluation});
        setting(&E::batch_size, {.key = "evaluate.batch_size",
                                 .title = "Rows at once",
                                 .help = "Rows evaluated together; changes no result.",
                                 .minimum = 1,
                                 .maximum = 65536,
                                 .decides = Decides::Nothing});
    }
};

} // namespace engine
