// SPDX-License-Identifier: GPL-3.0-or-later
// The tiny model as llama.cpp's converter would write it.
#pragma once
#include "tests/support/tiny_model.h"

namespace testing_support {

/// float32; q's and k's rows interleaved where llama.cpp's converter does so, Phi's q, k and v as one where the options name them
/// so, norms of 1 + w as such. What a file of this kind cannot say must be as readers take it: no window for Mistral and Qwen,
/// every fourth layer of SmolLM3 without rotary, Gemma's query_pre_attn_scalar the head's size. Gives the file back.
std::filesystem::path writeTinyGguf(const std::filesystem::path& file, const TinyModelOptions& options);

} // namespace testing_support
