// SPDX-License-Identifier: GPL-3.0-or-later
// Experiments from any bytes: one BadInput, or an experiment that its own YAML gives back.
#include "engine/experiment.h"
#include "engine/words/yaml_tree.h"

#include <cstdint>
#include <cstdlib>

using namespace engine;

namespace {

void check(bool right) {
    if (!right) std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string input(reinterpret_cast<const char*>(data), size);
    Experiment experiment;
    const auto accepted = [&](auto read) {
        try {
            read();
            return true;
        } catch (const Error& error) {
            check(error.code() == ErrorCode::BadInput && isUtf8(error.what()) && error.message().size() < 64 << 10);
            return false;
        }
    };
    const auto comesBack = [&] {
        validate(experiment);
        const Experiment again = parseExperiment(toYaml(experiment), "again.yaml", "/");
        check(diff(experiment, again).empty() && toYaml(again) == toYaml(experiment));
        check(again.data.labels == experiment.data.labels && again.prompt.labels == experiment.prompt.labels);
    };
    if (accepted([&] { experiment = parseExperiment(input, "input.yaml", "/"); })) comesBack();
    for (const char* key : {"data.labels=", "prompt.labels=", "lora.r=", "train.learning_rate=", "prompt.template=", ""}) {
        experiment = {};
        if (accepted([&] { applySetting(experiment, key + input); })) comesBack();
    }
    return 0;
}
