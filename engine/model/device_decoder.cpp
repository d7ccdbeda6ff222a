// SPDX-License-Identifier: GPL-3.0-or-later
// The decoder as ATen's operations on any device, and autograd's way back through its layers; the head's by hand. On the
// processor it is what the fast path is tested against.
#include "engine/model/compute_type.h"
#include "engine/model/decoder_backend.h"
#include "engine/model/device_block.h"
#include "engine/model/target_rows.h"
#include "engine/model/upload.h"

#include <ATen/core/grad_mode.h>
#include <c10/util/Exception.h>
#include <cmath>
#include <torch/csrc/autograd/autograd.h>
#include <utility>

namespace engine {

namespace {

/// Rows whose logits are held at once: [rows, vocab_size] float.
constexpr std::int64_t kHeadRows = 256;

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
        for (const DeviceBlock& block : m_blocks)
            for (const DeviceLinear* linear : block.linears()) bytes += linear->byteCount();
        return bytes;
    }

    void bindAdapter(bool fresh) override {
        const c10::InferenceMode tracked(false);
        Lora* lora = adapter.get();
        m_adapter = DeviceAdapter(lora, device);
        m_addedGradients.reset();
        m_addedLoss.reset();
        for (DeviceBlock& block : m_blocks) {
            block.norm1.bind(lora, m_adapter, fresh);
            block.norm2.bind(lora, m_adapter, fresh);
            for (DeviceLinear* linear : block.linears()) linear->bind(lora, m_adapter, fresh);
        }
        m_finalNorm.bind(lora, m_adapter, fresh);
        m_trainedHeadBias.reset();
        if (!lora) return;
        for (Lora::Bias& bias : lora->biasTerms()) {
            if (bias.name != config.head.folder + ".bias") continue;
            if (fresh) DeviceAdapter::seed(bias, m_headBias);
            m_trainedHeadBias = m_adapter.add(m_headBias, {DeviceAdapter::piece(bias.value, 0, 0)});
        }
    }

    at::Tensor logits(const Pack& pack, const std::vector<std::int64_t>& rows, KvCache* cache) override {
        return onDevice(device, pack.rows(), [&] {
            const c10::InferenceMode guard;
            const at::Tensor y = lastStates(infer(pack, cache), rows);
            at::Tensor all = at::empty({y.size(0), config.vocab_size}, at::kFloat);
            for (std::int64_t begin = 0; begin < y.size(0); begin += kHeadRows) {
                const std::int64_t count = std::min(kHeadRows, y.size(0) - begin);
                all.narrow(0, begin, count).copy_(project(y.narrow(0, begin, count)));
            }
            return all;
        });
    }

    Predicted predict(const Pack& pack, const std::vector<Target>& targets, const std::vector<std::int64_t>& rows,
                      KvCache* cache) override {
        return onDevice(device, pack.rows(), [&] {
            const c10::InferenceMode guard;
            const TargetRows sorted(targets, rows);
            const at::Tensor y = lastStates(infer(pack, cache), sorted.rows);
            std::vector<at::Tensor> found{at::empty({0}, at::TensorOptions(at::kFloat).device(device))},
                best{at::empty({0}, at::TensorOptions(at::kLong).device(device))};
            for (std::int64_t begin = 0; begin < y.size(0); begin += kHeadRows) {
                const std::int64_t end = std::min(y.size(0), begin + kHeadRows);
                const HeadTargets chunk(sorted, begin, end, config.vocab_size, device);
                const at::Tensor states = y.narrow(0, begin, end - begin), logits = project(states);
                if (!rows.empty()) best.push_back(at::argmax(logits, 1));
                const at::Tensor normalizer = at::logsumexp(logits, 1);
                // The logits themselves anew in float: the product's were rounded to the compute type.
                const at::Tensor tokens = chunk.cells - chunk.rows * config.vocab_size;
                at::Tensor logit = at::sum(at::index_select(states, 0, chunk.rows).to(at::kFloat) *
                                               at::index_select(m_head, 0, tokens).to(at::kFloat),
                                           1);
                if (const at::Tensor bias = headBias(); bias.defined())
                    logit = logit + at::index_select(bias.view({-1}), 0, tokens);
                found.push_back(logit - at::index_select(normalizer, 0, chunk.rows));
            }
            const at::Tensor values = at::cat(found).cpu(), places = at::cat(best).cpu();
            Predicted result;
            result.logProbabilities.resize(targets.size());
            for (std::size_t i = 0; i < targets.size(); ++i)
                result.logProbabilities[sorted.origin[i]] = values.const_data_ptr<float>()[i];
            for (const std::int64_t row : rows)
                result.likeliest.push_back(static_cast<std::int32_t>(places.const_data_ptr<std::int64_t>()[sorted.place(row)]));
            return result;
        });
    }

