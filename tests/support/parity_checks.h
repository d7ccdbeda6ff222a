// SPDX-License-Identifier: GPL-3.0-or-later
// How far ours lies from the peers' figures of a golden case: logits, gradients, losses of training.
#pragma once
#include "engine/infer/generate.h"
#include "engine/train/adapter_io.h"
#include "engine/train/batch.h"
#include "engine/train/loop.h"
#include "tests/support/parity_golden.h"

namespace testing_support {

/// Logits [T, V] as the case kept them: every so manieth column.
inline at::Tensor keptColumns(const at::Tensor& logits, const Json& golden) {
    return logits.slice(1, 0, logits.size(1), golden.value("columns", std::int64_t{1}));
}

/// Max abs errors of `packed` (texts with their beginning held once) and `cached` (from a cache that holds the beginning, and
/// on, token by token) beside those of texts `alone`; `scale`: root mean square of logits.
struct LogitErrors {
    double alone = 0, packed = 0, cached = 0, scale = 0;
    bool within(double most) const { return alone <= most && packed <= most && cached <= most; }
};

inline LogitErrors logitErrors(const engine::Decoder& decoder, const Json& golden, const engine::SafetensorsFile& file) {
    using namespace engine;
    LogitErrors errors;
    const std::int64_t shared = golden["shared"], held = golden.value("cached", shared);
    std::vector<std::vector<std::int32_t>> texts;
    std::vector<at::Tensor> expected;
    for (const Json& text : golden["texts"]) {
        texts.push_back(text["ids"]);
        expected.push_back(goldenTensor(file, text["logits"]));
    }
    Pack together;
    const int root = together.add(std::span(texts[0]).first(static_cast<std::size_t>(shared)));
    std::vector<int> nodes;
    for (const auto& text : texts) nodes.push_back(together.add(std::span(text).subspan(static_cast<std::size_t>(shared)), root));
    const at::Tensor all = keptColumns(decoder.logits(together, allRows(together)), golden);
    for (std::size_t i = 0; i < texts.size(); ++i) {
        const auto length = static_cast<std::int64_t>(texts[i].size());
        Pack pack;
        pack.add(texts[i]);
        errors.alone = std::max(errors.alone, worstError(keptColumns(decoder.logits(pack, allRows(pack)), golden), expected[i]));
        errors.scale = std::max(errors.scale, std::sqrt(at::mean(at::square(expected[i])).item<double>()));
        const PackNode& node = together.nodes[static_cast<std::size_t>(nodes[i])];
        errors.packed =
            std::max({errors.packed, worstError(all.narrow(0, 0, shared), expected[i].narrow(0, 0, shared)),
                      worstError(all.narrow(0, node.begin, node.count), expected[i].narrow(0, shared, length - shared))});

        KvCache cache(decoder.config(), decoder.precision());
        const int segment = cache.addSegment(length);
        Pack first;
        first.addCached(std::span(texts[i]).first(static_cast<std::size_t>(held)), segment, 0, true);
        decoder.prefill(first, cache);
        for (std::int64_t at = held; at < length; ++at) {
            Pack one;
            one.addCached(std::span(texts[i]).subspan(static_cast<std::size_t>(at), 1), segment, at, true);
            const at::Tensor next = keptColumns(decoder.logits(one, {0}, &cache), golden);
            errors.cached = std::max(errors.cached, worstError(next, expected[i].narrow(0, at, 1)));
        }
    }
    return errors;
}

inline engine::LoraSpec goldenSpec(const Json& golden) {
    engine::LoraSpec spec;
    spec.r = golden["r"];
    spec.alpha = golden["alpha"];
    spec.dropout = 0;
    spec.bias = *engine::valueOf<engine::TrainedBiases>(golden["bias"].get<std::string>());
    spec.rslora = golden.value("rslora", false);
    return spec;
}

/// Writes below `root` a tiny model as base, an adapter of ours and the logits with it; max abs error of the adapter read again.
inline double ownAdapterError(const std::filesystem::path& root, const std::string& model, const std::string& bias, bool rslora) {
    using namespace engine;
    const std::filesystem::path base = root / "base";
    writeTinyModel(base, tinyModelOptions(model));
    LoraSpec spec;
    spec.r = 3;
    spec.alpha = 9;
    spec.bias = *valueOf<TrainedBiases>(bias);
    spec.rslora = rslora;
    Decoder decoder = Decoder::load(base, Precision::Fp32);
    const auto lora = std::make_shared<Lora>(decoder.config(), spec, 1);
    decoder.setAdapter(lora, true);
    goldenFill(*lora);
    Pack pack;
    pack.add(std::vector<std::int32_t>{5, 90, 17, 200, 31, 31, 4, 120});
    const at::Tensor logits = decoder.logits(pack, allRows(pack)).contiguous();
    saveAdapter(*lora, root / "adapter", base.string());
    const std::span values(logits.const_data_ptr<float>(), static_cast<std::size_t>(logits.numel()));
    writeSafetensors(root / "logits.safetensors", {{"logits", DType::F32, logits.sizes().vec(), std::as_bytes(values)}}, {});
    decoder.setAdapter(loadAdapter(root / "adapter", decoder.config()), false);
    return worstError(decoder.logits(pack, allRows(pack)), logits);
}

/// Relative error of a tensor of which the peer told the norm and the product with sin(0.7 i + 1).
inline double summaryError(const at::Tensor& value, const Json& told) {
    const double norm = told[0], product = told[1];
    const at::Tensor g = value.flatten().to(at::kDouble), v = at::sin(at::arange(g.numel(), at::kDouble) * 0.7 + 1);
    // An error e that points anywhere changes the product by |e| |v| / sqrt(n), about.
    const double unit = norm * at::norm(v).item<double>() / std::sqrt(static_cast<double>(g.numel()));
    return std::max(std::abs(at::norm(g).item<double>() - norm) / norm, std::abs(at::dot(g, v).item<double>() - product) / unit);
}

/// Relative errors, and where the worst is.
struct WorstError {
    double loss = 0, value = 0;
    std::string where;
    void add(const std::string& name, double error) {
        if (!(error <= value)) value = error, where = name;
    }
};

/// Of one batch's gradients. Throws std::runtime_error where ours and the peer's parameters differ by name.
inline WorstError gradientErrors(engine::Decoder& decoder, const Json& golden) {
    using namespace engine;
    const auto lora = std::make_shared<Lora>(decoder.config(), goldenSpec(golden), 1);
    decoder.setAdapter(lora, true);
    goldenFill(*lora);
    std::vector<Sample> samples;
    std::int64_t counted = 0;
    for (const Json& ids : golden["texts"]) {
        Sample sample{0, 0, ids, 0, 0};
        sample.answerBegin = static_cast<std::int64_t>(sample.ids.size()) - golden["answer"].get<std::int64_t>();
        sample.lossBegin = golden["loss_on"] == "all" ? 1 : sample.answerBegin;
        counted += sample.counted();
        samples.push_back(sample);
    }
    SampleList list;
    for (const Sample& sample : samples) list.push_back(&sample);
    const Batch batch = makeBatch(list, 1.0 / static_cast<double>(counted));
    lora->gradients().zero_();
    WorstError worst;
    worst.loss = std::abs(decoder.lossAndGradients(batch.pack, batch.targets, {}) / golden["loss"].get<double>() - 1);
    const std::vector<Parameter> parameters = lora->parameters();
    if (parameters.size() != golden["gradients"].size())
        throw std::runtime_error("We train " + std::to_string(parameters.size()) + " parameters, the peer " +
                                 std::to_string(golden["gradients"].size()));
    for (const Parameter& p : parameters) {
        if (!golden["gradients"].contains(p.name)) throw std::runtime_error("The peer does not train " + p.name);
        worst.add(p.name, summaryError(p.grad, golden["gradients"][p.name]));
    }
    return worst;
}

/// What a training after the peer's settings said of each step, against the peer's.
struct TrainingErrors {
    std::size_t steps = 0;
    double loss = 0, norm = 0, lowest = 1e9;
    int worstStep = 0, clipped = 0;
};

/// Trains as `settings` (training.json's keys) say, from an adapter filled by formula, which stays the decoder's; `golden` has
/// the peer's losses and norms.
inline TrainingErrors trainingErrors(engine::Decoder& decoder, engine::Lora& lora, const Json& settings, const Json& golden) {
    using namespace engine;
    TrainSpec spec;
    spec.epochs = golden.value("epochs", settings.value("epochs", 0));
    spec.batch_size = settings["batch_size"];
    spec.micro_batch_size = std::to_string(settings["micro_batch_size"].get<int>());
    spec.learning_rate = settings["learning_rate"];
    spec.weight_decay = settings["weight_decay"];
    spec.max_grad_norm = settings["max_grad_norm"];
    spec.warmup_ratio = settings["warmup_ratio"];
    spec.seed = settings["seed"];
    spec.checkpoint_every = 0;
    std::vector<Sample> samples;
    for (const Json& sample : settings["samples"]) samples.push_back({0, 0, sample["ids"], sample["answer"], sample["answer"]});
    AdamW optimizer(lora, spec.weight_decay);
    TrainState state;
    TrainingErrors errors;
    const Sink sink = [&](const Event& event) {
        const auto* step = std::get_if<StepEvent>(&event);
        if (!step || ++errors.steps > golden["losses"].size()) return;
        const double loss = golden["losses"][errors.steps - 1], norm = golden["grad_norms"][errors.steps - 1];
        if (const double error = std::abs(step->loss / loss - 1); !(error <= errors.loss))
            errors.loss = error, errors.worstStep = static_cast<int>(errors.steps);
        errors.norm = std::max(errors.norm, std::abs(step->grad_norm / norm - 1));
        errors.lowest = std::min(errors.lowest, loss);
        errors.clipped += norm > spec.max_grad_norm;
    };
    if (!fit({decoder, optimizer, samples, spec, {}, {}}, state, sink, {})) throw std::runtime_error("The training stopped.");
    return errors;
}

} // namespace testing_support
