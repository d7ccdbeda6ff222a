// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/model_reader.h"

#include <ATen/Functions.h>

namespace engine {

ModelReader::ModelReader(const std::filesystem::path& model, Precision precision, const Sink& sink, std::stop_token stop)
    : m_reader(model), m_precision(precision), m_sink(sink), m_stop(std::move(stop)), m_linears(linearLayers(m_reader.config())) {
    if (precision.nf4) m_kept = Nf4Cache::of(m_reader, precision.double_quant, sink, m_stop);
}

LayerParts ModelReader::layer(std::int64_t number) const {
    const DecoderConfig& c = config();
    const bool phi = c.family == Family::Phi;
    const std::string path = "model.layers." + std::to_string(number) + ".";
    auto next = m_linears.begin() + number * (std::ssize(m_linears) / c.layers);
    const auto take = [&](std::ptrdiff_t count, bool bias) {
        next += count;
        return LinearParts{{next - count, next}, bias};
    };
    LayerParts layer;
    layer.norm1 = path + "input_layernorm";
    if (!phi) layer.norm2 = path + "post_attention_layernorm";
    layer.qkv = take(3, c.attention_bias);
    layer.out = take(1, c.attention_bias);
    layer.up = take(phi ? 1 : 2, c.mlp_bias);
    layer.down = take(1, c.mlp_bias);
    return layer;
}

std::string ModelReader::finalNorm() const {
    return config().family == Family::Phi ? "model.final_layernorm" : "model.norm";
}

at::Tensor ModelReader::bias(const LinearParts& linear) const {
    if (!linear.bias) return {};
    std::vector<at::Tensor> all;
    for (const LinearShape& part : linear.parts) all.push_back(vector(part.name + ".bias", part.out));
    return at::cat(all, 0);
}

Nf4Matrix ModelReader::nf4(const LinearShape& shape) const {
    return m_kept ? m_kept->matrix(shape.name)
                  : m_reader.readNf4(shape.name + ".weight", shape.out, shape.in, m_precision.double_quant);
}

void ModelReader::step() {
    if (m_stop.stop_requested()) throw StopRequested{};
    if (m_sink) m_sink(ProgressEvent{0, "load model", ++m_done, config().layers + 2, 0, -1});
}

} // namespace engine
