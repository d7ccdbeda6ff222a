// SPDX-License-Identifier: GPL-3.0-or-later
// What the families that descend from Llama share.
#pragma once
#include "engine/architecture/architecture.h"
#include "engine/error.h"

namespace engine {

inline constexpr const char* kRmsEpsilon = "attention.layer_norm_rms_epsilon";

/// RMSNorm before attention and before a gated MLP, Llama's names.
inline DecoderConfig llamaLike() {
    DecoderConfig c;
    c.attentionNorm = {"input_layernorm", "attn_norm"};
    c.mlpNorm = {"post_attention_layernorm", "ffn_norm"};
    c.linears = {{{"self_attn.q_proj", "attn_q"}, {Piece::Query}}, {{"self_attn.k_proj", "attn_k"}, {Piece::Key}},
                 {{"self_attn.v_proj", "attn_v"}, {Piece::Value}}, {{"self_attn.o_proj", "attn_output"}, {Piece::Output}},
                 {{"mlp.gate_proj", "ffn_gate"}, {Piece::Gate}},   {{"mlp.up_proj", "ffn_up"}, {Piece::Up}},
                 {{"mlp.down_proj", "ffn_down"}, {Piece::Down}}};
    return c;
}

/// config.json of these families cannot say that a part of a head alone turns.
inline void requireWholeHeadsTurn(const DecoderConfig& c) {
    for (const Rotary& rotary : c.rotary)
        if (rotary.dims != c.head_dim)
            throw Error(ErrorCode::BadInput, c.name + ": rotary embedding of " + std::to_string(rotary.dims) + " of a head's " +
                                                 std::to_string(c.head_dim) + " dims cannot be written as a Hugging Face " +
                                                 c.family + " model.");
}

} // namespace engine
