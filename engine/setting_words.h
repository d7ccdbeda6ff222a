// SPDX-License-Identifier: GPL-3.0-or-later
// What to say to somebody whose word is none of our settings.
#pragma once
#include <string>

namespace engine {

/// Our word for one of Hugging Face's Trainer, of PEFT or of bitsandbytes; else the nearest key where one is near; else the keys
/// that the section has: a clause such as "did you mean lora.r?" that ends its sentence and begins without a capital. `key` is
/// dotted; a key of the same section is named without it where `inSection`.
std::string adviceOnKey(const std::string& key, bool inSection);

} // namespace engine
