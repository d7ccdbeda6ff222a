// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/architecture/config.h"
#include "engine/architecture/config_rotary.h"
#include "engine/architecture/family.h"
#include "engine/files/json_file.h"
#include "engine/weights/tensor_view.h"

#include <algorithm>

namespace engine {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kLargestConfig = std::size_t{1} << 20;

const char* torchName(DType type) {
    switch (type) {
    case DType::F64: return "float64";
    case DType::F16: return "float16";
    case DType::BF16: return "bfloat16";
    default: return "float32";
    }
}

std::string written(const Json& config) {
    try {
        return config.dump(2) + "\n";
    } catch (const nlohmann::json::exception&) { throw Error(ErrorCode::BadInput, "config.json holds text that is not UTF-8."); }
}

std::string listed(const std::vector<std::string>& names) {
    std::string text;
    for (std::size_t i = 0; i < names.size(); ++i) text += (i == 0 ? "" : i + 1 < names.size() ? ", " : " and ") + names[i];
    return text;
}

} // namespace

DecoderConfig commonConfig(const std::string& name) {
    DecoderConfig config = familyNamed(name).common();
    config.family = name;
    return config;
}

namespace {

/// A model whose head chooses among labels, or spans of text, is no language model, though its layers are the same.
void refuseOtherHead(const ConfigFile& file) {
    const auto* all = file.find("architectures");
    if (!all) return;
    if (!all->is_array() || !std::ranges::all_of(*all, [](const auto& one) { return one.is_string(); }))
        file.wrongKind("architectures", *all, "a list of words");
    if (all->empty()) return;
    const std::string name = all->front().get<std::string>();
    for (const char* head : {"ForSequenceClassification", "ForTokenClassification", "ForQuestionAnswering", "ForMultipleChoice"})
        if (name.ends_with(head))
            file.refuse("architectures says " + quote(name) +
                            ", but a language model, …ForCausalLM, is needed: this one's head is " + "a classifier's.",
                        "Give the folder of the model that it was made from.");
}

} // namespace

bool readsModelType(const std::string& type) {
    return std::ranges::any_of(families(), [&](const Family* family) {
        const std::vector<std::string> types = family->modelTypes();
        return std::find(types.begin(), types.end(), type) != types.end();
    });
}

DecoderConfig configFromFolder(const std::filesystem::path& folder) {
    const ConfigFile file(folder);
    refuseOtherHead(file);
    const std::string type = file.text("model_type");
    std::vector<std::string> known;
    for (const Family* family : families()) {
        const std::vector<std::string> types = family->modelTypes();
        known.push_back(family->name());
        if (std::find(types.begin(), types.end(), type) == types.end()) continue;
        DecoderConfig config = commonConfig(family->name());
        family->read(file, config);
        checkSizes(file.name(), config);
        return config;
    }
    file.refuse(type.empty() ? "model_type is missing." : "model_type \"" + type + "\" is not supported.",
                "Phibench runs the families " + listed(known) + ".");
}

DecoderConfig configFromGguf(const GgufFile& file) {
    requireModel(file);
    const GgufKeys keys(file);
    const std::string architecture = file.text("general.architecture");
    std::vector<std::string> known;
    for (const Family* family : families()) {
        if (std::find(known.begin(), known.end(), family->ggufArchitecture()) == known.end())
            known.push_back(family->ggufArchitecture());
        if (family->ggufArchitecture() != architecture) continue;
        DecoderConfig config = commonConfig(family->name());
        family->read(keys, config);
        checkSizes(file.path().string(), config);
        return config;
    }
    keys.refuse("general.architecture \"" + architecture + "\" is not supported.", "Phibench runs " + listed(known) + ".");
}

DecoderConfig configOf(const std::filesystem::path& model) {
    return std::filesystem::is_directory(model) ? configFromFolder(model) : configFromGguf(GgufFile(model));
}

std::string configText(const DecoderConfig& c, DType type) {
    const Family& family = familyNamed(c.family);
    Json config{{"architectures", {family.architecture()}},
                {"model_type", family.name()},
                {"vocab_size", c.vocab_size},
                {"hidden_size", c.hidden_size},
                {"intermediate_size", c.intermediate_size},
                {"num_hidden_layers", c.layers},
                {"num_attention_heads", c.heads},
                {"num_key_value_heads", c.kv_heads},
                {"max_position_embeddings", c.max_positions},
                {"attention_dropout", 0.0},
                {"initializer_range", 0.02},
                {"use_cache", true},
                {"bos_token_id", c.bos >= 0 ? Json(c.bos) : Json()},
                {"eos_token_id", c.eos >= 0 ? Json(c.eos) : Json()},
                {"tie_word_embeddings", c.tied_head},
                {"torch_dtype", torchName(type)}};
    writeRotary(c, config);
    family.write(c, config);
    return written(config);
}

std::string plainConfigText(const std::filesystem::path& folder, DType type) {
    Json config = readOrderedJsonObject(folder / "config.json", kLargestConfig);
    config.erase("quantization_config");
    const bool newer = config.contains("dtype"); // transformers 5's name for it
    if (newer) config["dtype"] = torchName(type);
    if (!newer || config.contains("torch_dtype")) config["torch_dtype"] = torchName(type);
    return written(config);
}

GgufMetadata ggufMetadata(const DecoderConfig& config) {
    const Family& family = familyNamed(config.family);
    // What a GGUF says of an architecture by its name alone is as the family that reads it has it.
    for (const Family* reader : families()) {
        if (reader->ggufArchitecture() != family.ggufArchitecture()) continue;
        const DecoderConfig read = reader->common();
        if (read.activation != config.activation || read.norm != config.norm || read.parallel != config.parallel ||
            read.attentionNorm != config.attentionNorm || read.mlpNorm != config.mlpNorm ||
            read.attentionBranchNorm != config.attentionBranchNorm || read.mlpBranchNorm != config.mlpBranchNorm ||
            read.queryNorm != config.queryNorm || read.keyNorm != config.keyNorm)
            throw Error(ErrorCode::BadInput, config.name + ": a GGUF of architecture \"" + family.ggufArchitecture() +
                                                 "\" is read as " + reader->name() +
                                                 ", whose norms or activation are not those of " + family.name() + ".");
        break;
    }
    return family.ggufMetadata(config);
}

} // namespace engine
