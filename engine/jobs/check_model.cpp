// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/jobs/check_model.h"
#include "engine/architecture/config.h"
#include "engine/architecture/tensors.h"
#include "engine/experiment.h"
#include "engine/jobs.h"
#include "engine/model/loader.h"
#include "engine/text/tokenizer.h"
#include "engine/weights/gguf.h"
#include "engine/weights/safetensors.h"

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

namespace engine {

namespace fs = std::filesystem;

namespace {

constexpr std::uintmax_t kConfigBytes = 1 << 20;

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
    for (const TensorShape& tensor : modelTensors(reader.config()))
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
    if (!fs::exists(result.path / "config.json"))
        throw Error(
            ErrorCode::BadInput, result.path.string() + " holds no model: config.json is missing.",
            "A Hugging Face model folder has config.json, tokenizer.json and *.safetensors; an adapter has adapter_config.json.");
    attempt(result, [&] { addFacts(result, modelFacts(result.path.string())); });
    attempt(result, [&] { checkTokenizer(result, Tokenizer::fromFolder(result.path), configFromFolder(result.path)); });
    const std::size_t before = result.issues.size();
    attempt(result, [&] { checkWeights(result); });
    if (before > 0 && result.issues.size() > before && result.issues[before].message == result.issues[0].message)
        result.issues.erase(result.issues.begin() +
                            static_cast<std::ptrdiff_t>(before)); // the same fault of config.json, met again
}

void checkGguf(CheckResult& result) {
    const GgufFile file(result.path);
    fact(result, "tensors", static_cast<std::int64_t>(file.tensors().size()));
    fact(result, "types", types(file.tensors()));
    if (const GgufFile::Value* type = file.value("general.type"); type && *type == GgufFile::Value(std::string("adapter"))) {
        fact(result, "type", std::string("adapter"));
        return;
    }
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

void checkAdapter(CheckResult& result) {
    const fs::path config = result.path / "adapter_config.json", weights = result.path / "adapter_model.safetensors";
    attempt(result, [&] {
        std::ifstream in(config, std::ios::binary);
        if (!in)
            throw Error(ErrorCode::NotFound, config.string() + " is missing.",
                        "PEFT writes it beside adapter_model.safetensors.");
        if (fs::file_size(config) > kConfigBytes)
            throw Error(ErrorCode::BadInput, config.string() + " is larger than a configuration can be (1 MiB).");
        const nlohmann::json json = nlohmann::json::parse(in, nullptr, false);
        if (!json.is_object()) throw Error(ErrorCode::BadInput, config.string() + " is no JSON object.");
        for (const char* key : {"peft_type", "base_model_name_or_path", "bias"})
            if (json.contains(key) && json[key].is_string()) fact(result, key, json[key].get<std::string>());
        for (const char* key : {"r", "lora_alpha", "lora_dropout"})
            if (json.contains(key) && json[key].is_number()) fact(result, key, json[key].get<double>());
        if (json.contains("target_modules"))
            fact(result, "target_modules", json["target_modules"].dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
        if (json.value("peft_type", nlohmann::json()) != "LORA")
            throw Error(ErrorCode::BadInput, config.string() + ": peft_type is not LORA.", "Phibench reads LoRA adapters.");
    });
    attempt(result, [&] {
        if (!fs::exists(weights))
            throw Error(ErrorCode::NotFound, weights.string() + " is missing.",
                        fs::exists(result.path / "adapter_model.bin")
                            ? "There is an adapter_model.bin, a pickle, which can run code: have PEFT save it as safetensors."
                            : "");
        const SafetensorsFile file(weights);
        std::int64_t down = 0, up = 0;
        for (const TensorView& tensor : file.tensors()) {
            down += tensor.name.find(".lora_A.") != std::string::npos;
            up += tensor.name.find(".lora_B.") != std::string::npos;
        }
        fact(result, "modules", down);
        fact(result, "parameters", elements(file.tensors()));
        if (down == 0 || down != up)
            throw Error(ErrorCode::BadInput,
                        weights.string() + " has " + std::to_string(down) + " lora_A and " + std::to_string(up) +
                            " lora_B tensors.",
                        "They come in pairs.");
    });
}

} // namespace engine
