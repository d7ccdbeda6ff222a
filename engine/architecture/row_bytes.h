// SPDX-License-Identifier: GPL-3.0-or-later
// What one row (a token) takes in memory on its way through the layers: the one place that footprint, sizes of passes and the
// cache ask. Counted after the block's forward pass (model/host/block.h).
#pragma once
#include "engine/architecture/architecture.h"
#include "engine/architecture/precision.h"

#include <cstdint>

namespace engine {

/// Bytes that one layer keeps of a row for the way back (LayerTape), with an adapter of this rank on every linear layer.
std::int64_t keptBytes(const DecoderConfig& config, const Precision& precision, std::int64_t rank = 0);
/// Bytes of what one layer computes of a row; no other layer's stand beside it.
std::int64_t computedBytes(const DecoderConfig& config, const Precision& precision);
/// Bytes of a row's keys and values in all layers.
std::int64_t cachedBytes(const DecoderConfig& config, const Precision& precision);
/// Positions that rotary tables have at first; longer texts make them longer.
inline constexpr std::int64_t kRotaryPositions = 8192;
/// Rows of a training pass at most: what is kept of them for the way back then takes about 1.25 GiB. Past 4096 nothing gets
/// faster.
std::int64_t rowBudget(const DecoderConfig& config, const Precision& precision);

} // namespace engine
