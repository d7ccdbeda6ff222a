// SPDX-License-Identifier: GPL-3.0-or-later
// The kernels between the matrix products, one layer's worth at SmolLM2-135M's shapes, on one thread: a training batch of 8
// headlines is a shared beginning of 41 rows and 8 continuations of 43. usage: kernels_benchmark [--benchmark_filter=REGEX …]
#include "engine/kernels/activations.h"
#include "engine/kernels/blocks.h"
#include "engine/kernels/nf4_bf16.h"

#include <benchmark/benchmark.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

namespace {

using namespace engine::kernels;
using Bf16 = std::uint16_t;

constexpr std::int64_t kPrefix = 41, kSuffix = 43, kTexts = 8, kRows = kPrefix + kTexts * kSuffix;
constexpr std::int64_t kHidden = 576, kIntermediate = 1536, kVocabulary = 49152;
constexpr std::int64_t kHeads = 9, kKvHeads = 3, kGroups = kHeads / kKvHeads, kHeadDim = 64,
                       kQkv = (kHeads + 2 * kKvHeads) * kHeadDim;

std::vector<float> someFloats(std::int64_t count) {
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    std::vector<float> values(static_cast<std::size_t>(count));
    for (float& value : values) value = normal(random);
    return values;
}
std::vector<Bf16> someBf16(std::int64_t count) {
    std::vector<Bf16> values;
    for (const float value : someFloats(count)) values.push_back(static_cast<Bf16>(std::bit_cast<std::uint32_t>(value) >> 16));
    return values;
}
Rows rows(std::vector<Bf16>& values, std::int64_t width) {
    return {values.data(), width, Scalar::BF16};
}

void countBytes(benchmark::State& state, std::int64_t bytes) {
    state.SetBytesProcessed(state.iterations() * bytes);
}
/// A multiply-add counts as two.
void countOperations(benchmark::State& state, std::int64_t operations) {
    state.counters["FLOP/s"] = benchmark::Counter(static_cast<double>(operations), benchmark::Counter::kIsIterationInvariantRate);
}

void normForward(benchmark::State& state) {
    const auto x = someFloats(kRows * kHidden), gamma = someFloats(kHidden);
    auto y = someBf16(kRows * kHidden);
    std::vector<float> rstd(kRows);
    for (auto _ : state)
        engine::kernels::normForward(x.data(), gamma.data(), nullptr, 1e-5f, kRows, kHidden, rows(y, kHidden), nullptr,
                                     rstd.data());
    countBytes(state, kRows * kHidden * 6);
}
BENCHMARK(normForward);

void normBackward(benchmark::State& state) {
    const auto x = someFloats(kRows * kHidden), gamma = someFloats(kHidden);
    auto dy = someBf16(kRows * kHidden);
    std::vector<float> rstd(kRows, 1.0f), dx(kRows * kHidden);
    for (auto _ : state)
        engine::kernels::normBackward(x.data(), gamma.data(), nullptr, rstd.data(), kRows, kHidden, rows(dy, kHidden), dx.data());
    countBytes(state, kRows * kHidden * 14);
}
BENCHMARK(normBackward);

void swigluForward(benchmark::State& state) {
    auto gateUp = someBf16(kRows * 2 * kIntermediate), m = someBf16(kRows * kIntermediate);
    for (auto _ : state)
        engine::kernels::activate(engine::kernels::Activation::Silu, true, rows(gateUp, 2 * kIntermediate), kRows, kIntermediate,
                                  rows(m, kIntermediate));
    countBytes(state, kRows * kIntermediate * 6);
}
BENCHMARK(swigluForward);

void swigluBackward(benchmark::State& state) {
    const auto fresh = someBf16(kRows * 2 * kIntermediate);
    auto dm = someBf16(kRows * kIntermediate);
    auto gateUp = fresh;
    for (auto _ : state) {
        engine::kernels::activateBackward(engine::kernels::Activation::Silu, true, rows(gateUp, 2 * kIntermediate), kRows,
                                          kIntermediate, rows(dm, kIntermediate));
        state.PauseTiming();
        gateUp = fresh; // it was replaced by its gradient
        state.ResumeTiming();
    }
    countBytes(state, kRows * kIntermediate * 10);
}
BENCHMARK(swigluBackward);

/// Argument: counted rows; 16 is a batch's answers, 344 all tokens of its own.
void crossEntropy(benchmark::State& state) {
    const std::int64_t count = state.range(0);
    auto logits = someBf16(count * kVocabulary);
    std::vector<std::int64_t> begin;
    std::vector<std::int32_t> tokens(static_cast<std::size_t>(count), 7);
    std::vector<float> weights(static_cast<std::size_t>(count), 1.0f), losses(static_cast<std::size_t>(count));
    for (std::int64_t row = 0; row <= count; ++row) begin.push_back(row);
    const Targets targets{begin.data(), tokens.data(), weights.data(), losses.data()};
    for (auto _ : state)
        benchmark::DoNotOptimize(engine::kernels::crossEntropy(rows(logits, kVocabulary), targets, count, kVocabulary, true));
    countBytes(state, count * kVocabulary * 4);
}
BENCHMARK(crossEntropy)->Arg(16)->Arg(344)->Unit(benchmark::kMillisecond);

/// Rows that some query rows see: a beginning, then their own.
struct Node {
    std::int64_t begin = 0, count = 0, prefix = 0;
};

/// One layer's queries, keys and values side by side, and the tasks of all nodes and key-value heads.
class Layer {
public:
    explicit Layer(const std::vector<Node>& nodes) : m_nodes(nodes), m_rows(nodes.back().begin + nodes.back().count) {
        m_qkv = someBf16(m_rows * kQkv);
        m_out = someBf16(m_rows * kHeads * kHeadDim);
        m_dOut = m_out;
        m_dQkv = m_qkv;
        m_lse.resize(static_cast<std::size_t>(m_rows * kHeads));
        m_dKeys.resize(static_cast<std::size_t>(m_rows * kKvHeads * kHeadDim));
        m_dValues = m_dKeys;
    }
    void forward() {
        each([](const AttentionTask& task, const AttentionGradient&) { attentionForward(task); });
    }
    void backward() {
        each([](const AttentionTask& task, const AttentionGradient& gradient) { attentionBackward(task, gradient); });
    }
    /// Of the scores and the sums of values, both causal.
    std::int64_t operations() const {
        std::int64_t pairs = 0;
        for (const Node& node : m_nodes) pairs += node.count * node.prefix + node.count * (node.count + 1) / 2;
        return 4 * pairs * kHeads * kHeadDim;
    }

private:
    template <class F> void each(const F& f) {
        for (const Node& node : m_nodes)
            for (std::int64_t head = 0; head < kKvHeads; ++head) {
                const auto span = [&](std::int64_t begin, std::int64_t count) {
                    Bf16* keys = m_qkv.data() + begin * kQkv + (kHeads + head) * kHeadDim;
                    return KeySpan{keys, keys + kKvHeads * kHeadDim, kQkv, count, Scalar::BF16, begin};
                };
                std::vector<KeySpan> spans;
                if (node.prefix > 0) spans.push_back(span(0, node.prefix));
                spans.push_back(span(node.begin, node.count));
                const std::int64_t query = node.begin * kQkv + head * kGroups * kHeadDim;
                const std::int64_t answer = node.begin * kHeads * kHeadDim + head * kGroups * kHeadDim;
                AttentionTask task;
                task.q = m_qkv.data() + query;
                task.qStride = kQkv;
                task.qRows = node.count;
                task.type = Scalar::BF16;
                task.groups = kGroups;
                task.headDim = kHeadDim;
                task.scale = 1.0f / std::sqrt(static_cast<float>(kHeadDim));
                task.spans = spans.data();
                task.spanCount = static_cast<std::int64_t>(spans.size());
                task.out = m_out.data() + answer;
                task.outStride = kHeads * kHeadDim;
                task.lse = m_lse.data() + node.begin * kHeads + head * kGroups;
                task.lseStride = kHeads;
                AttentionGradient gradient;
                gradient.dOut = m_dOut.data() + answer;
                gradient.dOutStride = kHeads * kHeadDim;
                gradient.dq = m_dQkv.data() + query;
                gradient.dqStride = kQkv;
                gradient.dk = m_dKeys.data() + head * kHeadDim;
                gradient.dv = m_dValues.data() + head * kHeadDim;
                gradient.dkvStride = kKvHeads * kHeadDim;
                f(task, gradient);
            }
    }

