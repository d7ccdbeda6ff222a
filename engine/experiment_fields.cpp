// SPDX-License-Identifier: GPL-3.0-or-later
// The visited list of settings: key, words, range, and how each is read from and written as text.
#include "engine/experiment.h"
#include "engine/words/nearest.h"
#include "engine/words/quoting.h"
#include "engine/words/yaml_tree.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

namespace engine {

namespace {

constexpr double kSeed = 4294967295; // numpy's seeds end here
constexpr std::size_t kTextBytes = 64 << 10;
constexpr std::size_t kNameBytes = 500; // yaml-cpp reads keys of up to 1024 characters, escapes included

[[noreturn]] void refuse(const std::string& key, const std::string& what, const std::string& got) {
    throw Error(ErrorCode::BadInput, key + " must be " + what + ", not \"" + excerpt(got) + "\".");
}

std::string trimmed(const std::string& text) {
    const auto from = text.find_first_not_of(" \t");
    return from == std::string::npos ? std::string() : text.substr(from, text.find_last_not_of(" \t") - from + 1);
}

std::optional<double> readNumber(const std::string& text) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return {};
    return value;
}

std::optional<std::int64_t> readInteger(const std::string& text) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc() && end == text.data() + text.size()) return value;
    const auto number = readNumber(text); // "1e3", "300.0"
    if (!number || *number != std::floor(*number) || std::abs(*number) > 9007199254740992.0) return {};
    return static_cast<std::int64_t>(*number);
}

std::string range(const Field& field) {
    return "from " + yamlNumber(field.minimum) + " to " + yamlNumber(field.maximum);
}

void checkText(const std::string& key, const std::string& text) {
    if (text.size() > kTextBytes) throw Error(ErrorCode::BadInput, key + " is longer than 64 KiB.");
    if (!isUtf8(text) || text.find('\0') != std::string::npos) throw Error(ErrorCode::BadInput, key + " is not text in UTF-8.");
}

// The tree of a list or map written on one line.
YamlNode flowTree(const std::string& key, const std::string& text, YamlNode::Kind kind, const char* example) {
    std::vector<Issue> issues;
    YamlNode node = parseYamlTree(text, key, issues);
    if (!issues.empty())
        throw Error(ErrorCode::BadInput, key + " " + issues.front().message, std::string("Write it like ") + example + ".");
    if (node.kind != kind) refuse(key, std::string("like ") + example, text);
    return node;
}

const std::string& wordOf(const std::string& key, const YamlNode& node) {
    if (node.kind != YamlNode::Kind::Scalar)
        throw Error(ErrorCode::BadInput, key + " may hold words only; put words that mean something to YAML in quotes.");
    return node.text;
}

std::vector<std::string> readList(const std::string& key, const std::string& text) {
    std::vector<std::string> items;
    const std::string inner = trimmed(text);
    if (inner.starts_with('[')) {
        for (const YamlNode& item : flowTree(key, inner, YamlNode::Kind::List, "[one, two]").items)
            items.push_back(wordOf(key, item));
    } else {
        for (std::size_t from = 0; !inner.empty() && from <= inner.size();) {
            const std::size_t comma = std::min(inner.find(',', from), inner.size());
            items.push_back(trimmed(inner.substr(from, comma - from)));
            from = comma + 1;
        }
    }
    if (std::any_of(items.begin(), items.end(), [](const std::string& item) { return trimmed(item).empty(); }))
        throw Error(ErrorCode::BadInput, key + " has an empty item.");
    return items;
}

std::vector<std::pair<std::string, std::string>> readMap(const std::string& key, const std::string& text) {
    std::vector<std::pair<std::string, std::string>> entries;
    if (trimmed(text).empty()) return entries;
    for (const auto& [name, value] :
         flowTree(key, text, YamlNode::Kind::Map, "{negative: \" bad\", positive: \" good\"}").entries) {
        if (name.text.size() > kNameBytes) throw Error(ErrorCode::BadInput, key + " names a label of over 500 bytes.");
        entries.emplace_back(name.text, wordOf(key, value));
    }
    return entries;
}

