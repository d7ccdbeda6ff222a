// SPDX-License-Identifier: GPL-3.0-or-later
// A random model of a few thousand parameters in Hugging Face's folder layout: real files for the real loaders.
#pragma once
#include "engine/weights/tensor_view.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace testing_support {

enum class ConfigDialect {
    Transformers5, // rope_parameters, dtype
    Transformers4, // rope_theta, rope_scaling, torch_dtype
    PhiMsft        // Phi only: the first release's n_embd, rotary_dim, …
};

enum class PhiNames {
    Split, // model.layers.N.self_attn.q_proj, …
    Mixer  // transformer.h.N.mixer.Wqkv, … as first released
};

enum class RopeScaling { None, Linear, Llama3, Longrope };

struct TinyModelOptions {
    std::string family = "llama"; // a model_type of tiny_family.h
    ConfigDialect dialect = ConfigDialect::Transformers5;
    PhiNames names = PhiNames::Split;
    std::int64_t hidden = 64, intermediate = 96, layers = 2, heads = 4;
    std::int64_t kvHeads = 2;   // Phi has as many as heads
    std::int64_t headDim = 0;   // 0: hidden / heads; another where the family has the key
    bool tied = true;           // Phi's head is its own, with a bias
    bool attentionBias = false; // attention_bias, where the family has the key: of q, k, v and the output
    bool mlpBias = false;       // mlp_bias, where the family has the key
    double partialRotary = 0.4; // Phi and Phi-3
    double residDropout = 0;    // Phi
    double ropeTheta = 10000;
    double localTheta = 1000; // Gemma 3's layers with a window
    RopeScaling scaling = RopeScaling::None;
    double scalingFactor = 4;     // Linear and Llama3; Longrope: maxPositions over original
    std::int64_t original = 16;   // Llama3 and Longrope: positions before scaling
    std::int64_t window = 0;      // tokens a layer with a window sees; 0: no layer has one
    std::int64_t globalEvery = 0; // every so manieth layer has none; 0: all have one
    std::int64_t windowFrom = 0;  // layers before it have none (Qwen's max_window_layers)
    std::int64_t noRopeEvery = 4; // SmolLM3: every so manieth layer turns nothing
    double queryScalar = 0;       // Gemma 3's query_pre_attn_scalar; 0: the head's size
    std::int64_t maxPositions = 512;
    std::int64_t vocab = 0;                  // 0: the tokenizer's; larger: rows no token names
    engine::DType type = engine::DType::F32; // F32 or BF16
    int shards = 1;                          // more than one: an index as well
    std::uint64_t seed = 1;
};

/// A tensor's name in the file with its values, before it is written.
struct TinyTensor {
    std::string name;
    std::vector<std::int64_t> shape;
    std::vector<float> values;
};

/// The weights a seed gives: linear layers at 1/sqrt(in), norms near one, biases near zero; logits come out at scale 1.
std::vector<TinyTensor> tinyTensors(const TinyModelOptions& options);
/// config.json's text.
std::string tinyConfig(const TinyModelOptions& options);
/// Writes config.json, model.safetensors (or shards and index), tokenizer.json, tokenizer_config.json and gives the folder back.
std::filesystem::path writeTinyModel(const std::filesystem::path& folder, const TinyModelOptions& options = {});

/// tokenizer.json of a byte-level BPE: 256 bytes, a few merges, "<|endoftext|>" last. `mergePairs`: merges as pairs, not "a b".
void writeTinyTokenizer(const std::filesystem::path& folder, bool mergePairs = true);
/// Tokens of that tokenizer, eos included.
std::int64_t tinyVocabulary();
/// Its eos.
std::int32_t tinyEos();

} // namespace testing_support
