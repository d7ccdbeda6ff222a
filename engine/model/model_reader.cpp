// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/model_reader.h"

#include "engine/architecture/tensors.h"

#include <ATen/Functions.h>
#include <algorithm>

namespace engine {

ModelReader::ModelReader(const std::filesystem::path& model, Precision precision, const Sink& sink, std::stop_token stop)
    : m_reader(model), m_precision(precision), m_sink(sink), m_stop(std::move(stop)), m_linears(linearLayers(m_reader.config())) {
    m_quantised = quantisedLayers(m_reader, precision, Keeping{sink, m_stop});
}

LayerParts ModelReader::layer(std::int64_t number) const {
    const DecoderConfig& c = config();
    LayerParts layer;
    auto next = m_linears.begin() + number * std::ssize(c.linears);
    for (const LinearModule& module : c.linears) {
        LinearParts& product = layer.product(module.product());
        product.parts.push_back(*next++);
        product.biases.push_back(module.bias);
    }
    return layer;
}

LinearParts& LayerParts::product(Product product) {
    switch (product) {
    case Product::Qkv: return qkv;
    case Product::Out: return out;
    case Product::Up: return up;
    case Product::Down: break;
    }
    return down;
}

at::Tensor ModelReader::bias(const LinearParts& linear) const {
    if (std::find(linear.biases.begin(), linear.biases.end(), true) == linear.biases.end()) return {};
    std::vector<at::Tensor> all;
    for (std::size_t i = 0; i < linear.parts.size(); ++i) {
        const LinearShape& part = linear.parts[i];
        all.push_back(linear.biases[i] ? vector(part.name + ".bias", part.out) : at::zeros({part.out}, at::kFloat));
    }
    return at::cat(all, 0);
}

at::Tensor ModelReader::normWeight(const std::string& name, std::int64_t size) const {
    const at::Tensor weight = vector(name + ".weight", size);
    switch (config().norm) {
    case NormKind::LayerNorm:
    case NormKind::RmsNorm: break;
    case NormKind::RmsNormOfOnePlus: return at::add(weight, 1.0);
    }
    return weight;
}

void ModelReader::step() {
    if (m_stop.stop_requested()) throw StopRequested{};
    if (m_sink) m_sink(ProgressEvent{0, Stage::LoadModel, ++m_done, config().layers + 2, 0, -1});
}

} // namespace engine
