// SPDX-License-Identifier: GPL-3.0-or-later
// The decoder on the processor: own kernels, oneDNN's products, a backward pass by hand.
#include "engine/memory.h"
#include "engine/model/block.h"
#include "engine/model/compute_type.h"
#include "engine/model/decoder_backend.h"
#include "engine/model/model_reader.h"
#include "engine/model/rows.h"
#include "engine/model/target_rows.h"

#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>

namespace engine {

namespace {

/// Rows whose logits are held at once: [rows, vocab_size].
constexpr std::int64_t kHeadRows = 128;

/// Matrices that read the same input become one below this size; larger ones stay where they lie, which may be a mapped file.
constexpr std::int64_t kJoinedValues = 2'000'000;

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

class HostDecoder : public DecoderBackend {
public:
    explicit HostDecoder(ModelReader& reader);

    std::int64_t byteCount() const override;
    void packForBatches(bool training) override;
    void bindAdapter(bool fresh) override;
    at::Tensor logits(const Pack& pack, const std::vector<std::int64_t>& rows, KvCache* cache) override;
    Predicted predict(const Pack& pack, const std::vector<Target>& targets, const std::vector<std::int64_t>& rows,
                      KvCache* cache) override;
    void prefill(const Pack& pack, KvCache& cache) override;
    double loss(const Pack& pack, const std::vector<Target>& targets) override;
    void addGradients(const Pack& pack, const std::vector<Target>& targets, const Dropout& dropout) override;
    double collectLoss() override { return std::exchange(addedLoss, 0); }

private:
    Weight embedding; // [V, H]
    std::vector<Block> blocks;
    Norm finalNorm;
    Weight head;                   // [V, H]; the embedding when tied
    at::Tensor headBias;           // [V] float or undefined
    at::Tensor cosTable, sinTable; // [max_positions, rotary_dim / 2]
    Lora::Bias* trainedHeadBias = nullptr;
    std::uint64_t version = 0; // of the adapter's values in the layers
    double addedLoss = 0;      // by addGradients

    at::ScalarType type() const { return computeType(precision); }
    const at::Tensor& headShift(bool withAdapter) const {
        return withAdapter && trainedHeadBias ? trainedHeadBias->value : headBias;
    }

    void refresh() {
        if (!adapter || version == adapter->version()) return;
        for (Block& block : blocks) block.refresh();
        version = adapter->version();
    }

    /// Hidden states [N, H] float before the final norm. Tapes: one a layer, or null.
    /// With `read`, of these rows alone: the last layer computes no others.
    at::Tensor run(const Pack& pack, const Pass& pass, std::vector<LayerTape>* tapes, const RowsRead* read = nullptr) const {
        at::Tensor x = embedding.rows(pack.ids);
        for (std::size_t layer = 0; layer < blocks.size(); ++layer)
            blocks[layer].forward(static_cast<std::int64_t>(layer), x, pass, tapes ? &(*tapes)[layer] : nullptr,
                                  layer + 1 == blocks.size() ? read : nullptr);
        return x;
    }
    /// Hidden states [rows, H] of these rows.
    at::Tensor infer(const Pack& given, const std::vector<std::int64_t>& rows, KvCache* cache) {
        refresh();
        const Pack pack = filledUp(given);
        const AttentionPlan plan(config, pack, cache);
        const at::Tensor positions = ints(pack.positions);
        Pass pass{config, plan, positions, cosTable, sinTable};
        pass.adapted = adapted();
        pass.storesKeys = cache != nullptr;
        const std::vector<std::int64_t> computed = filledUp(rows);
        at::Tensor x;
        if (std::ssize(computed) < pack.rows()) {
            const AttentionPlan queries(config, pack, cache, &computed);
            const at::Tensor index = longs(computed);
            const RowsRead read{queries, index};
            x = run(pack, pass, nullptr, &read).narrow(0, 0, std::ssize(rows));
        } else {
            x = at::index_select(run(pack, pass, nullptr), 0, longs(rows));
        }
        plan.commit();
        return x;
    }
    /// The final norm of these hidden states.
    at::Tensor normed(const at::Tensor& x, const at::Tensor& mean, const at::Tensor& rstd, bool withAdapter) const {
        at::Tensor y = at::empty(x.sizes(), type());
        finalNorm.forward(x, config.norm_eps, y, mean, rstd, withAdapter);
        return y;
    }
    at::Tensor project(const at::Tensor& y, bool withAdapter) const {
        at::Tensor logits = head.times(y, {});
        if (const at::Tensor& shift = headShift(withAdapter); shift.defined())
            forRows(logits.size(0), config.vocab_size, [&](std::int64_t begin, std::int64_t end) {
                kernels::addBias(rowsOf(logits, begin), shift.const_data_ptr<float>(), end - begin, config.vocab_size);
            });
        return logits;
    }