    std::vector<Node> m_nodes;
    std::int64_t m_rows = 0;
    std::vector<Bf16> m_qkv, m_out, m_dOut, m_dQkv;
    std::vector<float> m_lse, m_dKeys, m_dValues;
};

Layer trainingBatch() {
    std::vector<Node> nodes{{0, kPrefix, 0}};
    for (std::int64_t text = 0; text < kTexts; ++text) nodes.push_back({kPrefix + text * kSuffix, kSuffix, kPrefix});
    return Layer(nodes);
}

void attentionForward(benchmark::State& state) {
    Layer layer = trainingBatch();
    for (auto _ : state) layer.forward();
    countOperations(state, layer.operations());
}
BENCHMARK(attentionForward);

void attentionBackward(benchmark::State& state) {
    Layer layer = trainingBatch();
    layer.forward();
    for (auto _ : state) layer.backward();
    countOperations(state, layer.operations() * 5 / 2);
}
BENCHMARK(attentionBackward);

/// Argument: keys already there.
void attentionOfOneToken(benchmark::State& state) {
    const std::int64_t before = state.range(0);
    Layer layer({{before, 1, before}});
    for (auto _ : state) layer.forward();
    countBytes(state, (before + 1) * 2 * kKvHeads * kHeadDim * 2);
}
BENCHMARK(attentionOfOneToken)->Arg(128)->Arg(512);

/// Arguments: rows multiplied, outputs, inputs.
void fewRowProduct(benchmark::State& state) {
    const std::int64_t count = state.range(0), out = state.range(1), in = state.range(2);
    const auto x = someFloats(count * in);
    auto w = someBf16(out * in), y = someBf16(count * out);
    for (auto _ : state) multiplyFewRows(x.data(), count, in, rows(w, in), out, rows(y, out));
    countBytes(state, out * in * 2);
}
BENCHMARK(fewRowProduct)
    ->ArgNames({"rows", "out", "in"})
    ->ArgsProduct({{1, 2, 4}, {kQkv, 2 * kIntermediate}, {kHidden}})
    ->Args({1, kHidden, kIntermediate})
    ->Args({1, kVocabulary, kHidden});

/// Weights in NF4 at Phi-2's shapes.
struct PhiNf4 {
    static constexpr std::int64_t kBlock = 64;
    std::vector<float> absmax;
    std::vector<std::uint8_t> codes;
    Nf4Rows rows;

