// SPDX-License-Identifier: GPL-3.0-or-later
// The decoder on the processor: own kernels, oneDNN's products, a backward pass by hand.
#include "engine/memory.h"
#include "engine/model/compute_type.h"
#include "engine/model/decoder_backend.h"
#include "engine/model/host/block.h"
#include "engine/model/host/weights.h"

#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <algorithm>
#include <utility>

namespace engine::host {

namespace {

/// Rows are filled up to a multiple of this, so that few shapes reach the matrix products: the library compiles and keeps a
/// kernel for each.
constexpr std::int64_t kRowStep = 32;

Pack filledUp(const Pack& pack) {
    const std::int64_t rest = pack.rows() % kRowStep;
    if (pack.rows() < kRowStep / 2 || rest == 0) return pack;
    Pack filled = pack;
    filled.add(std::vector<std::int32_t>(static_cast<std::size_t>(kRowStep - rest), 0)); // a text of its own that nobody reads
    return filled;
}
/// The same of rows that are read: the last one again.
std::vector<std::int64_t> filledUp(std::vector<std::int64_t> rows) {
    if (std::ssize(rows) >= kRowStep / 2) rows.resize((rows.size() + kRowStep - 1) / kRowStep * kRowStep, rows.back());
    return rows;
}

at::Tensor ints(const std::vector<std::int32_t>& values) {
    at::Tensor t = at::empty({static_cast<std::int64_t>(values.size())}, at::kInt);
    std::copy(values.begin(), values.end(), t.data_ptr<std::int32_t>());
    return t;
}
at::Tensor longs(const std::vector<std::int64_t>& values) {
    at::Tensor t = at::empty({static_cast<std::int64_t>(values.size())}, at::kLong);
    std::copy(values.begin(), values.end(), t.data_ptr<std::int64_t>());
    return t;
}

/// -1: its logit is not finite.
std::int32_t likeliestOf(kernels::Rows logits, std::int64_t width) {
    std::int32_t best = 0;
    kernels::likeliest(logits, 1, width, &best);
    const auto* value = static_cast<const std::byte*>(logits.data) + best * kernels::sizeOf(logits.type);
    return kernels::firstNotFinite(value, 1, logits.type) < 0 ? best : -1;
}

class HostDecoder : public DecoderBackend {
public:
    explicit HostDecoder(ModelReader& reader);

    std::int64_t byteCount() const override;
    void packForBatches(bool training) override;
    void bindAdapter(bool fresh) override;
    void addGradients(const Pack& pack, const std::vector<Target>& targets, const Dropout& dropout) override;
    double collectLoss() override { return std::exchange(m_addedLoss, 0); }

protected:
    at::Tensor states(const Pack& pack, const std::vector<std::int64_t>& rows, KvCache* cache) override;
    at::Tensor headLogits(const at::Tensor& x) const override { return project(normed(x, nullptr)); }
    std::int64_t headRows() const override { return 128; }
    Answers answers(const at::Tensor& x, const TargetRows& targets, bool likeliest) const override;
    double lossOf(const at::Tensor& x, const TargetRows& targets) const override { return lossAndGradient(x, targets, nullptr); }

private:
    std::shared_ptr<Matrix> m_embedding; // [V, H]
    std::vector<Block> m_blocks;
    Norm m_finalNorm;
    std::shared_ptr<Matrix> m_head; // [V, H]; the embedding when tied
    at::Tensor m_headBias;          // [V] float or undefined
    RotaryTables m_rotary{config, device};
    Lora::Bias* m_trainedHeadBias = nullptr;
    std::uint64_t m_version = 0; // of the adapter's values in the layers
    double m_addedLoss = 0;      // by addGradients

    at::ScalarType type() const { return computeType(precision); }
    const at::Tensor& headShift() const { return adapted() && m_trainedHeadBias ? m_trainedHeadBias->value : m_headBias; }

    void refresh() {
        if (!adapter || m_version == adapter->version()) return;
        for (Block& block : m_blocks) block.refresh();
        m_version = adapter->version();
    }

