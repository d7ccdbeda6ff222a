// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/decoder.h"
#include "engine/model/block.h"
#include "engine/model/loader.h"
#include "engine/model/nf4_cache.h"
#include "engine/model/rows.h"

#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <algorithm>

namespace engine {

namespace {

/// Rows whose logits are held at once: [rows, vocab_size].
constexpr std::int64_t kHeadRows = 128;

/// Matrices that read the same input become one below this size; larger ones stay where they lie, which may be a mapped file.
constexpr std::int64_t kJoinedValues = 2'000'000;

/// Rows are filled up to a multiple of this, so that few shapes reach the matrix products: the library compiles and keeps a kernel for each.
constexpr std::int64_t kRowStep = 32;

Pack filledUp(const Pack& pack) {
    const std::int64_t rest = pack.rows() % kRowStep;
    if (pack.rows() < kRowStep / 2 || rest == 0) return pack;
    Pack filled = pack;
    filled.add(std::vector<std::int32_t>(static_cast<std::size_t>(kRowStep - rest), 0)); // a text of its own that nobody reads
    return filled;
}

void checkPositions(const Pack& pack, const DecoderConfig& config) {
    const auto longest = std::max_element(pack.positions.begin(), pack.positions.end());
    if (longest != pack.positions.end() && *longest >= config.max_positions)
        throw Error(ErrorCode::BadInput, "A text is longer than the " + std::to_string(config.max_positions) + " tokens this model can read.",
                    "Shorten it, or lower train.max_tokens.");
    for (const std::int32_t id : pack.ids)
        if (id < 0 || id >= config.vocab_size)
            throw Error(ErrorCode::BadInput, "Token " + std::to_string(id) + " is outside the model's vocabulary of " + std::to_string(config.vocab_size) + ".",
                        "The tokenizer does not fit the model.");
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

/// Targets by row: distinct rows in order, and each row's slice of the targets.
struct TargetRows {
    std::vector<std::int64_t> rows, begin;
    std::vector<std::int32_t> tokens;
    std::vector<float> weights;
    std::vector<std::size_t> origin; // place in the caller's list

    explicit TargetRows(const std::vector<Target>& targets) : origin(targets.size()) {
        for (std::size_t i = 0; i < origin.size(); ++i) origin[i] = i;
        std::stable_sort(origin.begin(), origin.end(), [&](std::size_t a, std::size_t b) { return targets[a].row < targets[b].row; });
        for (const std::size_t i : origin) {
            const Target& target = targets[i];
            if (rows.empty() || rows.back() != target.row) {
                rows.push_back(target.row);
                begin.push_back(static_cast<std::int64_t>(tokens.size()));
            }
            tokens.push_back(target.token);
            weights.push_back(target.weight);
        }
        begin.push_back(static_cast<std::int64_t>(tokens.size()));
    }
};

} // namespace

struct Decoder::Impl {
    DecoderConfig config;
    Precision precision;
    Weight embedding;                // [V, H]
    std::vector<Block> blocks;
    Norm finalNorm;
    Weight head;                     // [V, H]; the embedding when tied
    at::Tensor headBias;             // [V] float or undefined
    at::Tensor cosTable, sinTable;   // [max_positions, rotary_dim / 2]
    std::shared_ptr<Lora> adapter;
    Lora::Bias* trainedHeadBias = nullptr;
    bool enabled = true;
    std::uint64_t version = 0;       // of the adapter's values in the layers

    at::ScalarType type() const { return precision.compute == Precision::Compute::Bf16 ? at::kBFloat16 : at::kFloat; }
    bool adapted() const { return adapter && enabled; }
    const at::Tensor& headShift(bool withAdapter) const { return withAdapter && trainedHeadBias ? trainedHeadBias->value : headBias; }

    void makeRotary() {
        // In float, as the models were trained.
        const at::Tensor steps = at::arange(0, config.rotary_dim, 2, at::kFloat) / static_cast<double>(config.rotary_dim);
        const at::Tensor inverse = 1.0 / at::pow(config.rope_theta, steps);
        const at::Tensor angles = at::outer(at::arange(config.max_positions, at::kFloat), inverse);
        cosTable = at::cos(angles).contiguous();
        sinTable = at::sin(angles).contiguous();
    }

    void refresh() {
        if (!adapter || version == adapter->version()) return;
        for (Block& block : blocks) block.refresh();
        version = adapter->version();
    }

