// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/jobs/check_model.h"
#include "engine/architecture/config.h"
#include "engine/architecture/targets.h"
#include "engine/architecture/tensors.h"
#include "engine/experiment.h"
#include "engine/files/json_file.h"
#include "engine/jobs.h"
#include "engine/jobs/setup.h"
#include "engine/model/loader.h"
#include "engine/text/tokenizer.h"
#include "engine/train/adapter_io.h"
#include "engine/weights/adapter_config.h"
#include "engine/weights/adapter_file.h"
#include "engine/weights/gguf.h"
#include "engine/weights/hub.h"
#include "engine/weights/safetensors.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

namespace engine {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kConfigBytes = std::size_t{1} << 20;

void fact(CheckResult& result, const std::string& name, const CheckResult::Value& value) {
    result.facts.emplace_back(name, value);
}

void warn(CheckResult& result, const std::string& message) {
    result.issues.push_back({Severity::Warning, result.path.string(), 0, 0, message});
}

/// Does `step`; what it throws becomes an issue.
template <typename Step> bool attempt(CheckResult& result, const Step& step) {
    try {
        step();
        return true;
    } catch (const Error& error) {
        addProblem(result, error);
        return false;
    }
}

/// "BF16 (272), F32 (61)": element types with the number of tensors of each.
std::string types(const std::vector<TensorView>& tensors) {
    std::map<std::string, int> counts;
    for (const TensorView& tensor : tensors) ++counts[toString(tensor.type)];
    std::string text;
    for (const auto& [type, count] : counts) text += (text.empty() ? "" : ", ") + type + " (" + std::to_string(count) + ")";
    return text;
}

std::int64_t elements(const std::vector<TensorView>& tensors) {
    std::int64_t total = 0;
    for (const TensorView& tensor : tensors) total += tensor.count();
    return total;
}

/// Reads every tensor that the configuration asks for, so that each missing, misshapen or non-finite one is told.
void checkWeights(CheckResult& result) {
    const WeightReader reader(result.path);
    std::set<std::string> done;
    if (reader.holdsNf4())
        for (const LinearShape& linear : linearLayers(reader.config())) {
            const std::string name = linear.name + ".weight";
            attempt(result, [&] { static_cast<void>(reader.readNf4(name, linear.out, linear.in, false)); });
            done.insert(name);
        }
    for (const TensorShape& tensor : modelTensors(reader.config()))
        if (!done.contains(tensor.name))
            attempt(result, [&] { static_cast<void>(reader.read(tensor.name, tensor.shape, at::kFloat)); });
}

void checkTokenizer(CheckResult& result, const Tokenizer& tokenizer, const DecoderConfig& config) {
    fact(result, "tokens", tokenizer.size());
    if (tokenizer.size() > config.vocab_size)
        addProblem(result, Error(ErrorCode::BadInput,
                                 result.path.string() + ": the tokenizer has " + std::to_string(tokenizer.size()) +
                                     " tokens, but the model's vocabulary is " + std::to_string(config.vocab_size) + ".",
                                 "They do not belong together."));
    if (tokenizer.eos() < 0 && config.eos < 0)
        warn(result, "Neither tokenizer nor configuration names an end-of-text token; generation ends by length only.");
}

void addFacts(CheckResult& result, const ModelFacts& model) {
    fact(result, "name", model.name);
    fact(result, "family", model.family);
    fact(result, "format", model.format);
    fact(result, "parameters", model.parameters);
    fact(result, "layers", model.config.layers);
    fact(result, "hidden_size", model.config.hidden_size);
    fact(result, "vocab_size", model.config.vocab_size);
    fact(result, "max_positions", model.config.max_positions);
}

} // namespace

void checkModelFolder(CheckResult& result) {
    const fs::path model = modelIn(result.path, "A Hugging Face model folder has config.json, tokenizer.json and *.safetensors.");
    if (model.extension() == ".gguf") {
        result.path = model;
        result.kind = FileKind::Gguf;
        return checkGguf(result);
    }
    attempt(result, [&] { addFacts(result, modelFacts(result.path.string())); });
    attempt(result, [&] { checkTokenizer(result, Tokenizer::fromFolder(result.path), configFromFolder(result.path)); });
    attempt(result, [&] { checkWeights(result); });
}

void checkGguf(CheckResult& result) {
    const GgufFile file(result.path);
    fact(result, "tensors", static_cast<std::int64_t>(file.tensors().size()));
    fact(result, "types", types(file.tensors()));
    requireModel(file);
    if (!attempt(result, [&] { addFacts(result, modelFacts(result.path.string())); })) return;
    attempt(result, [&] { checkTokenizer(result, Tokenizer::fromGguf(file), configFromGguf(file)); });
    attempt(result, [&] { checkWeights(result); });
}

void checkSafetensors(CheckResult& result) {
    const SafetensorsFile file(result.path);
    fact(result, "tensors", static_cast<std::int64_t>(file.tensors().size()));
    fact(result, "types", types(file.tensors()));
    fact(result, "elements", elements(file.tensors()));
}

namespace {

/// What the two files say, as far as they can be read.
void addAdapterFacts(CheckResult& result) {
    try {
        const nlohmann::json json = readJsonObject(result.path / "adapter_config.json", kConfigBytes);
        for (const char* key : {"peft_type", "task_type", "base_model_name_or_path", "bias"})
            if (json.contains(key) && json[key].is_string()) fact(result, key, json[key].get<std::string>());
        for (const char* key : {"r", "lora_alpha", "lora_dropout"})
            if (json.contains(key) && json[key].is_number()) fact(result, key, json[key].get<double>());
        if (json.contains("target_modules"))
            fact(result, "target_modules", json["target_modules"].dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
        const SafetensorsFile file(result.path / "adapter_model.safetensors");
        fact(result, "modules", std::ranges::count_if(file.tensors(), [](const TensorView& tensor) {
                 return tensor.name.find(".lora_A.") != std::string::npos;
             }));
        fact(result, "parameters", elements(file.tensors()));
    } catch (const Error&) {
        // Told by adapterProblems.
    }
}

/// Whether the adapter fits the model it was trained on, where that is here.
void checkBase(CheckResult& result) {
    const std::string base = readAdapterConfig(result.path / "adapter_config.json").baseModel;
    fs::path model;
    try {
        if (!base.empty()) model = resolveModel(base);
    } catch (const Error&) {}
    fact(result, "base", model.empty() ? std::string("not here: layers and shapes were not compared with it") : model.string());
    if (!model.empty()) loadAdapter(result.path, configOf(model));
}

} // namespace

void checkAdapter(CheckResult& result) {
    addAdapterFacts(result);
    for (const Error& problem : adapterProblems(result.path)) addProblem(result, problem);
    if (result.issues.empty()) attempt(result, [&] { checkBase(result); });
}

} // namespace engine