    PhiNf4(std::int64_t out, std::int64_t in)
        : absmax(someFloats(out * in / kBlock)), codes(static_cast<std::size_t>(out * in / 2), 0x6A),
          rows{codes.data(), absmax.data(), kBlock, out, in, nullptr} {}
    std::int64_t bytes() const { return static_cast<std::int64_t>(codes.size() + absmax.size() * sizeof(float)); }
};

/// Arguments: rows multiplied, outputs, inputs.
void fewRowProductNf4(benchmark::State& state) {
    const std::int64_t count = state.range(0), out = state.range(1), in = state.range(2);
    const PhiNf4 w(out, in);
    const auto x = someFloats(count * in);
    const auto small = someBf16(count * in);
    auto y = someBf16(count * out);
    for (auto _ : state) {
        if (multipliesNf4InBf16())
            multiplyFewRowsNf4Bf16(small.data(), count, w.rows, 0, out, rows(y, out));
        else
            multiplyFewRowsNf4(x.data(), count, w.rows, 0, out, rows(y, out));
    }
    countBytes(state, w.bytes());
}
BENCHMARK(fewRowProductNf4)
    ->ArgNames({"rows", "out", "in"})
    ->Args({1, 2560, 2560})
    ->Args({4, 2560, 2560})
    ->Args({1, 10240, 2560})
    ->Args({1, 2560, 10240});

void panelsNf4(benchmark::State& state) {
    if (!multipliesNf4InBf16()) return state.SkipWithError("no AVX512-BF16");
    const std::int64_t count = state.range(0), out = state.range(1), in = state.range(2);
    const PhiNf4 w(out, in);
    auto x = someBf16(count * in), y = someBf16(count * out);
    for (auto _ : state) multiplyNf4Panels(rows(x, in), count, w.rows, 0, out, rows(y, out), false);
    countOperations(state, 2 * count * out * in);
}
BENCHMARK(panelsNf4)->ArgNames({"rows", "out", "in"})->Args({16, 2560, 2560})->Args({512, 2560, 2560})->Args({512, 2560, 10240});

void panelsNf4Back(benchmark::State& state) {
    if (!multipliesNf4InBf16()) return state.SkipWithError("no AVX512-BF16");
    const std::int64_t count = state.range(0), out = state.range(1), in = state.range(2);
    const PhiNf4 w(out, in);
    auto dy = someBf16(count * out), dx = someBf16(count * in);
    for (auto _ : state) multiplyNf4PanelsBack(rows(dy, out), count, {&w.rows, 1}, 0, in, rows(dx, in), false);
    countOperations(state, 2 * count * out * in);
}
BENCHMARK(panelsNf4Back)->ArgNames({"rows", "out", "in"})->Args({512, 2560, 2560})->Args({512, 2560, 10240});

/// Arguments: kind of block, rows multiplied, outputs, inputs; at SmolLM2's shapes, the last its head's.
void fewRowProductBlocks(benchmark::State& state) {
    const auto kind = static_cast<BlockKind>(state.range(0));
    const std::int64_t count = state.range(1), out = state.range(2), in = state.range(3),
                       bytes = out * in / kBlock * blockBytes(kind);
    const auto x = someFloats(count * in);
    const std::vector<std::byte> blocks(static_cast<std::size_t>(bytes), std::byte{0x2A}); // scales and minima 0.05
    std::vector<float> sums(static_cast<std::size_t>(count * in / kBlock));
    auto y = someBf16(count * out);
    for (auto _ : state) {
        sumBlocks(x.data(), count, in, sums.data());
        multiplyFewRowsBlocks(x.data(), sums.data(), count, in, kind, blocks.data(), out, rows(y, out));
    }
    countBytes(state, bytes);
}
constexpr auto kQ4 = static_cast<std::int64_t>(BlockKind::Q4_1), kQ8 = static_cast<std::int64_t>(BlockKind::Q8_0);
BENCHMARK(fewRowProductBlocks)
    ->ArgNames({"kind", "rows", "out", "in"})
    ->ArgsProduct({{kQ4}, {1, 2, 4}, {2 * kIntermediate}, {kHidden}})
    ->Args({kQ4, 1, kHidden, kIntermediate})
    ->Args({kQ8, 1, kVocabulary, kHidden});

} // namespace

BENCHMARK_MAIN();
