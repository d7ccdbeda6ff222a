// SPDX-License-Identifier: GPL-3.0-or-later
// The JSON header of a safetensors file.
#pragma once
#include "engine/weights/tensor_view.h"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace engine {

struct HeaderEntry {
    std::string name, dtype;
    std::vector<std::int64_t> shape;
    std::uint64_t begin = 0, end = 0; // in the buffer that follows the header
};
struct SafetensorsHeader {
    std::vector<HeaderEntry> entries;
    std::map<std::string, std::string> metadata;
};

/// Takes exactly the header's shape: anything else, a key given twice included, is an Error(BadInput) without the file's name.
SafetensorsHeader parseSafetensorsHeader(std::string_view json);

} // namespace engine
