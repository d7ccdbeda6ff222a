// SPDX-License-Identifier: GPL-3.0-or-later
// What can be said of a model without its weights.
#include "engine/architecture/config.h"
#include "engine/jobs.h"
#include "engine/jobs/setup.h"
#include "engine/weights/gguf.h"
#include "engine/weights/hub.h"
#include "engine/weights/model_files.h"

#include <algorithm>
#include <map>

namespace engine {

namespace {

/// The type that most of the weights are stored in.
std::string storedType(const std::vector<TensorView>& tensors) {
    std::map<std::string, std::size_t> bytes;
    for (const TensorView& tensor : tensors) bytes[toString(tensor.type)] += tensor.bytes.size();
    const auto most =
        std::max_element(bytes.begin(), bytes.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
    return most == bytes.end() ? std::string() : " " + most->first;
}

} // namespace

ModelFacts modelFacts(const std::string& model) {
    const std::filesystem::path path = resolveModel(model);
    ModelFacts facts;
    DecoderConfig config;
    if (path.extension() == ".gguf") {
        const GgufFile file(path);
        config = configFromGguf(file);
        facts.format = "GGUF" + storedType(file.tensors());
    } else {
        config = configFromFolder(path);
        facts.format = "safetensors" + storedType(ModelFiles(path).tensors());
    }
    facts.name = config.name;
    facts.family = config.family;
    facts.path = path.string();
    facts.parameters = parameterCount(config);
    facts.config = config;
    return facts;
}

std::int64_t trainableParameters(const std::string& model, const LoraSpec& lora) {
    return trainableParameters(configOf(resolveModel(model)), lora);
}

} // namespace engine
