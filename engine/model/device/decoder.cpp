// SPDX-License-Identifier: GPL-3.0-or-later
// The decoder as ATen's operations on any device, and autograd's way back through its layers; the head's by hand. On the
// processor it is what the fast path is tested against.
#include "engine/model/compute_type.h"
#include "engine/model/decoder_backend.h"
#include "engine/model/device/block.h"
#include "engine/model/device/upload.h"

#include <ATen/core/grad_mode.h>
#include <c10/util/Exception.h>
#include <cmath>
#include <torch/csrc/autograd/autograd.h>
#include <utility>

namespace engine::device {

namespace {

/// f(); memory that the device lacks becomes an Error.
template <class F> auto onDevice(at::Device device, std::int64_t rows, const F& f) {
    const auto lacks = [&] {
        return Error(ErrorCode::OutOfMemory,
                     "The device " + device.str() + " has not enough memory for " +
                         (rows ? std::to_string(rows) + " tokens at once." : "this model."),
                     "Use model.precision nf4, shorter texts, or model.device cpu.");
    };
    try {
        return f();
    } catch (const c10::OutOfMemoryError&) { throw lacks(); } catch (const c10::Error& error) {
        const std::string message = error.what_without_backtrace();
        if (message.find("out of memory") == std::string::npos && message.find("ALLOC_FAILED") == std::string::npos) throw;
        throw lacks();
    }
}

/// Targets of some rows, ready for the device.
struct HeadTargets {
    at::Tensor rows, cells, weights, rowWeights; // [T] row of the chunk, [T] place in its logits, [T] float, [rows, 1] float

    HeadTargets(const TargetRows& targets, std::int64_t begin, std::int64_t end, std::int64_t width, at::Device device) {
        std::vector<std::int64_t> row, cell;
        std::vector<float> weight, sums;
        for (std::int64_t at = begin; at < end; ++at) {
            sums.push_back(0);
            for (auto t = static_cast<std::size_t>(targets.begin[static_cast<std::size_t>(at)]);
                 t < static_cast<std::size_t>(targets.begin[static_cast<std::size_t>(at) + 1]); ++t) {
                row.push_back(at - begin);
                cell.push_back((at - begin) * width + targets.tokens[t]);
                weight.push_back(targets.weights[t]);
                sums.back() += targets.weights[t];
            }
        }
        rows = uploaded(row, device);
        cells = uploaded(cell, device);
        weights = uploaded(weight, device);
        rowWeights = uploaded(sums, device).unsqueeze(1);
    }
};

class DeviceDecoder : public DecoderBackend {
public:
    DeviceDecoder(ModelReader& reader, at::Device d) : DecoderBackend(reader.config(), reader.precision(), d) {
        const c10::InferenceMode tracked(false);
        const at::NoGradGuard guard;
        onDevice(device, 0, [&] { read(reader); });
    }

    std::int64_t byteCount() const override {
        auto bytes = static_cast<std::int64_t>(m_embedding.nbytes() + (config.tied_head ? 0 : m_head.nbytes()));
        for (const Block& block : m_blocks)
            for (const Linear* linear : block.linears()) bytes += linear->byteCount();
        return bytes;
    }

    void bindAdapter(bool fresh) override {
        const c10::InferenceMode tracked(false);
        Lora* lora = adapter.get();
        m_adapter = Adapter(lora, device);
        m_addedGradients.reset();
        m_addedLoss.reset();
        for (Block& block : m_blocks) block.bind(lora, m_adapter, fresh);
        m_finalNorm.bind(lora, m_adapter, fresh);
        m_trainedHeadBias.reset();
        if (Lora::Bias* bias = trainedHeadBias()) {
            if (fresh) Adapter::seed(*bias, m_headBias);
            m_trainedHeadBias = m_adapter.add(m_headBias, {Adapter::piece(bias->value, 0, 0)});
        }
    }

