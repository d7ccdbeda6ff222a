// SPDX-License-Identifier: GPL-3.0-or-later
// A model's parts in their order, read for whichever implementation computes with them.
#pragma once
#include "engine/architecture/precision.h"
#include "engine/architecture/targets.h"
#include "engine/events.h"
#include "engine/model/loader.h"
#include "engine/model/quantised_layers.h"

#include <filesystem>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

namespace engine {

/// Linear layers that read the same input.
struct LinearParts {
    std::vector<LinearShape> parts;
    std::vector<bool> biases; // whether each has one
};

struct LayerParts {
    LinearParts qkv, out, up, down; // up: with the gate before it, where there is one
    LinearParts& product(Product product);
};

class ModelReader {
public:
    /// Quantises large models once, where they are wanted in 4 bits. Throws Error naming file and tensor; StopRequested.
    ModelReader(const std::filesystem::path& model, Precision precision, const Sink& sink, std::stop_token stop);

    const DecoderConfig& config() const { return m_reader.config(); }
    const Precision& precision() const { return m_precision; }
    const WeightReader& weights() const { return m_reader; }
    LayerParts layer(std::int64_t number) const;

    /// [size] float.
    at::Tensor vector(const std::string& name, std::int64_t size) const { return m_reader.read(name, {size}, at::kFloat); }
    /// The biases one after the other, float, zeros for parts without; undefined where there are none.
    at::Tensor bias(const LinearParts& linear) const;
    /// What a norm multiplies by [size], float: 1 + w where it is that.
    at::Tensor normWeight(const std::string& name, std::int64_t size) const;
    /// Linear layers in fewer bits; null: they are held as they are computed with.
    const QuantisedLayers* quantised() const { return m_quantised.get(); }

    /// To be called after the embedding and head, each layer, and at the end: tells the sink; throws StopRequested.
    void step();

private:
    WeightReader m_reader;
    Precision m_precision;
    const Sink& m_sink;
    std::stop_token m_stop;
    std::unique_ptr<QuantisedLayers> m_quantised;
    std::vector<LinearShape> m_linears;
    std::int64_t m_done = 0;
};

} // namespace engine
