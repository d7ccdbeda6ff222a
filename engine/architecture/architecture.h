// SPDX-License-Identifier: GPL-3.0-or-later
// What a decoder is, as data. Everything that computes, names or counts asks this; only families/ knows which family has what.
#pragma once
#include "engine/error.h"
#include "engine/kernels/activations.h"

#include <cstdint>
#include <string>
#include <vector>

namespace engine {

enum class NormKind {
    LayerNorm,        // with mean and bias
    RmsNorm,          // times w
    RmsNormOfOnePlus, // times 1 + w
};

using kernels::Activation; // of the MLP: of its gate, where it has one

/// How rotary frequencies differ from theta^(-2i/dims).
struct RotaryScaling {
    enum class Kind {
        None,
        Linear,   // divided by factor
        Llama3,   // long waves divided by factor, short ones not, those between in part
        Given,    // divided by `factors`, as GGUF files hold the outcome
        LongRope, // divided by shortFactors, in passes beyond originalContext by longFactors
    };
    Kind kind = Kind::None;
    double factor = 1, lowFrequencyFactor = 1, highFrequencyFactor = 4;
    std::int64_t originalContext = 0;                             // tokens
    std::vector<double> factors{}, shortFactors{}, longFactors{}; // [dims / 2]
    double attentionFactor = 1;                                   // LongRope: times cos and sin
    bool operator==(const RotaryScaling&) const = default;
};

/// One table of angles.
struct Rotary {
    std::int64_t dims = 0; // leading dims of a head that turn; the rest pass
    double theta = 10000;
    RotaryScaling scaling;
    bool operator==(const Rotary&) const = default;
};

/// In what layers may differ.
struct LayerKind {
    int rotary = 0;          // of DecoderConfig::rotary; -1: positions turn nothing
    std::int64_t window = 0; // a token sees this many, itself among them; 0: all before it
    bool operator==(const LayerKind&) const = default;
};

/// What a module is called in a Hugging Face folder ("input_layernorm") and in a GGUF file ("attn_norm"), without what precedes
/// it in layers ("model.layers.0.", "blk.0."). Empty: there is no such module.
struct ModuleName {
    std::string folder, gguf;
    explicit operator bool() const { return !folder.empty(); }
    bool operator==(const ModuleName&) const = default;
};

/// What linear layers compute.
enum class Piece { Query, Key, Value, Output, Gate, Up, Down };

/// The four products of a layer: linear layers of one read the same input.
enum class Product { Qkv, Out, Up, Down };
inline constexpr int kProducts = 4;
Product productOf(Piece piece);

/// A linear layer of every decoder layer: one checkpoint tensor, one module for LoRA. Fused ones have several pieces, whose rows
/// follow one another.
struct LinearModule {
    ModuleName name;
    std::vector<Piece> pieces;
    bool bias = false;
    Product product() const { return productOf(pieces.front()); }
    bool operator==(const LinearModule&) const = default;
};

/// Another name of a module in older files, whole paths with * for the layer's number: all of the file's tensor, or one of
/// `parts` equal blocks of its rows.
struct OlderName {
    std::string module, file;
    std::int64_t part = 0, parts = 1;
    bool interleaved = false; // the parts alternate head by head
    bool operator==(const OlderName&) const = default;
};

/// Sizes are named as in Hugging Face's config.json.
struct DecoderConfig {
    std::string family; // as families() has it
    std::string name;   // shown to people
    std::int64_t vocab_size = 0, hidden_size = 0, intermediate_size = 0;
    std::int64_t layers = 0, heads = 0, kv_heads = 0, head_dim = 0;
    std::int64_t max_positions = 0;
    std::int32_t bos = -1, eos = -1;

    NormKind norm = NormKind::RmsNorm;
    double norm_eps = 1e-5;
    bool parallel = false; // attention and MLP read one norm, and both are added to what it read
    Activation activation = Activation::Silu;
    bool tied_head = false; // lm_head is embed_tokens
    bool head_bias = false;
    double resid_dropout = 0;        // on both branches while training
    double embedding_multiplier = 1; // in the type that is computed in
    double attention_scale = 0;      // of queries times keys; 0: 1 / sqrt(head_dim)
    std::vector<Rotary> rotary{{}};
    std::vector<LayerKind> layerKinds; // [layers]; empty: all are LayerKind()

    ModuleName embedding{"model.embed_tokens", "token_embd"}, finalNorm{"model.norm", "output_norm"}, head{"lm_head", "output"};
    // Of every layer. Norms stand before attention and, unless `parallel`, before the MLP; on a branch, after it and before it is
    // added; and over each head's queries and keys, before they are turned.
    ModuleName attentionNorm, mlpNorm, attentionBranchNorm, mlpBranchNorm, queryNorm, keyNorm;
    std::vector<LinearModule> linears; // in the model's order
    std::vector<OlderName> olderFolderNames, olderGgufNames;
    bool ggufTurnsHeads = false;     // GGUF files interleave the halves of each head's rows of queries and keys
    bool ggufAddsOneToNorms = false; // GGUF files hold 1 + w

    const LayerKind& kind(std::int64_t layer) const;
    /// Whether the MLP has a gate.
    bool gated() const;
    std::int64_t queryWidth() const { return heads * head_dim; }
    std::int64_t keyWidth() const { return kv_heads * head_dim; }
    /// Rows of a piece.
    std::int64_t rowsOf(Piece piece) const;
    double attentionScale() const;
    bool operator==(const DecoderConfig&) const = default;
};

/// Parameters of the base model.
std::int64_t parameterCount(const DecoderConfig& config);

} // namespace engine