    /// Does not wait for the device.
    void addGradients(const Pack& pack, const std::vector<Target>& targets, const Dropout& dropout) override {
        onDevice(device, pack.rows(), [&] {
            const c10::InferenceMode tracked(false);
            const c10::AutoGradMode guard(true);
            const TargetRows sorted(targets);
            const at::Tensor y = normed(at::index_select(run(pack, nullptr, &dropout), 0, uploaded(sorted.rows, device)));
            const at::Tensor gradients = m_adapter.newGradients();
            // Half precision has no room below 6e-8: a token's gradient is computed as if it weighed about one.
            float largest = 0;
            for (const float weight : sorted.weights) largest = std::max(largest, std::abs(weight));
            const double scale = type() == at::kHalf && largest > 0 ? std::exp2(-std::round(std::log2(largest))) : 1;
            at::Tensor dy = at::zeros_like(y), total;
            {
                const at::NoGradGuard byHand;
                total = lossAndGradient(y, sorted, scale, &dy, gradients);
            }
            std::vector<at::Tensor> leaves;
            for (const SlotPointer& slot : m_adapter.slots()) leaves.push_back(slot->value());
            const std::vector<at::Tensor> found =
                torch::autograd::grad({y}, leaves, {dy}, std::nullopt, false, /*allow_unused=*/true);
            const at::NoGradGuard noMore;
            for (std::size_t i = 0; i < leaves.size(); ++i)
                if (found[i].defined()) m_adapter.slots()[i]->addGradient(found[i], 1 / scale, gradients);
            if (m_addedLoss.defined()) {
                m_addedGradients.add_(gradients);
                m_addedLoss.add_(total);
            } else {
                m_addedGradients = gradients;
                m_addedLoss = total;
            }
        });
    }

    double collectLoss() override {
        if (!m_addedLoss.defined()) return 0;
        const c10::InferenceMode tracked(false);
        m_adapter.fetch(m_addedGradients);
        const double sum = std::exchange(m_addedLoss, {}).item<double>(); // waits for both
        m_addedGradients.reset();
        m_adapter.addFetched();
        return sum;
    }

protected:
    void guarded(std::int64_t rows, const std::function<void()>& f) const override { onDevice(device, rows, f); }
    at::Tensor states(const Pack& pack, const std::vector<std::int64_t>& rows, KvCache* cache) override {
        return at::index_select(run(pack, cache, nullptr), 0, uploaded(rows, device));
    }
    at::Tensor headLogits(const at::Tensor& x) const override { return project(normed(x)); }
    std::int64_t headRows() const override { return 256; }

    Answers answers(const at::Tensor& x, const TargetRows& targets, bool likeliest) const override {
        const at::Tensor y = normed(x);
        std::vector<at::Tensor> found{at::empty({0}, at::TensorOptions(at::kFloat).device(device))},
            best{at::empty({0}, at::TensorOptions(at::kLong).device(device))};
        forHeadRows(y.size(0), [&](std::int64_t begin, std::int64_t end) {
            const HeadTargets chunk(targets, begin, end, config.vocab_size, device);
            const at::Tensor states = y.narrow(0, begin, end - begin), logits = project(states);
            if (likeliest) {
                const at::Tensor places = at::argmax(logits, 1, true);
                best.push_back(at::where(at::isfinite(at::gather(logits, 1, places)), places, -1).view({-1}));
            }
            const at::Tensor normalizer = at::logsumexp(logits, 1);
            // The logits themselves anew in float: the product's were rounded to the compute type.
            const at::Tensor tokens = chunk.cells - chunk.rows * config.vocab_size;
            at::Tensor logit = at::sum(
                at::index_select(states, 0, chunk.rows).to(at::kFloat) * at::index_select(m_head, 0, tokens).to(at::kFloat), 1);
            if (const at::Tensor bias = headBias(); bias.defined()) logit = logit + at::index_select(bias.view({-1}), 0, tokens);
            found.push_back(logit - at::index_select(normalizer, 0, chunk.rows));
        });
        const at::Tensor values = at::cat(found).cpu(), places = at::cat(best).cpu();
        Answers answers;
        answers.logProbabilities.assign(values.const_data_ptr<float>(), values.const_data_ptr<float>() + values.numel());
        for (std::int64_t i = 0; i < places.numel(); ++i)
            answers.likeliest.push_back(static_cast<std::int32_t>(places.const_data_ptr<std::int64_t>()[i]));
        return answers;
    }

    double lossOf(const at::Tensor& x, const TargetRows& targets) const override {
        return lossAndGradient(normed(x), targets, 1, nullptr, {}).item<double>();
    }

private:
    at::ScalarType type() const { return computeType(precision); }
    at::Tensor headBias() const { return adapted() && m_trainedHeadBias ? m_trainedHeadBias->value() : m_headBias; }

