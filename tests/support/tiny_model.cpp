// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/tiny_model.h"

#include "engine/kernels/bfloat16.h"
#include "engine/weights/safetensors.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numbers>
#include <random>

namespace testing_support {
namespace {

using Json = nlohmann::ordered_json;

// Drawn one by one from a seeded engine, so that the same seed gives the same weights with every standard library.
class Weights {
public:
    explicit Weights(std::uint64_t seed) : m_engine(seed) {}

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
        add(name + ".weight", {size}, 1, 0.1);
        if (bias) add(name + ".bias", {size}, 0, 0.1);
    }
    std::vector<TinyTensor> take() { return std::move(m_tensors); }

private:
    double uniform() { return (static_cast<double>(m_engine() >> 11) + 0.5) / 9007199254740992.0; }
    double normal() {
        const double first = uniform(), second = uniform(); // in this order
        return std::sqrt(-2 * std::log(first)) * std::cos(2 * std::numbers::pi * second);
    }

    std::mt19937_64 m_engine;
    std::vector<TinyTensor> m_tensors;
};

std::int64_t vocabulary(const TinyModelOptions& o) {
    return o.vocab > 0 ? o.vocab : tinyVocabulary();
}

void addLlama(Weights& w, const TinyModelOptions& o) {
    const std::int64_t head = o.hidden / o.heads;
    w.add("model.embed_tokens.weight", {vocabulary(o), o.hidden}, 0, 1 / std::sqrt(static_cast<double>(o.hidden)));
    for (std::int64_t n = 0; n < o.layers; ++n) {
        const std::string layer = "model.layers." + std::to_string(n) + ".";
        w.norm(layer + "input_layernorm", o.hidden, false);
        w.linear(layer + "self_attn.q_proj", o.hidden, o.heads * head, false);
        w.linear(layer + "self_attn.k_proj", o.hidden, o.kvHeads * head, false);
        w.linear(layer + "self_attn.v_proj", o.hidden, o.kvHeads * head, false);
        w.linear(layer + "self_attn.o_proj", o.heads * head, o.hidden, false);
        w.norm(layer + "post_attention_layernorm", o.hidden, false);
        w.linear(layer + "mlp.gate_proj", o.hidden, o.intermediate, false);
        w.linear(layer + "mlp.up_proj", o.hidden, o.intermediate, false);
        w.linear(layer + "mlp.down_proj", o.intermediate, o.hidden, false);
    }
    w.norm("model.norm", o.hidden, false);
    if (!o.tied) w.linear("lm_head", o.hidden, vocabulary(o), false);
}

void addPhi(Weights& w, const TinyModelOptions& o) {
    w.add("model.embed_tokens.weight", {vocabulary(o), o.hidden}, 0, 1 / std::sqrt(static_cast<double>(o.hidden)));
    for (std::int64_t n = 0; n < o.layers; ++n) {
        const std::string layer = "model.layers." + std::to_string(n) + ".";
        w.norm(layer + "input_layernorm", o.hidden, true);
        for (const char* part : {"q_proj", "k_proj", "v_proj", "dense"})
            w.linear(layer + "self_attn." + part, o.hidden, o.hidden, true);
        w.linear(layer + "mlp.fc1", o.hidden, o.intermediate, true);
        w.linear(layer + "mlp.fc2", o.intermediate, o.hidden, true);
    }
    w.norm("model.final_layernorm", o.hidden, true);
    w.linear("lm_head", o.hidden, vocabulary(o), true);
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

Json phiMsftConfig(const TinyModelOptions& o) {
    return {{"architectures", {"PhiForCausalLM"}},
            {"model_type", "phi-msft"},
            {"activation_function", "gelu_new"},
            {"n_embd", o.hidden},
            {"n_layer", o.layers},
            {"n_head", o.heads},
            {"n_head_kv", nullptr},
            {"n_inner", o.intermediate},
            {"n_positions", o.maxPositions},
            {"rotary_dim", static_cast<std::int64_t>(o.partialRotary * static_cast<double>(o.hidden / o.heads))},
            {"layer_norm_epsilon", 1e-05},
            {"embd_pdrop", 0.0},
            {"resid_pdrop", o.residDropout},
            {"attn_pdrop", 0.0},
            {"tie_word_embeddings", false},
            {"vocab_size", vocabulary(o)},
            {"torch_dtype", "float16"}};
}

Json config(const TinyModelOptions& o) {
    if (o.dialect == ConfigDialect::PhiMsft) return phiMsftConfig(o);
    const bool phi = o.family == engine::Family::Phi;
    Json json{{"architectures", {phi ? "PhiForCausalLM" : "LlamaForCausalLM"}},
              {"model_type", phi ? "phi" : "llama"},
              {"vocab_size", vocabulary(o)},
              {"hidden_size", o.hidden},
              {"intermediate_size", o.intermediate},
              {"num_hidden_layers", o.layers},
              {"num_attention_heads", o.heads},
              {"num_key_value_heads", phi ? o.heads : o.kvHeads},
              {"max_position_embeddings", o.maxPositions},
              {"hidden_act", phi ? "gelu_new" : "silu"},
              {"attention_dropout", 0.0},
              {"bos_token_id", tinyEos()},
              {"eos_token_id", tinyEos()},
              {"tie_word_embeddings", phi ? false : o.tied},
              {"initializer_range", 0.02},
              {"use_cache", true}};
    if (phi) {
        json.update({{"layer_norm_eps", 1e-05}, {"qk_layernorm", false}, {"embd_pdrop", 0.0}, {"resid_pdrop", o.residDropout}});
    } else {
        json.update({{"rms_norm_eps", 1e-05}, {"attention_bias", false}, {"mlp_bias", false}, {"head_dim", o.hidden / o.heads}});
    }
    const char* type = o.type == engine::DType::BF16 ? "bfloat16" : "float32";
    if (o.dialect == ConfigDialect::Transformers5) {
        Json rope{{"rope_theta", o.ropeTheta}, {"rope_type", "default"}};
        if (phi) rope["partial_rotary_factor"] = o.partialRotary;
        json.update({{"dtype", type}, {"rope_parameters", rope}, {"transformers_version", "5.23.0"}});
    } else {
        json.update(
            {{"torch_dtype", type}, {"rope_theta", o.ropeTheta}, {"rope_scaling", nullptr}, {"transformers_version", "4.46.0"}});
        if (phi) json["partial_rotary_factor"] = o.partialRotary;
    }
    return json;
}

void write(const std::filesystem::path& file, const Json& json) {
    std::ofstream(file, std::ios::binary) << json.dump(2) << '\n';
}

std::vector<std::byte> bytesOf(const TinyTensor& tensor, engine::DType type) {
    const std::size_t count = tensor.values.size();
    if (type == engine::DType::F32) {
        std::vector<std::byte> bytes(count * 4);
        std::memcpy(bytes.data(), tensor.values.data(), bytes.size());
        return bytes;
    }
    std::vector<std::byte> bytes(count * 2);
    for (std::size_t i = 0; i < count; ++i) {
        const std::uint16_t half = engine::toBf16(tensor.values[i]);
        std::memcpy(bytes.data() + 2 * i, &half, 2);
    }
    return bytes;
}

} // namespace

std::vector<TinyTensor> tinyTensors(const TinyModelOptions& options) {
    Weights weights(options.seed);
    if (options.family == engine::Family::Phi)
        addPhi(weights, options);
    else
        addLlama(weights, options);
    std::vector<TinyTensor> tensors = weights.take();
    return options.names == PhiNames::Mixer ? withMixerNames(std::move(tensors)) : tensors;
}

std::filesystem::path writeTinyModel(const std::filesystem::path& folder, const TinyModelOptions& options) {
    std::filesystem::create_directories(folder);
    write(folder / "config.json", config(options));
    writeTinyTokenizer(folder, options.dialect == ConfigDialect::Transformers5);
    const std::vector<TinyTensor> tensors = tinyTensors(options);
    std::vector<std::vector<std::byte>> bytes;
    std::vector<engine::TensorView> views;
    for (const TinyTensor& tensor : tensors) {
        bytes.push_back(bytesOf(tensor, options.type));
        views.push_back({tensor.name, options.type, tensor.shape, bytes.back()});
    }
    const std::map<std::string, std::string> metadata{{"format", "pt"}};
    if (options.shards <= 1) {
        engine::writeSafetensors(folder / "model.safetensors", views, metadata);
        return folder;
    }
    Json map = Json::object();
    std::size_t total = 0;
    const auto shards = static_cast<std::size_t>(options.shards);
    for (std::size_t shard = 0; shard < shards; ++shard) {
        char name[64];
        std::snprintf(name, sizeof name, "model-%05zu-of-%05zu.safetensors", shard + 1, shards);
        std::vector<engine::TensorView> part;
        for (std::size_t i = views.size() * shard / shards; i < views.size() * (shard + 1) / shards; ++i) {
            part.push_back(views[i]);
            map[views[i].name] = name;
            total += views[i].bytes.size();
        }
        engine::writeSafetensors(folder / name, part, metadata);
    }
    write(folder / "model.safetensors.index.json", {{"metadata", {{"total_size", total}}}, {"weight_map", map}});
    return folder;
}

} // namespace testing_support
