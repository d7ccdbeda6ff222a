// SPDX-License-Identifier: GPL-3.0-or-later
// What the numbers of a model's files may be, the same in config.json and in GGUF. For families only.
#pragma once
#include <string>

namespace engine {

struct NumberRange {
    double least = 0, most = 0;
    bool open = false; // `least` itself is outside
    /// False for NaN.
    bool holds(double value) const { return (open ? value > least : value >= least) && value <= most; }
};
/// "from 1 to 1000", "above 0 and up to 1"
std::string toString(const NumberRange& range);

namespace ranges {
inline constexpr NumberRange kCount{0, 1e9}, kSize{1, 1e9}, kLayers{1, 1000}, kVocabulary{1, 1e7}; // whole numbers
inline constexpr NumberRange kNormEps{0, 1, true}, kFactor{0, 1e12, true}, kShare{0, 1, true}, kDropout{0, 0.99};
} // namespace ranges

} // namespace engine