    /// Hidden states [N, H] float before the final norm. Tapes: one a layer, or null.
    at::Tensor run(const Pack& pack, const Pass& pass, std::vector<LayerTape>* tapes) const {
        at::Tensor x = embedding.rows(pack.ids);
        for (std::size_t layer = 0; layer < blocks.size(); ++layer)
            blocks[layer].forward(static_cast<std::int64_t>(layer), x, pass, tapes ? &(*tapes)[layer] : nullptr);
        return x;
    }
    at::Tensor infer(const Pack& given, KvCache* cache) {
        checkPositions(given, config);
        refresh();
        const Pack pack = filledUp(given);
        const AttentionPlan plan(config, pack, cache);
        const at::Tensor positions = ints(pack.positions);
        Pass pass{config, plan, positions, cosTable, sinTable};
        pass.adapted = adapted();
        pass.storesKeys = cache != nullptr;
        const at::Tensor x = run(pack, pass, nullptr);
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

    /// Sum of weight * cross entropy of these targets given the hidden states x [N, H]. With dx, its gradient [N, H] is written there and the
    /// final norm's and the head's trained biases get theirs.
    double lossOf(const at::Tensor& x, const TargetRows& targets, bool withAdapter, at::Tensor* dx) {
        const auto count = static_cast<std::int64_t>(targets.rows.size());
        double total = 0;
        std::vector<float> losses(targets.tokens.size());
        for (std::int64_t begin = 0; begin < count; begin += kHeadRows) {
            const std::int64_t end = std::min(count, begin + kHeadRows), n = end - begin;
            const at::Tensor index = longs({targets.rows.begin() + begin, targets.rows.begin() + end});
            const at::Tensor rows = at::index_select(x, 0, index);
            const at::Tensor mean = dx ? at::empty({n}, at::kFloat) : at::Tensor(), rstd = dx ? at::empty({n}, at::kFloat) : at::Tensor();
            at::Tensor logits = project(normed(rows, mean, rstd, withAdapter), withAdapter);
            std::vector<double> sums(static_cast<std::size_t>(n));
            forRows(n, config.vocab_size, [&](std::int64_t first, std::int64_t last) {
                for (std::int64_t row = first; row < last; ++row) {
                    const kernels::Targets one{targets.begin.data() + begin + row, targets.tokens.data(), targets.weights.data(), losses.data()};
                    sums[static_cast<std::size_t>(row)] = kernels::crossEntropy(rowsOf(logits, row), one, 1, config.vocab_size, dx != nullptr);
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

Decoder::Decoder(std::unique_ptr<Impl> impl) : m_impl(std::move(impl)) {}
Decoder::Decoder(Decoder&&) noexcept = default;
Decoder& Decoder::operator=(Decoder&&) noexcept = default;
Decoder::~Decoder() = default;

const DecoderConfig& Decoder::config() const { return m_impl->config; }
Precision Decoder::precision() const { return m_impl->precision; }
std::int64_t Decoder::byteCount() const {
    Impl& m = *m_impl;
    std::int64_t bytes = m.embedding.byteCount() + (m.config.tied_head ? 0 : m.head.byteCount());
    for (Block& block : m.blocks)
        for (Linear* linear : block.linears()) bytes += linear->weight().byteCount();
    return bytes;
}
Lora* Decoder::adapter() const { return m_impl->adapter.get(); }
void Decoder::enableAdapter(bool on) { m_impl->enabled = on; }

Decoder Decoder::load(const std::filesystem::path& model, Precision precision, const Sink& sink, std::stop_token stop) {
    const c10::InferenceMode guard;
    const WeightReader reader(model);
    auto impl = std::make_unique<Impl>();
    impl->config = reader.config();
    impl->precision = precision;
    const DecoderConfig& c = impl->config;
    const bool phi = c.family == Family::Phi;
    const std::optional<Nf4Cache> kept = precision.nf4 ? Nf4Cache::of(reader, precision.double_quant, sink, stop) : std::nullopt;
    std::int64_t done = 0;
    const auto step = [&] {
        if (stop.stop_requested()) throw StopRequested{};
        if (sink) sink(ProgressEvent{0, "load model", ++done, c.layers + 2, 0, -1});
    };
    const auto vector = [&](const std::string& name, std::int64_t size) { return reader.read(name, {size}, at::kFloat); };
    const auto norm = [&](const std::string& name) {
        Norm n;
        n.weight = vector(name + ".weight", c.hidden_size);
        if (phi) n.bias = n.frozenBias = vector(name + ".bias", c.hidden_size);
        return n;
    };

    /// The parts in blocks, where the file holds all of them so, or else as numbers.
    const auto weight = [&](const std::vector<LinearShape>& parts) {
        std::vector<BlockMatrix> blocks;
        for (const LinearShape& part : parts)
            if (std::optional<BlockMatrix> found = reader.readBlocks(part.name + ".weight", part.out, part.in)) blocks.push_back(std::move(*found));
        if (blocks.size() == parts.size()) return Weight(std::move(blocks), impl->type());
        std::vector<at::Tensor> dense;
        for (const LinearShape& part : parts) dense.push_back(reader.read(part.name + ".weight", {part.out, part.in}, impl->type()));
        if (parts.size() > 1 && parts.front().in * parts.front().out < kJoinedValues) dense = {at::cat(dense, 0)};
        return Weight(std::move(dense));
    };
    const auto weightNf4 = [&](const std::vector<LinearShape>& parts) {
        std::vector<Nf4Matrix> small;
        for (const LinearShape& part : parts)
            small.push_back(kept ? kept->matrix(part.name) : reader.readNf4(part.name + ".weight", part.out, part.in, precision.double_quant));
        return Weight(std::move(small), impl->type());
    };

    impl->embedding = weight({{"model.embed_tokens", c.hidden_size, c.vocab_size}});
    impl->head = c.tied_head ? impl->embedding : weight({{"lm_head", c.hidden_size, c.vocab_size}});
    if (c.head_bias) impl->headBias = vector("lm_head.bias", c.vocab_size);
    impl->finalNorm = norm(phi ? "model.final_layernorm" : "model.norm");
    step();

    const std::vector<LinearShape> shapes = linearLayers(c);
    const std::size_t perLayer = shapes.size() / static_cast<std::size_t>(c.layers);
    for (std::int64_t layer = 0; layer < c.layers; ++layer) {
        const std::string path = "model.layers." + std::to_string(layer) + ".";
        const auto linear = [&](std::size_t first, std::size_t count, bool bias) {
            const auto begin = shapes.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(layer) * perLayer + first);
            const std::vector<LinearShape> parts(begin, begin + static_cast<std::ptrdiff_t>(count));
            std::vector<at::Tensor> shifts;
            for (const LinearShape& part : parts)
                if (bias) shifts.push_back(vector(part.name + ".bias", part.out));
            return Linear(parts, precision.nf4 ? weightNf4(parts) : weight(parts), bias ? at::cat(shifts, 0) : at::Tensor());
        };
        Block block;
        block.norm1 = norm(path + "input_layernorm");
        if (!phi) block.norm2 = norm(path + "post_attention_layernorm");
        block.qkv = linear(0, 3, c.attention_bias);
        block.out = linear(3, 1, c.attention_bias);
        block.up = linear(4, phi ? 1 : 2, c.mlp_bias);
        block.down = linear(phi ? 5 : 6, 1, c.mlp_bias);
        impl->blocks.push_back(std::move(block));
        step();
    }
    impl->makeRotary();
    step();
    return Decoder(std::move(impl));
}

void Decoder::packForBatches(bool training) {
    const c10::InferenceMode guard;
    std::int64_t bytes = 0;
    for (Block& block : m_impl->blocks)
        for (Linear* linear : block.linears()) bytes += linear->in() * linear->out() * 2;
    if (!packsForBatches(m_impl->precision, bytes)) return;
    for (Block& block : m_impl->blocks)
        for (Linear* linear : block.linears()) linear->weight().packForBatches(training);
}

void Decoder::setAdapter(std::shared_ptr<Lora> adapter, bool fresh) {
    const c10::InferenceMode guard;
    Impl& m = *m_impl;
    const bool phi = m.config.family == Family::Phi;
    m.adapter = std::move(adapter);
    m.trainedHeadBias = nullptr;
    if (m.adapter)
        for (Lora::Bias& bias : m.adapter->biasTerms())
            if (bias.name == "lm_head.bias") m.trainedHeadBias = &bias;
    const auto seed = [&](Norm& norm) {
        if (fresh && norm.trained) norm.trained->value.copy_(norm.frozenBias);
    };
    for (std::size_t layer = 0; layer < m.blocks.size(); ++layer) {
        Block& block = m.blocks[layer];
        block.bind(m.adapter.get(), static_cast<std::int64_t>(layer), phi);
        seed(block.norm1);
        if (fresh)
            for (Linear* linear : block.linears()) linear->seedBiases();
    }
    m.finalNorm.bind(m.adapter.get(), "model.final_layernorm.bias");
    seed(m.finalNorm);
    if (fresh && m.trainedHeadBias) m.trainedHeadBias->value.copy_(m.headBias);
    m.version = m.adapter ? m.adapter->version() : 0;
}

at::Tensor Decoder::logits(const Pack& pack, const std::vector<std::int64_t>& rows, KvCache* cache) const {
    const c10::InferenceMode guard;
    const at::Tensor x = m_impl->infer(pack, cache);
    const bool adapted = m_impl->adapted();
    at::Tensor all = at::empty({static_cast<std::int64_t>(rows.size()), m_impl->config.vocab_size}, at::kFloat);
    for (std::int64_t begin = 0; begin < all.size(0); begin += kHeadRows) {
        const std::int64_t end = std::min(all.size(0), begin + kHeadRows);
        const at::Tensor part = at::index_select(x, 0, longs({rows.begin() + begin, rows.begin() + end}));
        all.narrow(0, begin, end - begin).copy_(m_impl->project(m_impl->normed(part, {}, {}, adapted), adapted));
    }
    return all;
}

std::vector<float> Decoder::logProbabilities(const Pack& pack, const std::vector<Target>& targets, KvCache* cache) const {
    const c10::InferenceMode guard;
    const at::Tensor x = m_impl->infer(pack, cache);
    const bool adapted = m_impl->adapted();
    const TargetRows sorted(targets);
    const auto count = static_cast<std::int64_t>(sorted.rows.size());
    const DecoderConfig& c = m_impl->config;
    std::vector<float> result(targets.size());
    for (std::int64_t begin = 0; begin < count; begin += kHeadRows) {
        const std::int64_t end = std::min(count, begin + kHeadRows);
        const at::Tensor y = m_impl->normed(at::index_select(x, 0, longs({sorted.rows.begin() + begin, sorted.rows.begin() + end})), {}, {}, adapted);
        const at::Tensor logits = m_impl->project(y, adapted);
        const at::Tensor& shift = m_impl->headShift(adapted);
        forRows(end - begin, c.vocab_size, [&](std::int64_t first, std::int64_t last) {
            for (std::int64_t row = first; row < last; ++row) {
                float lse = 0;
                kernels::logSumExp(rowsOf(logits, row), 1, c.vocab_size, &lse);
                const auto at = static_cast<std::size_t>(begin + row);
                for (std::int64_t t = sorted.begin[at]; t < sorted.begin[at + 1]; ++t) {
                    // The logit itself anew in float: the product's was rounded to the compute type.
                    const std::int32_t token = sorted.tokens[static_cast<std::size_t>(t)];
                    float logit = m_impl->head.dotRow(token, rowsOf(y, row).data);
                    if (shift.defined()) logit += shift.const_data_ptr<float>()[token];
                    result[sorted.origin[static_cast<std::size_t>(t)]] = logit - lse;
                }
            }
        });
    }
    return result;
}

void Decoder::prefill(const Pack& pack, KvCache& cache) const {
    const c10::InferenceMode guard;
    m_impl->infer(pack, &cache);
}

double Decoder::loss(const Pack& pack, const std::vector<Target>& targets) const {
    const c10::InferenceMode guard;
    const at::Tensor x = m_impl->infer(pack, nullptr);
    return m_impl->lossOf(x, TargetRows(targets), m_impl->adapted(), nullptr);
}

double Decoder::lossAndGradients(const Pack& given, const std::vector<Target>& targets, const Dropout& dropout) {
    const c10::InferenceMode guard;
    Impl& m = *m_impl;
    if (!m.adapted()) throw Error(ErrorCode::Internal, "There is no adapter to train.");
    checkPositions(given, m.config);
    m.refresh();
    const Pack pack = filledUp(given);
    const AttentionPlan plan(m.config, pack, nullptr);
    const at::Tensor positions = ints(pack.positions);
    Pass pass{m.config, plan, positions, m.cosTable, m.sinTable};
    pass.adapted = true;
    pass.loraDropout = m.adapter->spec().dropout;
    pass.residDropout = dropout.resid;
    pass.key = dropout.key;
    std::vector<LayerTape> tapes(m.blocks.size());
    const at::Tensor x = m.run(pack, pass, &tapes);
    at::Tensor dx = at::zeros_like(x);
    const double total = m.lossOf(x, TargetRows(targets), true, &dx);
    for (std::size_t layer = m.blocks.size(); layer-- > 0;)
        m.blocks[layer].backward(static_cast<std::int64_t>(layer), dx, pass, tapes[layer], layer > 0);
    return total;
}

} // namespace engine
