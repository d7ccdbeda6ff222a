// SPDX-License-Identifier: GPL-3.0-or-later
// One number to and from bfloat16.
#pragma once
#include <bit>
#include <cstdint>

namespace engine {

/// Rounded to nearest even; of finite numbers.
inline std::uint16_t toBf16(float value) {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    return static_cast<std::uint16_t>((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}
inline float fromBf16(std::uint16_t value) {
    return std::bit_cast<float>(static_cast<std::uint32_t>(value) << 16);
}

} // namespace engine
