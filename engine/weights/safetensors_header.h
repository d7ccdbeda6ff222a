// SPDX-License-Identifier: GPL-3.0-or-later
// The JSON header of a safetensors file.
#pragma once
#include "engine/weights/tensor_view.h"

#include <cstdint>
#include <map>
#include <optional>
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

/// "BF16" and its like; empty for what Phibench does not read.
std::optional<DType> safetensorsType(const std::string& name);
/// The type's place among those that the format holds, in the order in which the reference writer lays tensors out, last to
/// first; -1: none.
int safetensorsRank(DType type);
/// Bytes of a tensor; empty when the product of any of its dimensions does not fit.
std::optional<std::uint64_t> safetensorsSize(DType type, const std::vector<std::int64_t>& shape);

} // namespace engine