    void read(ModelReader& reader) {
        const Reader from{reader, type(), device};
        m_embedding = from.matrix({config.embedding.folder, config.hidden_size, config.vocab_size});
        m_head = config.tied_head ? m_embedding : from.matrix({config.head.folder, config.hidden_size, config.vocab_size});
        if (config.head_bias) m_headBias = from.vector(config.head.folder + ".bias", config.vocab_size);
        m_finalNorm = Norm(from, config.finalNorm.folder, config.hidden_size);
        reader.step();
        for (std::int64_t layer = 0; layer < config.layers; ++layer) {
            m_blocks.emplace_back(from, layer);
            reader.step();
        }
        reader.step();
    }

    /// Hidden states [N, H] float before the final norm.
    at::Tensor run(const Pack& pack, KvCache* cache, const Dropout* dropout) {
        m_adapter.refresh();
        const Attention attention(config, pack, cache, device);
        const at::Tensor positions = uploaded(pack.positions, device);
        Pass pass{config, attention, type(), {}};
        for (const RotaryTable& table : m_rotary.of(lastPosition(pack, cache)))
            pass.rotary.push_back(
                {at::index_select(table.cos, 0, positions).unsqueeze(1), at::index_select(table.sin, 0, positions).unsqueeze(1)});
        pass.adapted = adapted();
        if (dropout) {
            pass.loraDropout = adapter->spec().dropout;
            pass.residDropout = dropout->resid;
            pass.key = dropout->key;
        }
        at::Tensor x = at::index_select(m_embedding, 0, uploaded(pack.ids, device)).to(at::kFloat);
        if (config.embedding_multiplier != 1)
            x = x * at::scalar_tensor(config.embedding_multiplier, type()).to(at::kFloat).item<double>();
        for (std::size_t layer = 0; layer < m_blocks.size(); ++layer)
            x = m_blocks[layer].forward(static_cast<std::int64_t>(layer), x, pass);
        attention.commit();
        return x;
    }
    /// The final norm of these states, in the compute type.
    at::Tensor normed(const at::Tensor& x) const { return m_finalNorm.forward(x, type(), adapted()); }
    /// Logits [n, V] float.
    at::Tensor project(const at::Tensor& y) const {
        const at::Tensor logits = at::mm(y, m_head.t()).to(at::kFloat), bias = headBias();
        return bias.defined() ? logits + bias : logits;
    }

    /// Sum of weight * cross entropy of the targets, a double on the device, given the states y [rows of the targets, H]. With
    /// dy, its gradient times scale is written there and a trained head bias gets its own.
    at::Tensor lossAndGradient(const at::Tensor& y, const TargetRows& targets, double scale, at::Tensor* dy,
                               const at::Tensor& gradients) const {
        at::Tensor total = at::zeros({}, at::TensorOptions(at::kDouble).device(device));
        forHeadRows(y.size(0), [&](std::int64_t begin, std::int64_t end) {
            const HeadTargets chunk(targets, begin, end, config.vocab_size, device);
            at::Tensor logits = project(y.narrow(0, begin, end - begin));
            const at::Tensor normalizer = at::logsumexp(logits, 1, true);
            const at::Tensor losses =
                at::index_select(normalizer.view({-1}), 0, chunk.rows) - at::index_select(logits.view({-1}), 0, chunk.cells);
            total.add_(at::sum(losses.to(at::kDouble) * chunk.weights));
            if (!dy) return;
            logits.sub_(normalizer).exp_().mul_(chunk.rowWeights);
            logits.view({-1}).index_add_(0, chunk.cells, chunk.weights, -1);
            logits.mul_(scale);
            if (m_trainedHeadBias) m_trainedHeadBias->addGradient(at::sum(logits, {0}, true), 1 / scale, gradients);
            dy->narrow(0, begin, end - begin).copy_(at::mm(logits.to(type()), m_head));
        });
        return total;
    }

    at::Tensor m_embedding, m_head; // [V, H]; the same when tied
    at::Tensor m_headBias;          // [1, V] float or undefined
    std::vector<Block> m_blocks;
    Norm m_finalNorm;
    RotaryTables m_rotary{config, device};
    Adapter m_adapter{nullptr, device};
    SlotPointer m_trainedHeadBias;            // its gradient comes by hand
    at::Tensor m_addedGradients, m_addedLoss; // by addGradients, on the device; undefined: nothing
};

} // namespace

} // namespace engine::device

namespace engine {

std::unique_ptr<DecoderBackend> deviceDecoder(ModelReader& reader, at::Device device) {
    return std::make_unique<device::DeviceDecoder>(reader, device);
}

} // namespace engine
