// SPDX-License-Identifier: GPL-3.0-or-later
// Plain numbers and ggml's blocks of quantised weights (FORMATS §A3) to float32, exactly as ggml's reference de-quantisers do.
#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace engine::blocks {

using Byte = unsigned char;

/// A half at any address; exact for every half.
inline float halfAt(const Byte* at) {
    std::uint16_t half;
    std::memcpy(&half, at, sizeof half);
    const std::uint32_t sign = (std::uint32_t{half} & 0x8000u) << 16;
    const std::uint32_t rest = std::uint32_t{half} & 0x7FFFu;
    const float normal = std::bit_cast<float>((rest << 13) + (std::uint32_t{0xE0} << 23)) * 0x1.0p-112f;
    const float tiny = std::bit_cast<float>(rest | (std::uint32_t{126} << 23)) - 0.5f; // exponent 0: rest * 2^-24
    const std::uint32_t size = rest < 0x400u ? std::bit_cast<std::uint32_t>(tiny) : std::bit_cast<std::uint32_t>(normal);
    return std::bit_cast<float>(sign | size);
}

// Each: `blocks` blocks, which may lie at any address, as elements one after the other.
void f64(const Byte* in, std::size_t blocks, float* out);
void f32(const Byte* in, std::size_t blocks, float* out);
void f16(const Byte* in, std::size_t blocks, float* out);
void bf16(const Byte* in, std::size_t blocks, float* out);
// Of 32 elements.
void q8_0(const Byte* in, std::size_t blocks, float* out);
void q4_0(const Byte* in, std::size_t blocks, float* out);
void q4_1(const Byte* in, std::size_t blocks, float* out);
void q5_0(const Byte* in, std::size_t blocks, float* out);
void q5_1(const Byte* in, std::size_t blocks, float* out);
void iq4_nl(const Byte* in, std::size_t blocks, float* out);
// Of 256 elements.
void q2_K(const Byte* in, std::size_t blocks, float* out);
void q3_K(const Byte* in, std::size_t blocks, float* out);
void q4_K(const Byte* in, std::size_t blocks, float* out);
void q5_K(const Byte* in, std::size_t blocks, float* out);
void q6_K(const Byte* in, std::size_t blocks, float* out);
void iq4_xs(const Byte* in, std::size_t blocks, float* out);

/// The sixteen values that IQ4_NL and IQ4_XS choose among (ggml's kvalues_iq4nl).
inline constexpr float kIq4Values[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

} // namespace engine::blocks
