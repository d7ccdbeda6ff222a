// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/train/checkpoint_settings.h"
#include "engine/files/sha256.h"

#include <algorithm>

namespace engine {

namespace {

/// The settings of version 0.1 that decided a training, in their order. Never changed: files hold sums over it.
constexpr const char* kFormat1[] = {"model.path",
                                    "model.precision",
                                    "model.double_quant",
                                    "model.compute",
                                    "data.header",
                                    "data.encoding",
                                    "data.delimiter",
                                    "data.label",
                                    "data.text",
                                    "data.labels",
                                    "data.split.train_per_label",
                                    "data.split.test_per_label",
                                    "data.split.eval_per_label",
                                    "data.split.seed",
                                    "data.split.shuffle_seed",
                                    "prompt.template",
                                    "prompt.labels",
                                    "lora.r",
                                    "lora.alpha",
                                    "lora.dropout",
                                    "lora.bias",
                                    "lora.targets",
                                    "lora.rslora",
                                    "train.epochs",
                                    "train.batch_size",
                                    "train.micro_batch_size",
                                    "train.learning_rate",
                                    "train.weight_decay",
                                    "train.max_grad_norm",
                                    "train.warmup_ratio",
                                    "train.schedule",
                                    "train.optimizer",
                                    "train.loss_on",
                                    "train.resid_dropout",
                                    "train.max_tokens",
                                    "train.seed"};

const std::string* valueOf(const Params& params, const std::string& key) {
    const auto found = std::find_if(params.begin(), params.end(), [&](const auto& param) { return param.first == key; });
    return found == params.end() ? nullptr : &found->second;
}

} // namespace

Params trainingSettings(const Experiment& experiment) {
    Params settings;
    for (const Field& field : experimentFields())
        if (field.decidesTraining()) settings.emplace_back(field.key, field.get(experiment));
    return settings;
}

std::string differenceOfSettings(const Params& kept, const Params& now) {
    std::string unknown, other;
    for (const auto& [key, value] : kept)
        if (!findField(key)) unknown += (unknown.empty() ? "" : ", ") + key;
    if (!unknown.empty()) return "was written by a newer Phibench, whose " + unknown + " this one does not know";
    const Params whole = completed(kept);
    for (const auto& [key, value] : now) {
        const std::string* before = valueOf(whole, key);
        if (before && *before == value) continue;
        other += (other.empty() ? "" : ", ") + key + " (" + (before ? *before : "not recorded") + ", now " + value + ")";
    }
    return other.empty() ? "" : "belongs to a training with other settings: " + other;
}

std::string fingerprintOfFormat1(const Params& recorded) {
    std::string text;
    for (const char* key : kFormat1)
        if (const std::string* value = valueOf(recorded, key)) text += std::string(key) + "=" + *value + "\n";
    return sha256(text);
}

} // namespace engine