// Each maker takes an accessor, (auto& experiment) -> auto&, that serves reading and writing.
template <typename At>
Field integer(const char* key, const char* title, const char* help, double from, double to, bool advanced, At at) {
    Field field{key, title, help, FieldKind::Integer, from, to, {}, advanced, {}, {}};
    field.get = [at](const Experiment& e) { return std::to_string(at(e)); };
    field.set = [at, bounds = field](Experiment& e, const std::string& text) {
        const auto value = readInteger(trimmed(text));
        if (!value || static_cast<double>(*value) < bounds.minimum || static_cast<double>(*value) > bounds.maximum)
            refuse(bounds.key, "a whole number " + range(bounds), text);
        at(e) = *value;
    };
    return field;
}

template <typename At>
Field number(const char* key, const char* title, const char* help, double from, double to, bool advanced, At at) {
    Field field{key, title, help, FieldKind::Number, from, to, {}, advanced, {}, {}};
    field.get = [at](const Experiment& e) { return yamlNumber(at(e)); };
    field.set = [at, bounds = field](Experiment& e, const std::string& text) {
        const auto value = readNumber(trimmed(text));
        if (!value || *value < bounds.minimum || *value > bounds.maximum) refuse(bounds.key, "a number " + range(bounds), text);
        at(e) = *value;
    };
    return field;
}

template <typename At> Field flag(const char* key, const char* title, const char* help, bool advanced, At at) {
    Field field{key, title, help, FieldKind::Flag, 0, 1, {"false", "true"}, advanced, {}, {}};
    field.get = [at](const Experiment& e) { return std::string(at(e) ? "true" : "false"); };
    field.set = [at, key](Experiment& e, const std::string& text) {
        const std::string word = trimmed(text);
        if (word != "true" && word != "false") refuse(key, "true or false", text);
        at(e) = word == "true";
    };
    return field;
}

template <typename At>
Field choice(const char* key, const char* title, const char* help, std::vector<std::string> choices, bool advanced, At at) {
    Field field{key, title, help, FieldKind::Choice, 0, 0, std::move(choices), advanced, {}, {}};
    field.get = [at](const Experiment& e) { return std::string(at(e)); };
    field.set = [at, key, known = field.choices](Experiment& e, const std::string& text) {
        const std::string word = trimmed(text);
        if (std::find(known.begin(), known.end(), word) == known.end()) {
            std::string all;
            for (std::size_t i = 0; i < known.size(); ++i)
                all += (i == 0 ? "" : i + 1 == known.size() ? " or " : ", ") + known[i];
            refuse(key, all, text);
        }
        at(e) = word;
    };
    return field;
}

template <typename At>
Field text(const char* key, const char* title, const char* help, std::vector<std::string> suggestions, bool advanced, At at) {
    Field field{key, title, help, FieldKind::Text, 0, 0, std::move(suggestions), advanced, {}, {}};
    field.get = [at](const Experiment& e) { return std::string(at(e)); };
    field.set = [at, key](Experiment& e, const std::string& value) {
        checkText(key, value);
        at(e) = value;
    };
    return field;
}

