// SPDX-License-Identifier: GPL-3.0-or-later
// The language model: a frozen decoder with an optional adapter.
#pragma once
#include "engine/architecture/architecture.h"
#include "engine/architecture/precision.h"
#include "engine/error.h"
#include "engine/events.h"
#include "engine/model/kv_cache.h"
#include "engine/model/lora.h"
#include "engine/model/pack.h"

#include <ATen/core/Tensor.h>
#include <filesystem>
#include <memory>
#include <stop_token>
#include <vector>

namespace engine {

/// Dropout of one training step: which masks are drawn. The same key gives the same masks.
struct Dropout {
    std::uint64_t key = 0; // seed and step mixed
    double resid = 0;      // rate on the residual branches; the adapter's own rate is its spec's
};

/// What one pass says of some rows.
struct Predicted {
    std::vector<float> logProbabilities; // of the targets' tokens
    std::vector<std::int32_t> likeliest; // token after each row, the first of several; -1: its logit is not finite
};

class DecoderBackend;

class Decoder {
public:
    /// A model folder (safetensors) or .gguf file. Throws Error naming file and tensor; StopRequested.
    /// On the processor by its own kernels, elsewhere as loadPlain.
    static Decoder load(const std::filesystem::path& model, Precision precision, const Sink& sink = {}, std::stop_token stop = {},
                        at::Device device = at::kCPU);
    /// By ATen's operations alone: the one way on a GPU, and on the processor what the fast way is tested against.
    static Decoder loadPlain(const std::filesystem::path& model, Precision precision, at::Device device, const Sink& sink = {},
                             std::stop_token stop = {});
    Decoder(Decoder&&) noexcept;
    Decoder& operator=(Decoder&&) noexcept;
    ~Decoder();

    const DecoderConfig& config() const;
    Precision precision() const;
    /// Where it computes: a cache's buffers must lie there.
    at::Device device() const;
    /// Held in memory by weights: embedding, layers, head.
    std::int64_t byteCount() const;

    /// To be called once before many batches are to come (training: with their gradients): small bf16 models then lay their
    /// weights out for the matrix product. Single tokens are read faster without.
    void packForBatches(bool training);

    /// The adapter in use; null: the base alone. Trained biases start from the base's when `fresh`.
    void setAdapter(std::shared_ptr<Lora> adapter, bool fresh);
    Lora* adapter() const;
    /// The base alone for a while, without giving up the adapter.
    void enableAdapter(bool on);

    /// Logits [rows, V] float32 of these rows of a pack; keys and values of storing nodes go to `cache`.
    at::Tensor logits(const Pack& pack, const std::vector<std::int64_t>& rows, KvCache* cache = nullptr) const;
    /// Log-probabilities of the targets' tokens (weights unused) and the likeliest tokens after `rows`; the whole [rows, V] is
    /// never held.
    Predicted predict(const Pack& pack, const std::vector<Target>& targets, const std::vector<std::int64_t>& rows,
                      KvCache* cache = nullptr) const;
    /// The log-probabilities alone.
    std::vector<float> logProbabilities(const Pack& pack, const std::vector<Target>& targets, KvCache* cache = nullptr) const;
    /// Runs the rows for their keys and values only.
    void prefill(const Pack& pack, KvCache& cache) const;
    /// The adapter's gradients to zero.
    void dropGradients();
    /// Adds the gradients of the sum of weight * cross entropy of the targets. Dropout applies. A device may still be at work on
    /// it afterwards; where it has no memory for it, Error(OutOfMemory) is thrown and nothing was added.
    void addGradients(const Pack& pack, const std::vector<Target>& targets, const Dropout& dropout);
    /// Waits for that: the sums since the last call; the adapter's gradients are whole from here on.
    double collectLoss();
    /// Both at once.
    double lossAndGradients(const Pack& pack, const std::vector<Target>& targets, const Dropout& dropout);
    /// The same sum without dropout or gradients.
    double loss(const Pack& pack, const std::vector<Target>& targets) const;

private:
    explicit Decoder(std::unique_ptr<DecoderBackend> backend);
    std::unique_ptr<DecoderBackend> m_backend;
};

} // namespace engine