    void prefill(const Pack& pack, KvCache& cache) override {
        const c10::InferenceMode guard;
        onDevice(device, pack.rows(), [&] { infer(pack, &cache); });
    }

    double loss(const Pack& pack, const std::vector<Target>& targets) override {
        return onDevice(device, pack.rows(), [&] {
            const c10::InferenceMode guard;
            const TargetRows sorted(targets);
            return lossOf(lastStates(infer(pack, nullptr), sorted.rows), sorted, 1, nullptr, {}).item<double>();
        });
    }

    /// Does not wait for the device.
    void addGradients(const Pack& pack, const std::vector<Target>& targets, const Dropout& dropout) override {
        onDevice(device, pack.rows(), [&] {
            const c10::InferenceMode tracked(false);
            const c10::AutoGradMode guard(true);
            const TargetRows sorted(targets);
            const at::Tensor y = lastStates(run(pack, nullptr, &dropout), sorted.rows);
            const at::Tensor gradients = m_adapter.newGradients();
            // Half precision has no room below 6e-8: a token's gradient is computed as if it weighed about one.
            float largest = 0;
            for (const float weight : sorted.weights) largest = std::max(largest, std::abs(weight));
            const double scale = type() == at::kHalf && largest > 0 ? std::exp2(-std::round(std::log2(largest))) : 1;
            at::Tensor dy = at::zeros_like(y), total;
            {
                const at::NoGradGuard byHand;
                total = lossOf(y, sorted, scale, &dy, gradients);
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

private:
    at::ScalarType type() const { return computeType(precision); }
    at::Tensor headBias() const { return adapted() && m_trainedHeadBias ? m_trainedHeadBias->value() : m_headBias; }

    void read(ModelReader& reader) {
        const DeviceReader from{reader, type(), device};
        m_embedding = from.matrix({config.embedding.folder, config.hidden_size, config.vocab_size});
        m_head = config.tied_head ? m_embedding : from.matrix({config.head.folder, config.hidden_size, config.vocab_size});
        if (config.head_bias) m_headBias = from.vector(config.head.folder + ".bias", config.vocab_size);
        m_finalNorm = DeviceNorm(from, config.finalNorm.folder);
        reader.step();
        m_blocks.reserve(static_cast<std::size_t>(config.layers)); // weights must stay where they are
        for (std::int64_t number = 0; number < config.layers; ++number) {
            const LayerParts layer = reader.layer(number);
            DeviceBlock& block = m_blocks.emplace_back();
            block.norm1 = DeviceNorm(from, layer.norm1);
            if (!layer.norm2.empty()) block.norm2 = DeviceNorm(from, layer.norm2);
            block.qkv = DeviceLinear(from, layer.qkv);
            block.out = DeviceLinear(from, layer.out);
            block.up = DeviceLinear(from, layer.up);
            block.down = DeviceLinear(from, layer.down);
            reader.step();
        }
        const auto [cos, sin] = rotaryTables(config);
        m_cos = cos.to(device);
        m_sin = sin.to(device);
        reader.step();
    }

    /// Hidden states [N, H] float before the final norm.
    at::Tensor run(const Pack& pack, KvCache* cache, const Dropout* dropout) {
        m_adapter.refresh();
        const DeviceAttention attention(config, pack, cache, device);
        const at::Tensor positions = uploaded(pack.positions, device);
        DevicePass pass{config, attention, type(), at::index_select(m_cos, 0, positions).unsqueeze(1),
                        at::index_select(m_sin, 0, positions).unsqueeze(1)};
        pass.adapted = adapted();
        if (dropout) {
            pass.loraDropout = adapter->spec().dropout;
            pass.residDropout = dropout->resid;
            pass.key = dropout->key;
        }
        at::Tensor x = at::index_select(m_embedding, 0, uploaded(pack.ids, device)).to(at::kFloat);
        for (std::size_t layer = 0; layer < m_blocks.size(); ++layer)
            x = m_blocks[layer].forward(static_cast<std::int64_t>(layer), x, pass);
        attention.commit();
        return x;
    }
    at::Tensor infer(const Pack& pack, KvCache* cache) { return run(pack, cache, nullptr); }

    /// The final norm of these rows' states, in the compute type.
    at::Tensor lastStates(const at::Tensor& x, const std::vector<std::int64_t>& rows) const {
        return m_finalNorm.forward(at::index_select(x, 0, uploaded(rows, device)), config.norm_eps, type(), adapted());
    }
    /// Logits [n, V] float.
    at::Tensor project(const at::Tensor& y) const {
        const at::Tensor logits = at::mm(y, m_head.t()).to(at::kFloat), bias = headBias();
        return bias.defined() ? logits + bias : logits;
    }

    /// Sum of weight * cross entropy of the targets, a double on the device, given the states y [rows of the targets, H]. With
    /// dy, its gradient times scale is written there and a trained head bias gets its own.
    at::Tensor lossOf(const at::Tensor& y, const TargetRows& targets, double scale, at::Tensor* dy,
                      const at::Tensor& gradients) const {
        at::Tensor total = at::zeros({}, at::TensorOptions(at::kDouble).device(device));
        for (std::int64_t begin = 0; begin < y.size(0); begin += kHeadRows) {
            const std::int64_t end = std::min(y.size(0), begin + kHeadRows);
            const HeadTargets chunk(targets, begin, end, config.vocab_size, device);
            at::Tensor logits = project(y.narrow(0, begin, end - begin));
            const at::Tensor normalizer = at::logsumexp(logits, 1, true);
            const at::Tensor losses =
                at::index_select(normalizer.view({-1}), 0, chunk.rows) - at::index_select(logits.view({-1}), 0, chunk.cells);
            total.add_(at::sum(losses.to(at::kDouble) * chunk.weights));
            if (!dy) continue;
            logits.sub_(normalizer).exp_().mul_(chunk.rowWeights);
            logits.view({-1}).index_add_(0, chunk.cells, chunk.weights, -1);
            logits.mul_(scale);
            if (m_trainedHeadBias) m_trainedHeadBias->addGradient(at::sum(logits, {0}, true), 1 / scale, gradients);
            dy->narrow(0, begin, end - begin).copy_(at::mm(logits.to(type()), m_head));
        }
        return total;
    }

    at::Tensor m_embedding, m_head; // [V, H]; the same when tied
    at::Tensor m_headBias;          // [1, V] float or undefined
    std::vector<DeviceBlock> m_blocks;
    DeviceNorm m_finalNorm;
    at::Tensor m_cos, m_sin; // [max_positions, rotary_dim / 2]
    DeviceAdapter m_adapter{nullptr, device};
    SlotPointer m_trainedHeadBias;            // its gradient comes by hand
    at::Tensor m_addedGradients, m_addedLoss; // by addGradients, on the device; undefined: nothing
};

} // namespace

std::unique_ptr<DecoderBackend> deviceDecoder(ModelReader& reader, at::Device device) {
    return std::make_unique<DeviceDecoder>(reader, device);
}

} // namespace engine
