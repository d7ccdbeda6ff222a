// SPDX-License-Identifier: GPL-3.0-or-later
// The article's split, exactly: scikit-learn's train_test_split a label, pandas' sample for the order (DESIGN §8).
#pragma once
#include "engine/data/dataset.h"

namespace engine {

/// Indexes into Dataset::examples, in order of use.
struct Splits {
    std::vector<std::size_t> train, eval, test;
};

/// Throws Error(BadInput) when a label has fewer rows than the split wants, naming it, its rows and what would fit.
Splits split(const Dataset& dataset, const SplitSpec& spec);

} // namespace engine
