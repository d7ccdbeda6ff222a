// SPDX-License-Identifier: GPL-3.0-or-later
// What a decoder computes with: the processor's own kernels (host/) or nothing but ATen on any device (device/).
#pragma once
#include "engine/model/decoder.h"
#include "engine/model/target_rows.h"

#include <algorithm>
#include <functional>
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
    at::Tensor logits(const Pack& pack, const std::vector<std::int64_t>& rows, KvCache* cache);
    Predicted predict(const Pack& pack, const std::vector<Target>& targets, const std::vector<std::int64_t>& rows,
                      KvCache* cache);
    void prefill(const Pack& pack, KvCache& cache);
    double loss(const Pack& pack, const std::vector<Target>& targets);
    virtual void addGradients(const Pack& pack, const std::vector<Target>& targets, const Dropout& dropout) = 0;
    virtual double collectLoss() = 0;

protected:
    /// Of TargetRows, in its order; likeliest of each row, or empty.
    struct Answers {
        std::vector<float> logProbabilities;
        std::vector<std::int32_t> likeliest;
    };

    /// f(); what a device cannot do for so many rows (0: at all) becomes an Error.
    virtual void guarded(std::int64_t /*rows*/, const std::function<void()>& f) const { f(); }
    /// Hidden states [n, H] float of these rows before the final norm.
    virtual at::Tensor states(const Pack& pack, const std::vector<std::int64_t>& rows, KvCache* cache) = 0;
    /// Logits [n, V] of hidden states, with the final norm; n is kept to headRows().
    virtual at::Tensor headLogits(const at::Tensor& states) const = 0;
    /// Rows whose logits are held at once.
    virtual std::int64_t headRows() const = 0;
    virtual Answers answers(const at::Tensor& states, const TargetRows& targets, bool likeliest) const = 0;
    /// Sum of weight * cross entropy.
    virtual double lossOf(const at::Tensor& states, const TargetRows& targets) const = 0;

    /// f(begin, end) over so many rows, headRows() at a time.
    template <class F> void forHeadRows(std::int64_t rows, const F& f) const {
        for (std::int64_t begin = 0; begin < rows; begin += headRows()) f(begin, std::min(rows, begin + headRows()));
    }
    /// The adapter's own bias of the head; null: it trains none.
    Lora::Bias* trainedHeadBias() const;
};

std::unique_ptr<DecoderBackend> hostDecoder(ModelReader& reader);
std::unique_ptr<DecoderBackend> deviceDecoder(ModelReader& reader, at::Device device);

} // namespace engine
