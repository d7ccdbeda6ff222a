// SPDX-License-Identifier: GPL-3.0-or-later
// A tiny model's options as text, so that tests here and scripts of the peers name the same model.
#pragma once
#include "tests/support/tiny_model.h"

#include <string>

namespace testing_support {

/// "family=phi hidden=48 heads=3 partialRotary=0.4 names=mixer": keys as TinyModelOptions' members, those left out as there.
/// Throws Error(BadInput) for a key or value that is not known.
TinyModelOptions tinyModelOptions(const std::string& text);

} // namespace testing_support