    /// Sum of weight * cross entropy of these targets given their rows' hidden states. With dx, x [N, H] are all rows', the
    /// gradient [N, H] is written there and the final norm's and the head's trained biases get theirs.
    double lossOf(const at::Tensor& x, const TargetRows& targets, bool withAdapter, at::Tensor* dx) {
        const auto count = static_cast<std::int64_t>(targets.rows.size());
        double total = 0;
        std::vector<float> losses(targets.tokens.size());
        for (std::int64_t begin = 0; begin < count; begin += kHeadRows) {
            const std::int64_t end = std::min(count, begin + kHeadRows), n = end - begin;
            const at::Tensor index = longs({targets.rows.begin() + begin, targets.rows.begin() + end});
            const at::Tensor rows = dx ? at::index_select(x, 0, index) : x.narrow(0, begin, n);
            const at::Tensor mean = dx ? at::empty({n}, at::kFloat) : at::Tensor(),
                             rstd = dx ? at::empty({n}, at::kFloat) : at::Tensor();
            at::Tensor logits = project(normed(rows, mean, rstd, withAdapter), withAdapter);
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
            if (!dx) continue;
            if (trainedHeadBias) trainedHeadBias->grad.add_(at::sum(logits, {0}, false, at::kFloat));
            at::Tensor dRows = at::zeros_like(rows);
            finalNorm.backward(rows, mean, rstd, head.backTimes(logits, {}), dRows);
            dx->index_copy_(0, index, dRows);
        }
        return total;
    }
};

HostDecoder::HostDecoder(ModelReader& reader) : DecoderBackend(reader.config(), reader.precision(), at::kCPU) {
    const c10::InferenceMode guard;
    const auto norm = [&](const std::string& name) {
        Norm n;
        if (name.empty()) return n;
        n.biasName = name + ".bias";
        n.weight = reader.vector(name + ".weight", config.hidden_size);
        if (config.norm == NormKind::LayerNorm) n.bias = n.frozenBias = reader.vector(n.biasName, config.hidden_size);
        return n;
    };
    /// The parts in blocks, where the file holds all of them so, or else as numbers.
    const auto weight = [&](const std::vector<LinearShape>& parts) {
        std::vector<BlockMatrix> held;
        for (const LinearShape& part : parts)
            if (std::optional<BlockMatrix> found = reader.weights().readBlocks(part.name + ".weight", part.out, part.in))
                held.push_back(std::move(*found));
        if (held.size() == parts.size()) return Weight(std::move(held), type());
        std::vector<at::Tensor> dense;
        for (const LinearShape& part : parts)
            dense.push_back(reader.weights().read(part.name + ".weight", {part.out, part.in}, type()));
        if (parts.size() > 1 && parts.front().in * parts.front().out < kJoinedValues) dense = {at::cat(dense, 0)};
        return Weight(std::move(dense));
    };
    const auto weightNf4 = [&](const std::vector<LinearShape>& parts) {
        std::vector<Nf4Matrix> small;
        for (const LinearShape& part : parts) small.push_back(reader.nf4(part));
        return Weight(std::move(small), type());
    };
    const auto linear = [&](const LinearParts& l) {
        return Linear(l.parts, precision.nf4 ? weightNf4(l.parts) : weight(l.parts), reader.bias(l));
    };

    embedding = weight({{config.embedding.folder, config.hidden_size, config.vocab_size}});
    head = config.tied_head ? embedding : weight({{config.head.folder, config.hidden_size, config.vocab_size}});
    if (config.head_bias) headBias = reader.vector(config.head.folder + ".bias", config.vocab_size);
    finalNorm = norm(config.finalNorm.folder);
    reader.step();
    for (std::int64_t number = 0; number < config.layers; ++number) {
        const LayerParts layer = reader.layer(number);
        Block block;
        block.norm1 = norm(layer.norm1);
        block.norm2 = norm(layer.norm2);
        block.qkv = linear(layer.qkv);
        block.out = linear(layer.out);
        block.up = linear(layer.up);
        block.down = linear(layer.down);
        blocks.push_back(std::move(block));
        reader.step();
    }
    std::tie(cosTable, sinTable) = rotaryTables(config);
    reader.step();
}

std::int64_t HostDecoder::byteCount() const {
    std::int64_t bytes = embedding.byteCount() + (config.tied_head ? 0 : head.byteCount());
    for (const Block& block : blocks)
        for (const Linear* linear : block.linears()) bytes += linear->weight().byteCount();
    return bytes;
}

void HostDecoder::packForBatches(bool training) {
    const c10::InferenceMode guard;
    std::int64_t bytes = 0;
    for (Block& block : blocks)
        for (Linear* linear : block.linears()) bytes += linear->in() * linear->out() * 2;
    if (!packsForBatches(precision, bytes)) return;
    for (Block& block : blocks)
        for (Linear* linear : block.linears()) linear->weight().packForBatches(training);
    giveBackFreedMemory();
}

void HostDecoder::bindAdapter(bool fresh) {
    const c10::InferenceMode guard;
    trainedHeadBias = nullptr;
    if (adapter)
        for (Lora::Bias& bias : adapter->biasTerms())
            if (bias.name == config.head.folder + ".bias") trainedHeadBias = &bias;
    const auto seed = [&](Norm& norm) {
        if (fresh && norm.trained) norm.trained->value.copy_(norm.frozenBias);
    };
    for (Block& block : blocks) {
        block.bind(adapter.get());
        seed(block.norm1);
        seed(block.norm2);
        if (fresh)
            for (Linear* linear : block.linears()) linear->seedBiases();
    }
    finalNorm.bind(adapter.get());
    seed(finalNorm);
    if (fresh && trainedHeadBias) trainedHeadBias->value.copy_(headBias);
    version = adapter ? adapter->version() : 0;
}

at::Tensor HostDecoder::logits(const Pack& pack, const std::vector<std::int64_t>& rows, KvCache* cache) {
    const c10::InferenceMode guard;
    const at::Tensor x = infer(pack, rows, cache);
    const bool withAdapter = adapted();
    at::Tensor all = at::empty({static_cast<std::int64_t>(rows.size()), config.vocab_size}, at::kFloat);
    for (std::int64_t begin = 0; begin < all.size(0); begin += kHeadRows) {
        const std::int64_t end = std::min(all.size(0), begin + kHeadRows);
        all.narrow(0, begin, end - begin)
            .copy_(project(normed(x.narrow(0, begin, end - begin), {}, {}, withAdapter), withAdapter));
    }
    return all;
}

Predicted HostDecoder::predict(const Pack& pack, const std::vector<Target>& targets, const std::vector<std::int64_t>& rows,
                               KvCache* cache) {
    const c10::InferenceMode guard;
    const TargetRows sorted(targets, rows);
    const at::Tensor x = infer(pack, sorted.rows, cache);
    const bool withAdapter = adapted();
    const auto count = static_cast<std::int64_t>(sorted.rows.size());
    Predicted result;
    result.logProbabilities.resize(targets.size());
    std::vector<std::int32_t> best(rows.empty() ? 0 : sorted.rows.size());
    for (std::int64_t begin = 0; begin < count; begin += kHeadRows) {
        const std::int64_t end = std::min(count, begin + kHeadRows);
        const at::Tensor y = normed(x.narrow(0, begin, end - begin), {}, {}, withAdapter);
        const at::Tensor logits = project(y, withAdapter);
        const at::Tensor& shift = headShift(withAdapter);
        forRows(end - begin, config.vocab_size, [&](std::int64_t first, std::int64_t last) {
            for (std::int64_t row = first; row < last; ++row) {
                const auto at = static_cast<std::size_t>(begin + row);
                if (!best.empty()) kernels::likeliest(rowsOf(logits, row), 1, config.vocab_size, &best[at]);
                if (sorted.begin[at] == sorted.begin[at + 1]) continue;
                float lse = 0;
                kernels::logSumExp(rowsOf(logits, row), 1, config.vocab_size, &lse);
                for (std::int64_t t = sorted.begin[at]; t < sorted.begin[at + 1]; ++t) {
                    // The logit itself anew in float: the product's was rounded to the compute type.
                    const std::int32_t token = sorted.tokens[static_cast<std::size_t>(t)];
                    float logit = head.dotRow(token, rowsOf(y, row).data);
                    if (shift.defined()) logit += shift.const_data_ptr<float>()[token];
                    result.logProbabilities[sorted.origin[static_cast<std::size_t>(t)]] = logit - lse;
                }
            }
        });
    }
    for (const std::int64_t row : rows) result.likeliest.push_back(best[sorted.place(row)]);
    return result;
}

void HostDecoder::prefill(const Pack& pack, KvCache& cache) {
    const c10::InferenceMode guard;
    infer(pack, {}, &cache);
}

double HostDecoder::loss(const Pack& pack, const std::vector<Target>& targets) {
    const c10::InferenceMode guard;
    const TargetRows sorted(targets);
    return lossOf(infer(pack, sorted.rows, nullptr), sorted, adapted(), nullptr);
}

void HostDecoder::addGradients(const Pack& given, const std::vector<Target>& targets, const Dropout& dropout) {
    const c10::InferenceMode guard;
    refresh();
    const Pack pack = filledUp(given);
    const AttentionPlan plan(config, pack, nullptr);
    const at::Tensor positions = ints(pack.positions);
    Pass pass{config, plan, positions, cosTable, sinTable};
    pass.adapted = true;
    pass.loraDropout = adapter->spec().dropout;
    pass.residDropout = dropout.resid;
    pass.key = dropout.key;
    std::vector<LayerTape> tapes(blocks.size());
    const at::Tensor x = run(pack, pass, &tapes);
    at::Tensor dx = at::zeros_like(x);
    const double total = lossOf(x, TargetRows(targets), true, &dx);
    for (std::size_t layer = blocks.size(); layer-- > 0;)
        blocks[layer].backward(static_cast<std::int64_t>(layer), dx, pass, tapes[layer], layer > 0);
    addedLoss += total;
}

} // namespace

std::unique_ptr<DecoderBackend> hostDecoder(ModelReader& reader) {
    return std::make_unique<HostDecoder>(reader);
}

} // namespace engine
