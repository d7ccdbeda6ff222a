// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/architecture/tensors.h"
#include "engine/architecture/targets.h"

#include <utility>

namespace engine {

namespace {

using Norms = std::vector<std::pair<const ModuleName*, std::int64_t>>; // with their elements

Norms attentionNorms(const DecoderConfig& c) {
    return {{&c.attentionNorm, c.hidden_size},
            {&c.queryNorm, c.head_dim},
            {&c.keyNorm, c.head_dim},
            {&c.attentionBranchNorm, c.hidden_size}};
}
Norms mlpNorms(const DecoderConfig& c) {
    return {{&c.mlpNorm, c.hidden_size}, {&c.mlpBranchNorm, c.hidden_size}};
}

bool isOfMlp(const LinearModule& linear) {
    return linear.product() == Product::Up || linear.product() == Product::Down;
}

} // namespace

std::string layerPath(std::int64_t layer, const ModuleName& module) {
    return module ? "model.layers." + std::to_string(layer) + "." + module.folder : std::string();
}

std::vector<NormShape> norms(const DecoderConfig& c) {
    std::vector<NormShape> all;
    for (std::int64_t layer = 0; layer < c.layers; ++layer)
        for (const Norms& some : {attentionNorms(c), mlpNorms(c)})
            for (const auto& [module, size] : some)
                if (*module) all.push_back({layerPath(layer, *module), size});
    all.push_back({c.finalNorm.folder, c.hidden_size});
    return all;
}

std::vector<TensorShape> modelTensors(const DecoderConfig& c) {
    std::vector<TensorShape> all;
    const auto add = [&](const std::string& module, std::vector<std::int64_t> shape, bool bias) {
        const std::int64_t rows = shape.front();
        all.push_back({module + ".weight", std::move(shape)});
        if (bias) all.push_back({module + ".bias", {rows}});
    };
    const auto addNorms = [&](std::int64_t layer, const Norms& norms) {
        for (const auto& [module, size] : norms)
            if (*module) add(layerPath(layer, *module), {size}, c.norm == NormKind::LayerNorm);
    };
    add(c.embedding.folder, {c.vocab_size, c.hidden_size}, false);
    const std::vector<LinearShape> linears = linearLayers(c);
    auto next = linears.begin();
    for (std::int64_t layer = 0; layer < c.layers; ++layer) {
        addNorms(layer, attentionNorms(c));
        bool inMlp = false;
        for (const LinearModule& module : c.linears) {
            if (isOfMlp(module) && !std::exchange(inMlp, true)) addNorms(layer, mlpNorms(c));
            add(next->name, {next->out, next->in}, module.bias);
            ++next;
        }
    }
    add(c.finalNorm.folder, {c.hidden_size}, c.norm == NormKind::LayerNorm);
    if (!c.tied_head) add(c.head.folder, {c.vocab_size, c.hidden_size}, false);
    if (c.head_bias) all.push_back({c.head.folder + ".bias", {c.vocab_size}});
    return all;
}

} // namespace engine
