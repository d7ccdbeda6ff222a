// SPDX-License-Identifier: GPL-3.0-or-later
// A random model of a few thousand parameters in Hugging Face's folder layout: real files for the real loaders.
#pragma once
#include "engine/model/config.h"
#include "engine/weights/tensor_view.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace testing_support {

enum class ConfigDialect {
    Transformers5, // rope_parameters, dtype
    Transformers4, // rope_theta, partial_rotary_factor, torch_dtype
    PhiMsft        // Phi only: the first release's n_embd, rotary_dim, …
};

enum class PhiNames {
    Split, // model.layers.N.self_attn.q_proj, …
    Mixer  // transformer.h.N.mixer.Wqkv, … as first released
};

struct TinyModelOptions {
    engine::Family family = engine::Family::Llama;
    ConfigDialect dialect = ConfigDialect::Transformers5;
    PhiNames names = PhiNames::Split;
    std::int64_t hidden = 64, intermediate = 96, layers = 2, heads = 4;
    std::int64_t kvHeads = 2;   // Llama; Phi has as many as heads
    bool tied = true;           // Llama; Phi's head is its own, with a bias
    double partialRotary = 0.4; // Phi
    double residDropout = 0;    // Phi
    double ropeTheta = 10000;
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
/// Writes config.json, model.safetensors (or shards and index), tokenizer.json, tokenizer_config.json and gives the folder back.
std::filesystem::path writeTinyModel(const std::filesystem::path& folder, const TinyModelOptions& options = {});

/// tokenizer.json of a byte-level BPE: 256 bytes, a few merges, "<|endoftext|>" last. `mergePairs`: merges as pairs, not "a b".
void writeTinyTokenizer(const std::filesystem::path& folder, bool mergePairs = true);
/// Tokens of that tokenizer, eos included.
std::int64_t tinyVocabulary();
/// Its eos.
std::int32_t tinyEos();

} // namespace testing_support
