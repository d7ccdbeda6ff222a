// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/architecture/architecture.h"
#include "engine/architecture/tensors.h"

#include <algorithm>
#include <cmath>

namespace engine {

Product productOf(Piece piece) {
    switch (piece) {
    case Piece::Query:
    case Piece::Key:
    case Piece::Value: return Product::Qkv;
    case Piece::Output: return Product::Out;
    case Piece::Gate:
    case Piece::Up: return Product::Up;
    case Piece::Down: break;
    }
    return Product::Down;
}

const LayerKind& DecoderConfig::kind(std::int64_t layer) const {
    static const LayerKind plain;
    return layerKinds.empty() ? plain : layerKinds.at(static_cast<std::size_t>(layer));
}

bool DecoderConfig::gated() const {
    return std::any_of(linears.begin(), linears.end(), [](const LinearModule& linear) {
        return std::find(linear.pieces.begin(), linear.pieces.end(), Piece::Gate) != linear.pieces.end();
    });
}

std::int64_t DecoderConfig::rowsOf(Piece piece) const {
    switch (piece) {
    case Piece::Query: return queryWidth();
    case Piece::Key:
    case Piece::Value: return keyWidth();
    case Piece::Output:
    case Piece::Down: return hidden_size;
    case Piece::Gate:
    case Piece::Up: return intermediate_size;
    }
    return 0;
}

double DecoderConfig::attentionScale() const {
    return attention_scale > 0 ? attention_scale : 1.0 / std::sqrt(static_cast<double>(head_dim));
}

std::int64_t parameterCount(const DecoderConfig& config) {
    std::int64_t total = 0;
    for (const TensorShape& tensor : modelTensors(config)) {
        std::int64_t count = 1;
        for (const std::int64_t size : tensor.shape) count *= size;
        total += count;
    }
    return total;
}

} // namespace engine
