// SPDX-License-Identifier: GPL-3.0-or-later
// What a decoder is: the one description that Phi and Llama families share.
#pragma once
#include "engine/error.h"

#include <cstdint>
#include <filesystem>
#include <string>

namespace engine {

class GgufFile;

enum class Family { Phi, Llama };
std::string toString(Family family);

/// Names as in Hugging Face's config.json.
struct DecoderConfig {
    Family family = Family::Llama;
    std::string name; // shown to people
    std::int64_t vocab_size = 0, hidden_size = 0, intermediate_size = 0;
    std::int64_t layers = 0, heads = 0, kv_heads = 0, head_dim = 0;
    std::int64_t rotary_dim = 0; // leading dims of a head that turn; the rest pass
    std::int64_t max_positions = 0;
    double rope_theta = 10000, norm_eps = 1e-5;
    double resid_dropout = 0; // transformers applies Phi's resid_pdrop while training
    bool tied_head = false;   // lm_head is embed_tokens
    bool attention_bias = false, mlp_bias = false, head_bias = false;
    std::int32_t bos = -1, eos = -1;
};

/// Reads both config dialects of transformers (4 and 5; FORMATS §A1). Throws Error(BadInput) naming file and key for what is
/// missing, contradictory, or a feature that would change the numbers (rope scaling, qk_layernorm, sliding windows, experts).
DecoderConfig configFromFolder(const std::filesystem::path& folder);
/// Architectures "llama" and "phi2".
DecoderConfig configFromGguf(const GgufFile& file);

/// Parameters of the base model.
std::int64_t parameterCount(const DecoderConfig& config);

} // namespace engine
