// SPDX-License-Identifier: GPL-3.0-or-later
// Samples as the rows of one pass, their common beginning held once, with the predictions that count.
#pragma once
#include "engine/model/pack.h"
#include "engine/prompt/sample.h"

#include <span>
#include <vector>

namespace engine {

using SampleList = std::vector<const Sample*>;
using SampleSpan = std::span<const Sample* const>;

struct Batch {
    Pack pack;
    std::vector<Target> targets; // by row; a token at most once a row
    std::int64_t counted = 0;    // predictions, as if no beginning were shared
};

/// Each sample's last token is only predicted, never read. A shared row's predictions weigh as much as the samples that share it.
Batch makeBatch(SampleSpan samples, double weight, bool sharePrefix = true);

/// A batch in parts of `size` samples, or, with size 0, of as many as make at most `rows` rows (one at least).
std::vector<SampleSpan> splitBatch(SampleSpan samples, std::int64_t size, std::int64_t rows);

/// Tokens that all of these begin with, leaving each `keep` tokens of its own.
std::int64_t commonPrefix(std::span<const std::span<const std::int32_t>> texts, std::int64_t keep);

} // namespace engine
