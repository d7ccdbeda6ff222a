// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/tiny_family.h"

#include <algorithm>
#include <iterator>
#include <stdexcept>

namespace testing_support {
namespace {

constexpr TinyFamily kFamilies[]{
    {.type = "phi", .architecture = "PhiForCausalLM", .activation = "gelu_new", .parallel = true},
    {.type = "llama",
     .architecture = "LlamaForCausalLM",
     .activation = "silu",
     .biasKeys = true,
     .mlpBiasKey = true,
     .headDimKey = true},
    {.type = "mistral", .architecture = "MistralForCausalLM", .activation = "silu", .headDimKey = true},
    {.type = "qwen2", .architecture = "Qwen2ForCausalLM", .activation = "silu", .qkvBias = true},
    {.type = "qwen3",
     .architecture = "Qwen3ForCausalLM",
     .activation = "silu",
     .biasKeys = true,
     .headDimKey = true,
     .qkNorm = true},
    {.type = "gemma3_text",
     .architecture = "Gemma3ForCausalLM",
     .activation = "gelu_pytorch_tanh",
     .biasKeys = true,
     .headDimKey = true,
     .qkNorm = true,
     .fourNorms = true,
     .offsetNorms = true},
    {.type = "smollm3", .architecture = "SmolLM3ForCausalLM", .activation = "silu", .biasKeys = true, .mlpBiasKey = true},
    {.type = "phi3", .architecture = "Phi3ForCausalLM", .activation = "silu", .fused = true},
};

} // namespace

const TinyFamily& tinyFamily(const std::string& type) {
    const auto* found = std::ranges::find_if(kFamilies, [&](const TinyFamily& family) { return family.type == type; });
    if (found == std::end(kFamilies)) throw std::invalid_argument("no tiny model is of family " + type);
    return *found;
}

const std::vector<TinyFeatures>& tinyFeatures() {
    static const std::vector<TinyFeatures> all{
        {"phi", "family=phi heads=2"}, // heads of 32, 12 of them turning
        {"llama", "family=llama heads=4 kvHeads=2"},
        {"llama, rope_type llama3, biases",
         "family=llama heads=4 kvHeads=2 scaling=llama3 scalingFactor=8 original=16 attentionBias=yes mlpBias=yes"},
        {"llama, linear scaling", "family=llama heads=2 kvHeads=2 scaling=linear tied=no dialect=transformers4"},
        {"mistral", "family=mistral heads=4 kvHeads=2 headDim=32 window=8 tied=no"},
        {"qwen2", "family=qwen2 heads=4 kvHeads=1 layers=3 window=8 windowFrom=1"},
        {"qwen3", "family=qwen3 heads=4 kvHeads=2 headDim=32"},
        {"gemma3", "family=gemma3_text heads=2 kvHeads=1 headDim=64 layers=3 window=8 globalEvery=3 queryScalar=100"},
        {"smollm3", "family=smollm3 heads=4 kvHeads=2 layers=4 noRopeEvery=2"},
        {"phi3", "family=phi3 heads=4 kvHeads=2 partialRotary=0.75 scaling=longrope original=16 maxPositions=256 tied=no"},
        {"phi3, window", "family=phi3 heads=2 kvHeads=2 partialRotary=1 window=8"}};
    return all;
}

std::int64_t tinyHeadDim(const TinyModelOptions& o) {
    return o.headDim > 0 ? o.headDim : o.hidden / o.heads;
}

std::int64_t tinyRotaryDim(const TinyModelOptions& o) {
    const TinyFamily& family = tinyFamily(o.family);
    if (!family.parallel && !family.fused) return tinyHeadDim(o);
    return static_cast<std::int64_t>(o.partialRotary * static_cast<double>(tinyHeadDim(o)));
}

std::int64_t tinyVocabulary(const TinyModelOptions& o) {
    return o.vocab > 0 ? o.vocab : tinyVocabulary();
}

bool tinyWindowed(const TinyModelOptions& o, std::int64_t layer) {
    return o.window > 0 && layer >= o.windowFrom && (o.globalEvery == 0 || (layer + 1) % o.globalEvery != 0);
}

std::vector<double> tinyLongropeFactors(const TinyModelOptions& o, bool longer) {
    std::vector<double> factors;
    for (std::int64_t i = 0; i < tinyRotaryDim(o) / 2; ++i)
        factors.push_back(longer ? 1.0 + 0.75 * static_cast<double>(i) : 1.0 + 0.125 * static_cast<double>(i));
    return factors;
}

} // namespace testing_support