std::vector<Field> makeFields() {
    std::vector<Field> fields;
    fields.push_back(
        text("name", "Name", "What the run is called in the runs table.", {}, true, [](auto& e) -> auto& { return e.name; }));

    fields.push_back(
        text("model.path", "Model",
             "A Hugging Face folder, a .gguf file, a hub id such as microsoft/phi-2, or default (SmolLM2-135M-Instruct).",
             {"default", "microsoft/phi-2"}, false, [](auto& e) -> auto& { return e.model.path; }));
    fields.push_back(choice("model.precision", "Precision",
                            "How the frozen weights are held. auto: bf16 where the processor multiplies it fast, else fp32.",
                            {"auto", "fp32", "bf16", "nf4"}, true, [](auto& e) -> auto& { return e.model.precision; }));
    fields.push_back(flag("model.double_quant", "Double quantisation",
                          "Quantises the scales of nf4 weights as well: 0.4 bit a weight less.", true,
                          [](auto& e) -> auto& { return e.model.double_quant; }));
    fields.push_back(choice("model.compute", "Compute in",
                            "The type that products are computed in. auto: as the weights are held. fp16 needs a GPU.",
                            {"auto", "fp32", "bf16", "fp16"}, true, [](auto& e) -> auto& { return e.model.compute; }));
    fields.push_back(choice("model.device", "Device",
                            "What computes. auto: a GPU where libtorch has CUDA and finds one, else the processor.",
                            {"auto", "cpu", "cuda"}, true, [](auto& e) -> auto& { return e.model.device; }));

    fields.push_back(text("data.csv", "CSV file", "The labelled data; a relative path starts at the experiment's file.", {}, true,
                          [](auto& e) -> auto& { return e.data.csv; }));
    fields.push_back(choice("data.header", "First line is a header", "Whether the first line names the columns. auto: guessed.",
                            {"auto", "true", "false"}, true, [](auto& e) -> auto& { return e.data.header; }));
    fields.push_back(text("data.encoding", "Encoding", "The file's encoding; auto: found from its bytes.",
                          {"auto", "UTF-8", "windows-1252", "ISO-8859-1", "UTF-16"}, true,
                          [](auto& e) -> auto& { return e.data.encoding; }));
    fields.push_back(text("data.delimiter", "Delimiter", "What stands between two fields: one character, tab, or auto.",
                          {"auto", ",", ";", "tab", "|"}, true, [](auto& e) -> auto& { return e.data.delimiter; }));
    fields.push_back(text("data.label", "Label column",
                          "The column with the right answer: its name or its number from 0. auto: guessed.", {"auto"}, true,
                          [](auto& e) -> auto& { return e.data.label; }));
    fields.push_back(text("data.text", "Text column", "The column with the text: its name or its number from 0. auto: guessed.",
                          {"auto"}, true, [](auto& e) -> auto& { return e.data.text; }));
    Field labels{"data.labels",
                 "Labels",
                 "The labels in the order of the report; rows with another label are left out. Empty: those in the data, sorted.",
                 FieldKind::TextList,
                 0,
                 0,
                 {},
                 true,
                 [](const Experiment& e) { return yamlList(e.data.labels); },
                 {}};
    labels.set = [](Experiment& e, const std::string& value) {
        checkText("data.labels", value), e.data.labels = readList("data.labels", value);
    };
    fields.push_back(std::move(labels));
    fields.push_back(integer("data.split.train_per_label", "Training rows a label", "Rows drawn from each label to train on.", 1,
                             1e7, false, [](auto& e) -> auto& { return e.data.split.train_per_label; }));
    fields.push_back(integer("data.split.test_per_label", "Test rows a label",
                             "Rows drawn from each label to judge the model by; never trained on.", 1, 1e7, false,
                             [](auto& e) -> auto& { return e.data.split.test_per_label; }));
    fields.push_back(integer("data.split.eval_per_label", "Evaluation rows a label",
                             "Rows drawn from each label, with replacement, to watch while training. 0: none.", 0, 1e7, true,
                             [](auto& e) -> auto& { return e.data.split.eval_per_label; }));
    fields.push_back(integer("data.split.seed", "Split seed", "Decides which rows are drawn.", 0, kSeed, true,
                             [](auto& e) -> auto& { return e.data.split.seed; }));
    fields.push_back(integer("data.split.shuffle_seed", "Order seed",
                             "Decides the order of the training rows and the evaluation rows.", 0, kSeed, true,
                             [](auto& e) -> auto& { return e.data.split.shuffle_seed; }));

    Field prompt =
        text("prompt.template", "Template",
             "What the model reads: {text} is the row's text; {label}, at the very end, is the answer it learns to give.", {},
             true, [](auto& e) -> auto& { return e.prompt.text_template; });
    prompt.kind = FieldKind::Template;
    fields.push_back(std::move(prompt));
    Field spelled{"prompt.labels",
                  "Labels as spelled",
                  "How each label is written after the question. Left out: as in the data.",
                  FieldKind::TextMap,
                  0,
                  0,
                  {},
                  true,
                  [](const Experiment& e) { return yamlMap(e.prompt.labels); },
                  {}};
    spelled.set = [](Experiment& e, const std::string& value) {
        checkText("prompt.labels", value), e.prompt.labels = readMap("prompt.labels", value);
    };
    fields.push_back(std::move(spelled));

    fields.push_back(integer("lora.r", "Rank r",
                             "Size of the adapter's bottleneck: more can learn more and costs more. Usual: 4 to 64.", 1, 1024,
                             false, [](auto& e) -> auto& { return e.lora.r; }));
    fields.push_back(number("lora.alpha", "Alpha", "Scales the adapter by alpha / r. Usual: r or 2 r.", 0.001, 65536, false,
                            [](auto& e) -> auto& { return e.lora.alpha; }));
    fields.push_back(number("lora.dropout", "Dropout", "Share of the adapter's inputs dropped while training. Usual: 0 to 0.1.",
                            0, 0.99, false, [](auto& e) -> auto& { return e.lora.dropout; }));
    fields.push_back(choice("lora.bias", "Train biases", "Which of the model's biases are trained too.",
                            {"none", "all", "lora_only"}, true, [](auto& e) -> auto& { return e.lora.bias; }));
    Field targets{"lora.targets",
                  "Target layers",
                  "all-linear, layer names such as q_proj and v_proj, or a regular expression for the layer's whole path.",
                  FieldKind::TextList,
                  0,
                  0,
                  {"all-linear", "q_proj", "k_proj", "v_proj", "o_proj", "dense", "gate_proj", "up_proj", "down_proj", "fc1",
                   "fc2", "Wqkv", "out_proj"},
                  true,
                  [](const Experiment& e) { return yamlList(e.lora.targets); },
                  {}};
    targets.set = [](Experiment& e, const std::string& value) {
        checkText("lora.targets", value);
        std::vector<std::string> list = readList("lora.targets", value);
        if (list.empty())
            throw Error(ErrorCode::BadInput, "lora.targets names no layer, so there is nothing to train.", "Use all-linear.");
        e.lora.targets = std::move(list);
    };
    fields.push_back(std::move(targets));
    fields.push_back(flag("lora.rslora", "Rank-stabilised",
                          "Scales by alpha / √r instead of alpha / r, which keeps large ranks useful.", true,
                          [](auto& e) -> auto& { return e.lora.rslora; }));

    fields.push_back(number("train.epochs", "Epochs", "How often the training rows are gone through. Usual: 1 to 5.", 0.001,
                            10000, false, [](auto& e) -> auto& { return e.train.epochs; }));
    fields.push_back(integer("train.batch_size", "Batch size", "Rows a step of the optimiser. Usual: 4 to 32.", 1, 65536, false,
                             [](auto& e) -> auto& { return e.train.batch_size; }));
    Field micro = text("train.micro_batch_size", "Micro batch size",
                       "Rows computed at once; fewer need less memory and change no result. auto: as many as is quick.", {"auto"},
                       true, [](auto& e) -> auto& { return e.train.micro_batch_size; });
    micro.set = [](Experiment& e, const std::string& value) {
        const std::string word = trimmed(value);
        const auto rows = readInteger(word);
        if (word != "auto" && (!rows || *rows < 1 || *rows > 65536))
            refuse("train.micro_batch_size", "auto or a whole number from 1 to 65536", value);
        e.train.micro_batch_size = rows ? std::to_string(*rows) : word;
    };
    fields.push_back(std::move(micro));
    fields.push_back(number("train.learning_rate", "Learning rate", "Size of the steps at their largest. Usual: 5e-5 to 5e-4.", 0,
                            10, false, [](auto& e) -> auto& { return e.train.learning_rate; }));
    fields.push_back(number("train.weight_decay", "Weight decay", "Pulls the adapter's weights towards zero at every step.", 0,
                            10, true, [](auto& e) -> auto& { return e.train.weight_decay; }));
    fields.push_back(number("train.max_grad_norm", "Gradient clipping", "The gradient is scaled down to this norm. 0: never.", 0,
                            1e6, true, [](auto& e) -> auto& { return e.train.max_grad_norm; }));
    fields.push_back(number("train.warmup_ratio", "Warm-up", "Share of the steps in which the learning rate rises from 0.", 0, 1,
                            true, [](auto& e) -> auto& { return e.train.warmup_ratio; }));
    fields.push_back(choice("train.schedule", "Schedule", "How the learning rate falls after the warm-up.",
                            {"cosine", "linear", "constant"}, true, [](auto& e) -> auto& { return e.train.schedule; }));
    fields.push_back(choice("train.optimizer", "Optimiser", "AdamW with float32 moments.", {"adamw"}, true,
                            [](auto& e) -> auto& { return e.train.optimizer; }));
    fields.push_back(choice("train.loss_on", "Loss on",
                            "answer: only the label's tokens count. all: the whole prompt counts, as in the article.",
                            {"answer", "all"}, true, [](auto& e) -> auto& { return e.train.loss_on; }));
    Field resid =
        number("train.resid_dropout", "Residual dropout",
               "Dropout of the model's own residual branches while training. -1: what the model's config says (Phi-2: 0.1).", -1,
               0.99, true, [](auto& e) -> auto& { return e.train.resid_dropout; });
    resid.set = [inRange = resid.set](Experiment& e, const std::string& value) {
        Experiment tried;
        inRange(tried, value);
        if (tried.train.resid_dropout < 0 && tried.train.resid_dropout != -1)
            refuse("train.resid_dropout", "-1 or a number from 0 to 0.99", value);
        e.train.resid_dropout = tried.train.resid_dropout;
    };
    fields.push_back(std::move(resid));
    fields.push_back(integer("train.max_tokens", "Longest prompt", "Tokens of a prompt with its answer; longer texts are cut.", 8,
                             1e6, true, [](auto& e) -> auto& { return e.train.max_tokens; }));
    fields.push_back(integer("train.seed", "Seed", "Decides the adapter's first weights, the order of rows and the dropout.", 0,
                             kSeed, true, [](auto& e) -> auto& { return e.train.seed; }));
    fields.push_back(integer("train.eval_every", "Evaluate every", "Steps between evaluations. 0: at the end of every epoch.", 0,
                             1e9, true, [](auto& e) -> auto& { return e.train.eval_every; }));
    fields.push_back(integer("train.checkpoint_every", "Checkpoint every", "Steps between checkpoints. 0: only at the end.", 0,
                             1e9, true, [](auto& e) -> auto& { return e.train.checkpoint_every; }));

    fields.push_back(choice(
        "evaluate.method", "Method",
        "score compares the labels' probabilities. generate lets the model write and looks for a label, as in the article.",
        {"score", "generate"}, true, [](auto& e) -> auto& { return e.evaluate.method; }));
    fields.push_back(integer("evaluate.max_new_tokens", "New tokens", "How much generate lets the model write.", 1, 4096, true,
                             [](auto& e) -> auto& { return e.evaluate.max_new_tokens; }));
    fields.push_back(text(
        "evaluate.unanswered", "Unanswered rows",
        "separate counts rows without an answer on their own. A label's name counts them as that label (the article: neutral).",
        {"separate"}, true, [](auto& e) -> auto& { return e.evaluate.unanswered; }));
    fields.push_back(integer("evaluate.batch_size", "Rows at once", "Rows evaluated together; changes no result.", 1, 65536, true,
                             [](auto& e) -> auto& { return e.evaluate.batch_size; }));
    return fields;
}

} // namespace

const std::vector<Field>& experimentFields() {
    static const std::vector<Field> fields = makeFields();
    return fields;
}

const Field& experimentField(const std::string& key) {
    std::vector<std::string> known;
    for (const Field& field : experimentFields()) {
        if (field.key == key) return field;
        known.push_back(field.key);
    }
    throw Error(ErrorCode::BadInput, "There is no setting \"" + excerpt(key) + "\".",
                "Did you mean " + nearestKey(key, known) + "?");
}

} // namespace engine
