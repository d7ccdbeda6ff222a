// SPDX-License-Identifier: GPL-3.0-or-later
// What a decoder computes with: the processor's own kernels (host_decoder) or nothing but ATen on any device (device_decoder).
#pragma once
#include "engine/model/decoder.h"

#include <utility>

namespace engine {

class ModelReader;

/// Methods as Decoder's, which checks packs before it passes them on.
class DecoderBackend {
public:
    DecoderBackend(DecoderConfig c, Precision p, at::Device d) : config(std::move(c)), precision(p), device(d) {}
    virtual ~DecoderBackend() = default;

    const DecoderConfig config;
    const Precision precision;
    const at::Device device;
    std::shared_ptr<Lora> adapter;
    bool enabled = true;
    bool adapted() const { return adapter && enabled; }

    virtual std::int64_t byteCount() const = 0;
    virtual void packForBatches(bool) {}
    /// `adapter` is another one: find its parts, give its biases the base's values when `fresh`.
    virtual void bindAdapter(bool fresh) = 0;
    virtual at::Tensor logits(const Pack& pack, const std::vector<std::int64_t>& rows, KvCache* cache) = 0;
    virtual Predicted predict(const Pack& pack, const std::vector<Target>& targets, const std::vector<std::int64_t>& rows,
                              KvCache* cache) = 0;
    virtual void prefill(const Pack& pack, KvCache& cache) = 0;
    virtual double loss(const Pack& pack, const std::vector<Target>& targets) = 0;
    virtual void addGradients(const Pack& pack, const std::vector<Target>& targets, const Dropout& dropout) = 0;
    virtual double collectLoss() = 0;
};

std::unique_ptr<DecoderBackend> hostDecoder(ModelReader& reader);
std::unique_ptr<DecoderBackend> deviceDecoder(ModelReader& reader, at::Device device);

/// cos and sin [max_positions, rotary_dim / 2], in float as the models were trained.
std::pair<at::Tensor, at::Tensor> rotaryTables(const DecoderConfig& config);

} // namespace engine
