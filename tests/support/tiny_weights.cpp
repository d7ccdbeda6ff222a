// SPDX-License-Identifier: GPL-3.0-or-later
// The tiny models' tensors, under each family's names.
#include "tests/support/tiny_family.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <random>

namespace testing_support {
namespace {

// Drawn one by one from a seeded engine, so that the same seed gives the same weights with every standard library.
class Weights {
public:
    Weights(std::uint64_t seed, double norms) : m_norms(norms), m_engine(seed) {}

    void add(const std::string& name, std::vector<std::int64_t> shape, double mean, double deviation) {
        std::int64_t count = 1;
        for (std::int64_t size : shape) count *= size;
        std::vector<float> values(static_cast<std::size_t>(count));
        for (float& value : values) value = static_cast<float>(mean + deviation * normal());
        m_tensors.push_back({name, std::move(shape), std::move(values)});
    }
    void linear(const std::string& name, std::int64_t in, std::int64_t out, bool bias) {
        add(name + ".weight", {out, in}, 0, 1 / std::sqrt(static_cast<double>(in)));
        if (bias) add(name + ".bias", {out}, 0, 0.1);
    }
    void norm(const std::string& name, std::int64_t size, bool bias) {
        add(name + ".weight", {size}, m_norms, 0.1);
        if (bias) add(name + ".bias", {size}, 0, 0.1);
    }
    std::vector<TinyTensor> take() { return std::move(m_tensors); }

private:
    double uniform() { return (static_cast<double>(m_engine() >> 11) + 0.5) / 9007199254740992.0; }
    double normal() {
        const double first = uniform(), second = uniform(); // in this order
        return std::sqrt(-2 * std::log(first)) * std::cos(2 * std::numbers::pi * second);
    }

