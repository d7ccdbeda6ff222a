// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/architecture/row_bytes.h"

#include <algorithm>

namespace engine {

std::int64_t keptBytes(const DecoderConfig& c, const Precision& precision, std::int64_t rank) {
    const std::int64_t norms = c.parallel ? 1 : 2;
    const std::int64_t floats = c.hidden_size + c.heads + 2 * norms; // the layer's input, each head's log-sum-exp, mean and rstd
    std::int64_t computed = 2 * c.queryWidth() + 2 * c.keyWidth();   // queries, keys, values, what attention gives
    computed += (c.gated() ? 2 : 1) * c.intermediate_size;
    computed += rank * static_cast<std::int64_t>(c.linears.size());
    if (!c.parallel || c.attentionBranchNorm) computed += c.hidden_size; // what attention adds to the input, before its norm
    if (c.mlpBranchNorm) computed += c.hidden_size;
    std::int64_t moments = bool(c.attentionBranchNorm) + bool(c.mlpBranchNorm);
    if (c.queryNorm) {
        computed += c.queryWidth() + c.keyWidth();
        moments += c.heads + c.kv_heads;
    }
    return 4 * (floats + moments) + precision.bytes() * computed;
}

std::int64_t computedBytes(const DecoderConfig& c, const Precision& precision) {
    const std::int64_t wider = std::max<std::int64_t>(0, c.queryWidth() - c.hidden_size); // heads of a size of their own
    return precision.bytes() * (6 * c.hidden_size + 2 * wider + 3 * c.intermediate_size);
}

std::int64_t cachedBytes(const DecoderConfig& c, const Precision& precision) {
    return 2 * c.layers * c.keyWidth() * precision.bytes();
}

std::int64_t rowBudget(const DecoderConfig& config, const Precision& precision) {
    const std::int64_t kept = std::max<std::int64_t>(1, config.layers * keptBytes(config, precision));
    return std::clamp<std::int64_t>((std::int64_t{5} << 28) / kept, 64, 4096);
}

} // namespace engine
