// SPDX-License-Identifier: GPL-3.0-or-later
// Text that goes on from a prompt, token by token with a key-value cache.
#pragma once
#include "engine/jobs.h"
#include "engine/model/decoder.h"
#include "engine/text/tokenizer.h"

#include <functional>
#include <stop_token>
#include <string>
#include <vector>

namespace engine {

/// Up to options.maxNewTokens tokens, fewer at eos, at the model's last position or when stopped (Generated::stopped). `onText`
/// gets each piece of whole characters. Throws Error(BadInput): an empty prompt, or one longer than the model reads.
Generated generate(const Decoder& decoder, const Tokenizer& tokenizer, const std::vector<std::int32_t>& prompt,
                   const GenerateOptions& options, const std::function<void(const std::string&)>& onText, std::stop_token stop);

} // namespace engine