    /// Of these tokens, float [N, H].
    at::Tensor embedded(const std::vector<std::int32_t>& ids) const {
        at::Tensor x = m_embedding->rows(ids);
        if (config.embedding_multiplier != 1) x.mul_(at::scalar_tensor(config.embedding_multiplier, type()).to(at::kFloat));
        return x;
    }
    Pass passOf(const Pack& pack, const Attention& attention, const at::Tensor& positions, const KvCache* cache) {
        return {config, attention, positions, m_rotary.of(lastPosition(pack, cache))};
    }
    /// Hidden states [N, H] float before the final norm. Tapes: one a layer, or null.
    /// With `read`, of these rows alone: the last layer computes no others.
    at::Tensor run(const Pack& pack, const Pass& pass, std::vector<LayerTape>* tapes, const RowsRead* read = nullptr) const {
        at::Tensor x = embedded(pack.ids);
        for (std::size_t layer = 0; layer < m_blocks.size(); ++layer)
            m_blocks[layer].forward(static_cast<std::int64_t>(layer), x, pass, tapes ? &(*tapes)[layer] : nullptr,
                                    layer + 1 == m_blocks.size() ? read : nullptr);
        return x;
    }
    /// The final norm of these hidden states.
    at::Tensor normed(const at::Tensor& x, Moments* kept) const {
        at::Tensor y = at::empty(x.sizes(), type());
        m_finalNorm.forward(x, y, kept, adapted());
        return y;
    }
    at::Tensor project(const at::Tensor& y) const {
        at::Tensor logits = m_head->times(y, {});
        if (const at::Tensor& shift = headShift(); shift.defined())
            forRows(logits.size(0), config.vocab_size, [&](std::int64_t begin, std::int64_t end) {
                kernels::addBias(rowsOf(logits, begin), shift.const_data_ptr<float>(), end - begin, config.vocab_size);
            });
        return logits;
    }
    double lossAndGradient(const at::Tensor& x, const TargetRows& targets, at::Tensor* dx) const;
};

HostDecoder::HostDecoder(ModelReader& reader) : DecoderBackend(reader.config(), reader.precision(), at::kCPU) {
    const c10::InferenceMode guard;
    m_embedding = readMatrix(reader, {{config.embedding.folder, config.hidden_size, config.vocab_size}});
    m_head = config.tied_head ? m_embedding : readMatrix(reader, {{config.head.folder, config.hidden_size, config.vocab_size}});
    if (config.head_bias) m_headBias = reader.vector(config.head.folder + ".bias", config.vocab_size);
    m_finalNorm = Norm(reader, config.finalNorm.folder, config.hidden_size);
    reader.step();
    for (std::int64_t layer = 0; layer < config.layers; ++layer) {
        m_blocks.emplace_back(reader, layer);
        reader.step();
    }
    reader.step();
}

std::int64_t HostDecoder::byteCount() const {
    std::int64_t bytes = m_embedding->byteCount() + (config.tied_head ? 0 : m_head->byteCount());
    for (const Block& block : m_blocks)
        for (const Linear* linear : block.linears()) bytes += linear->byteCount();
    return bytes;
}

void HostDecoder::packForBatches(bool training) {
    const c10::InferenceMode guard;
    std::int64_t bytes = 0;
    for (Block& block : m_blocks)
        for (Linear* linear : block.linears()) bytes += linear->in() * linear->out() * 2;
    if (!packsForBatches(precision, bytes)) return;
    for (Block& block : m_blocks)
        for (Linear* linear : block.linears()) linear->layOutForBatches(training);
    giveBackFreedMemory();
}

void HostDecoder::bindAdapter(bool fresh) {
    const c10::InferenceMode guard;
    for (Block& block : m_blocks) block.bind(adapter.get(), fresh);
    m_finalNorm.bind(adapter.get(), fresh);
    m_trainedHeadBias = trainedHeadBias();
    if (fresh && m_trainedHeadBias) m_trainedHeadBias->value.copy_(m_headBias);
    m_version = adapter ? adapter->version() : 0;
}

at::Tensor HostDecoder::states(const Pack& given, const std::vector<std::int64_t>& rows, KvCache* cache) {
    refresh();
    const Pack pack = filledUp(given);
    const Attention attention(config, pack, cache);
    const at::Tensor positions = ints(pack.positions);
    Pass pass = passOf(pack, attention, positions, cache);
    pass.adapted = adapted();
    pass.storesKeys = cache != nullptr;
    const std::vector<std::int64_t> computed = filledUp(rows);
    at::Tensor x;
    if (std::ssize(computed) < pack.rows()) {
        const Attention queries(config, pack, cache, &computed);
        const at::Tensor index = longs(computed);
        const RowsRead read{queries, index};
        x = run(pack, pass, nullptr, &read).narrow(0, 0, std::ssize(rows));
    } else {
        x = at::index_select(run(pack, pass, nullptr), 0, longs(rows));
    }
    attention.commit();
    return x;
}

DecoderBackend::Answers HostDecoder::answers(const at::Tensor& x, const TargetRows& targets, bool likeliest) const {
    Answers found;
    found.logProbabilities.resize(targets.tokens.size());
    if (likeliest) found.likeliest.resize(targets.rows.size());
    forHeadRows(x.size(0), [&](std::int64_t begin, std::int64_t end) {
        const at::Tensor y = normed(x.narrow(0, begin, end - begin), nullptr);
        const at::Tensor logits = project(y);
        const at::Tensor& shift = headShift();
        forRows(end - begin, config.vocab_size, [&](std::int64_t first, std::int64_t last) {
            for (std::int64_t row = first; row < last; ++row) {
                const auto at = static_cast<std::size_t>(begin + row);
                if (likeliest) found.likeliest[at] = likeliestOf(rowsOf(logits, row), config.vocab_size);
                if (targets.begin[at] == targets.begin[at + 1]) continue;
                float lse = 0;
                kernels::logSumExp(rowsOf(logits, row), 1, config.vocab_size, &lse);
                for (auto t = static_cast<std::size_t>(targets.begin[at]); t < static_cast<std::size_t>(targets.begin[at + 1]);
                     ++t) {
                    // The logit itself anew in float: the product's was rounded to the compute type.
                    float logit = m_head->dotRow(targets.tokens[t], rowsOf(y, row).data);
                    if (shift.defined()) logit += shift.const_data_ptr<float>()[targets.tokens[t]];
                    found.logProbabilities[t] = logit - lse;
                }
            }
        });
    });
    return found;
}

/// Sum of weight * cross entropy of these targets given their rows' hidden states. With dx, x [N, H] are all rows', the gradient
/// [N, H] is written there and the final norm's and the head's trained biases get theirs.
double HostDecoder::lossAndGradient(const at::Tensor& x, const TargetRows& targets, at::Tensor* dx) const {
    double total = 0;
    std::vector<float> losses(targets.tokens.size());
    forHeadRows(std::ssize(targets.rows), [&](std::int64_t begin, std::int64_t end) {
        const std::int64_t n = end - begin;
        const at::Tensor index = longs({targets.rows.begin() + begin, targets.rows.begin() + end});
        const at::Tensor rows = dx ? at::index_select(x, 0, index) : x.narrow(0, begin, n);
        Moments kept;
        at::Tensor logits = project(normed(rows, dx ? &kept : nullptr));
        std::vector<double> sums(static_cast<std::size_t>(n));
        forRows(n, config.vocab_size, [&](std::int64_t first, std::int64_t last) {
            for (std::int64_t row = first; row < last; ++row) {
                const kernels::Targets one{targets.begin.data() + begin + row, targets.tokens.data(), targets.weights.data(),
                                           losses.data()};
                sums[static_cast<std::size_t>(row)] =
                    kernels::crossEntropy(rowsOf(logits, row), one, 1, config.vocab_size, dx != nullptr);
            }
        });
        for (const double sum : sums) total += sum;
        if (!dx) return;
        if (m_trainedHeadBias) m_trainedHeadBias->grad.add_(at::sum(logits, {0}, false, at::kFloat));
        at::Tensor dRows = at::zeros_like(rows);
        m_finalNorm.backward(rows, kept, m_head->backTimes(logits, {}), dRows);
        dx->index_copy_(0, index, dRows);
    });
    return total;
}

void HostDecoder::addGradients(const Pack& given, const std::vector<Target>& targets, const Dropout& dropout) {
    const c10::InferenceMode guard;
    refresh();
    const Pack pack = filledUp(given);
    const Attention attention(config, pack, nullptr);
    const at::Tensor positions = ints(pack.positions);
    Pass pass = passOf(pack, attention, positions, nullptr);
    pass.adapted = true;
    pass.loraDropout = adapter->spec().dropout;
    pass.residDropout = dropout.resid;
    pass.key = dropout.key;
    std::vector<LayerTape> tapes(m_blocks.size());
    const at::Tensor x = run(pack, pass, &tapes);
    at::Tensor dx = at::zeros_like(x);
    const double total = lossAndGradient(x, TargetRows(targets), &dx);
    for (std::size_t layer = m_blocks.size(); layer-- > 0;)
        m_blocks[layer].backward(static_cast<std::int64_t>(layer), dx, pass, tapes[layer], layer > 0);
    m_addedLoss += total;
}

} // namespace

} // namespace engine::host

namespace engine {

std::unique_ptr<DecoderBackend> hostDecoder(ModelReader& reader) {
    return std::make_unique<host::HostDecoder>(reader);
}

} // namespace engine
