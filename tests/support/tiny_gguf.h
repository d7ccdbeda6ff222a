// SPDX-License-Identifier: GPL-3.0-or-later
// The tiny model as llama.cpp's converter would write it.
#pragma once
#include "tests/support/tiny_model.h"

namespace testing_support {

/// float32; Q and K of Llama with their rows interleaved, Phi's q, k and v as one where the options name them so. Gives the file
/// back.
std::filesystem::path writeTinyGguf(const std::filesystem::path& file, const TinyModelOptions& options);

} // namespace testing_support
