// SPDX-License-Identifier: GPL-3.0-or-later
// What the tests know of the model families: written apart from the engine's list, out of transformers' sources.
#pragma once
#include "tests/support/tiny_model.h"

#include <vector>

namespace testing_support {

struct TinyFamily {
    const char* type;         // config.json's model_type
    const char* architecture; // its class in transformers
    const char* activation;   // of the MLP
    bool parallel = false;    // Phi's block: one LayerNorm, then attention and an MLP of two layers, biases everywhere
    bool qkvBias = false;     // always
    bool biasKeys = false;    // config has attention_bias (q, k, v and output)
    bool mlpBiasKey = false;  // config has mlp_bias
    bool headDimKey = false;  // config has head_dim
    bool qkNorm = false;      // an RMSNorm over each head of q and of k
    bool fourNorms = false;   // a norm behind each branch, too
    bool offsetNorms = false; // norms multiply by 1 + w
    bool fused = false;       // qkv_proj and gate_up_proj
};

/// A model, as tinyModelOptions reads it, for each family, and together for each feature that blocks, norms, heads and rotary
/// tables have. Windows and original contexts are shorter than most texts of tests.
struct TinyFeatures {
    const char *name, *options;
};
const std::vector<TinyFeatures>& tinyFeatures();

/// Throws std::invalid_argument for a family that is none.
const TinyFamily& tinyFamily(const std::string& type);

std::int64_t tinyHeadDim(const TinyModelOptions& options);
/// Dims of a head that turn.
std::int64_t tinyRotaryDim(const TinyModelOptions& options);
std::int64_t tinyVocabulary(const TinyModelOptions& options);
/// Whether a layer sees only the last `window` tokens.
bool tinyWindowed(const TinyModelOptions& options, std::int64_t layer);
/// Longrope's factor of each pair of dims.
std::vector<double> tinyLongropeFactors(const TinyModelOptions& options, bool longer);

} // namespace testing_support