    double m_norms; // their mean
    std::mt19937_64 m_engine;
    std::vector<TinyTensor> m_tensors;
};

void addPhi(Weights& w, const TinyModelOptions& o) {
    w.add("model.embed_tokens.weight", {tinyVocabulary(o), o.hidden}, 0, 1 / std::sqrt(static_cast<double>(o.hidden)));
    for (std::int64_t n = 0; n < o.layers; ++n) {
        const std::string layer = "model.layers." + std::to_string(n) + ".";
        w.norm(layer + "input_layernorm", o.hidden, true);
        for (const char* part : {"q_proj", "k_proj", "v_proj", "dense"})
            w.linear(layer + "self_attn." + part, o.hidden, o.hidden, true);
        w.linear(layer + "mlp.fc1", o.hidden, o.intermediate, true);
        w.linear(layer + "mlp.fc2", o.intermediate, o.hidden, true);
    }
    w.norm("model.final_layernorm", o.hidden, true);
    w.linear("lm_head", o.hidden, tinyVocabulary(o), true);
}

void addAttention(Weights& w, const TinyModelOptions& o, const std::string& layer) {
    const TinyFamily& family = tinyFamily(o.family);
    const std::int64_t head = tinyHeadDim(o), q = o.heads * head, kv = o.kvHeads * head;
    const bool output = family.biasKeys && o.attentionBias, bias = family.qkvBias || output;
    if (family.fused) {
        w.linear(layer + "self_attn.qkv_proj", o.hidden, q + 2 * kv, bias);
    } else {
        w.linear(layer + "self_attn.q_proj", o.hidden, q, bias);
        w.linear(layer + "self_attn.k_proj", o.hidden, kv, bias);
        w.linear(layer + "self_attn.v_proj", o.hidden, kv, bias);
    }
    w.linear(layer + "self_attn.o_proj", q, o.hidden, output);
    if (!family.qkNorm) return;
    w.norm(layer + "self_attn.q_norm", head, false);
    w.norm(layer + "self_attn.k_norm", head, false);
}

void addMlp(Weights& w, const TinyModelOptions& o, const std::string& layer) {
    const TinyFamily& family = tinyFamily(o.family);
    const bool bias = family.mlpBiasKey && o.mlpBias;
    if (family.fused) {
        w.linear(layer + "mlp.gate_up_proj", o.hidden, 2 * o.intermediate, bias);
    } else {
        w.linear(layer + "mlp.gate_proj", o.hidden, o.intermediate, bias);
        w.linear(layer + "mlp.up_proj", o.hidden, o.intermediate, bias);
    }
    w.linear(layer + "mlp.down_proj", o.intermediate, o.hidden, bias);
}

/// Of four norms those behind the branches: large, so that the branches and not the scaled embedding decide the tokens.
void addBranchNorm(Weights& w, const TinyModelOptions& o, const std::string& name) {
    if (tinyFamily(o.family).fourNorms)
        w.add(name + ".weight", {o.hidden}, 1, 0.1);
    else
        w.norm(name, o.hidden, false);
}

/// Two norms or four a layer, a gated MLP.
void addGated(Weights& w, const TinyModelOptions& o) {
    const TinyFamily& family = tinyFamily(o.family);
    w.add("model.embed_tokens.weight", {tinyVocabulary(o), o.hidden}, 0, 1 / std::sqrt(static_cast<double>(o.hidden)));
    for (std::int64_t n = 0; n < o.layers; ++n) {
        const std::string layer = "model.layers." + std::to_string(n) + ".";
        w.norm(layer + "input_layernorm", o.hidden, false);
        addAttention(w, o, layer);
        addBranchNorm(w, o, layer + "post_attention_layernorm");
        if (family.fourNorms) w.norm(layer + "pre_feedforward_layernorm", o.hidden, false);
        addMlp(w, o, layer);
        if (family.fourNorms) addBranchNorm(w, o, layer + "post_feedforward_layernorm");
    }
    w.norm("model.norm", o.hidden, false);
    if (!o.tied) w.linear("lm_head", o.hidden, tinyVocabulary(o), false);
}

void replace(std::string& text, const std::string& from, const std::string& to) {
    if (const auto at = text.find(from); at != std::string::npos) text.replace(at, from.size(), to);
}

// The first release's names; q, k and v stacked row-wise in Wqkv.
std::vector<TinyTensor> withMixerNames(std::vector<TinyTensor> tensors) {
    std::vector<TinyTensor> renamed;
    for (TinyTensor& tensor : tensors) {
        std::string& name = tensor.name;
        replace(name, "model.embed_tokens", "transformer.embd.wte");
        replace(name, "model.final_layernorm", "lm_head.ln");
        if (name.starts_with("lm_head.weight") || name.starts_with("lm_head.bias")) replace(name, "lm_head", "lm_head.linear");
        replace(name, "model.layers.", "transformer.h.");
        replace(name, ".input_layernorm", ".ln");
        replace(name, ".self_attn.dense", ".mixer.out_proj");
        replace(name, ".self_attn.q_proj", ".mixer.Wqkv");
        const bool further = name.find(".k_proj") != std::string::npos || name.find(".v_proj") != std::string::npos;
        if (!further) {
            renamed.push_back(std::move(tensor));
            continue;
        }
        replace(name, ".self_attn.k_proj", ".mixer.Wqkv");
        replace(name, ".self_attn.v_proj", ".mixer.Wqkv");
        const auto whole = std::find_if(renamed.begin(), renamed.end(), [&](const TinyTensor& t) { return t.name == name; });
        whole->values.insert(whole->values.end(), tensor.values.begin(), tensor.values.end());
        whole->shape[0] += tensor.shape[0];
    }
    return renamed;
}

} // namespace

std::vector<TinyTensor> tinyTensors(const TinyModelOptions& options) {
    const TinyFamily& family = tinyFamily(options.family);
    Weights weights(options.seed, family.offsetNorms ? 0 : 1);
    if (family.parallel)
        addPhi(weights, options);
    else
        addGated(weights, options);
    std::vector<TinyTensor> tensors = weights.take();
    return options.names == PhiNames::Mixer ? withMixerNames(std::move(tensors)) : tensors;
}

} // namespace testing_support
