// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/setting_words.h"
#include "engine/experiment.h"
#include "engine/words/nearest.h"

#include <algorithm>
#include <map>

namespace engine {

namespace {

constexpr const char* kAccumulation =
    "a step takes train.batch_size rows and computes train.micro_batch_size of them at a time, so gradients are accumulated over "
    "batch_size / micro_batch_size parts.";

/// Words of TrainingArguments, SFTConfig, LoraConfig, BitsAndBytesConfig and the scripts around them: the setting that is ours,
/// or a clause where there is none of the same meaning.
const std::map<std::string, const char*>& foreignWords() {
    static const std::map<std::string, const char*> words{
        {"gradient_accumulation_steps", kAccumulation},
        {"per_device_train_batch_size", kAccumulation},
        {"per_device_eval_batch_size", "evaluate.batch_size"},
        {"num_train_epochs", "train.epochs"},
        {"num_epochs", "train.epochs"},
        {"max_steps", "a training's length is train.epochs; a part of an epoch, such as 0.5, will do."},
        {"lr", "train.learning_rate"},
        {"lr_scheduler_type", "train.schedule"},
        {"warmup_steps", "train.warmup_ratio, the share of all steps, says it."},
        {"optim", "train.optimizer"},
        {"max_seq_length", "train.max_tokens"},
        {"max_length", "train.max_tokens"},
        {"model_max_length", "train.max_tokens"},
        {"cutoff_len", "train.max_tokens"},
        {"completion_only_loss", "train.loss_on, answer or all, says it."},
        {"assistant_only_loss", "train.loss_on, answer or all, says it."},
        {"train_on_inputs", "train.loss_on, answer or all, says it."},
        {"eval_steps", "train.eval_every"},
        {"eval_strategy", "train.eval_every, in steps, says it; 0 is the end of every epoch."},
        {"evaluation_strategy", "train.eval_every, in steps, says it; 0 is the end of every epoch."},
        {"save_steps", "train.checkpoint_every"},
        {"save_strategy", "train.checkpoint_every, in steps, says it."},
        {"logging_steps", "every step is recorded, so leave it out."},
        {"report_to", "runs are recorded in the runs file, and export writes them for other programs; leave it out."},
        {"output_dir", "runs lie in the runs file that --db names, adapters beside it; leave it out."},
        {"data_seed", "train.seed"},
        {"rank", "lora.r"},
        {"lora_r", "lora.r"},
        {"lora_rank", "lora.r"},
        {"lora_alpha", "lora.alpha"},
        {"lora_dropout", "lora.dropout"},
        {"lora_bias", "lora.bias"},
        {"target_modules", "lora.targets"},
        {"lora_target_modules", "lora.targets"},
        {"use_rslora", "lora.rslora"},
        {"load_in_4bit", "model.precision: nf4 says it."},
        {"bnb_4bit_quant_type", "model.precision: nf4 says it."},
        {"bnb_4bit_use_double_quant", "model.double_quant"},
        {"bnb_4bit_compute_dtype", "model.compute"},
        {"bf16", "model.precision, such as bf16, says it."},
        {"fp16", "model.compute: fp16 says it."},
        {"torch_dtype", "model.precision"},
        {"dtype", "model.precision"},
        {"device_map", "model.device"},
        {"model_name_or_path", "model.path"},
        {"model_name", "model.path"},
        {"base_model", "model.path"},
        {"dataset_name", "data.csv"},
        {"train_file", "data.csv"},
        {"dataset_text_field", "data.text"},
        {"run_name", "name"},
    };
    return words;
}

std::string lastPart(const std::string& key) {
    const auto dot = key.rfind('.');
    return dot == std::string::npos ? key : key.substr(dot + 1);
}

std::string sectionOf(const std::string& key) {
    const auto dot = key.rfind('.');
    return dot == std::string::npos ? std::string() : key.substr(0, dot);
}

/// Every key and every section of the settings.
std::vector<std::string> knownKeys() {
    std::vector<std::string> known, sections;
    for (const Field& field : experimentFields()) {
        known.push_back(field.key);
        for (std::string section = sectionOf(field.key); !section.empty(); section = sectionOf(section))
            if (std::find(sections.begin(), sections.end(), section) == sections.end()) sections.push_back(section);
    }
    known.insert(known.end(), sections.begin(), sections.end());
    return known;
}

bool isIn(const std::vector<std::string>& known, const std::string& key) {
    return std::find(known.begin(), known.end(), key) != known.end();
}

/// "in lora there are r, alpha and dropout."
std::string whatThereIs(std::string section, const std::vector<std::string>& known) {
    while (!section.empty() && !isIn(known, section)) section = sectionOf(section);
    std::vector<std::string> names;
    for (const std::string& one : known)
        if (sectionOf(one) == section) names.push_back(lastPart(one));
    std::string all = section.empty() ? "an experiment has " : "in " + section + " there are ";
    for (std::size_t i = 0; i < names.size(); ++i) all += (i == 0 ? "" : i + 1 == names.size() ? " and " : ", ") + names[i];
    return all + ".";
}

} // namespace

std::string adviceOnKey(const std::string& key, bool inSection) {
    std::string word = lastPart(key);
    std::transform(word.begin(), word.end(), word.begin(), [](char c) { return c == '-' ? '_' : c; });
    if (const auto ours = foreignWords().find(word); ours != foreignWords().end()) {
        const std::string said = ours->second;
        return said.ends_with('.') ? said : "here it is " + said + ".";
    }
    const std::vector<std::string> known = knownKeys();
    if (isIn(known, key)) return whatThereIs(key, known);
    const std::string near = nearestKey(key, known);
    if (near.empty()) return whatThereIs(sectionOf(key), known);
    const bool sibling = inSection && !sectionOf(key).empty() && sectionOf(near) == sectionOf(key);
    return "did you mean " + (sibling ? lastPart(near) : near) + "?";
}

} // namespace engine
